"""The output tree."""

import pytest
from report_samples import BROKEN, HARDENED, demo_suite, odd_suite, scenario, suite

from sim.report import ReportError, load_result, render_html, write_all


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_tree_holds_result_page_and_plots(tmp_path):
    """A run leaves its result, its page, and two plots a scenario in two formats with their numbers."""
    written = write_all(suite(HARDENED), tmp_path / "new" / "reports")

    assert tree(written.folder) == [
        "junit.xml",
        "metrics.om",
        *(
            f"plots/checkout-hardened/{kind}.{ending}"
            for kind in ("latency", "queues")
            for ending in ("csv", "png", "svg")
        ),
        "report.html",
        "result.json",
        "summary.md",
    ]
    assert sorted(written.files) == sorted(path for path in written.folder.rglob("*") if path.is_file())
    assert written.errors == ()


def test_reports_can_be_rebuilt_from_the_result(tmp_path):
    """The page is what comes out of the written result."""
    written = write_all(demo_suite(), tmp_path)

    assert render_html(load_result(written.result)) == written.html.read_text(encoding="utf-8")


def test_plots_of_an_earlier_run_go_and_other_files_stay(tmp_path):
    """Plots of scenarios that did not run are removed, and whatever somebody else keeps there is not."""
    write_all(suite(HARDENED, BROKEN), tmp_path)
    (tmp_path / "plots" / "checkout-under-stress" / "notes.txt").write_text("mine")
    (tmp_path / "plots" / "photos").mkdir()
    (tmp_path / "plots" / "photos" / "cat.png").write_text("mine")
    write_all(suite(scenario("checkout-hardened", queues=())), tmp_path)

    assert [name for name in tree(tmp_path) if name.startswith("plots/")] == [
        *(f"plots/checkout-hardened/latency.{ending}" for ending in ("csv", "png", "svg")),
        "plots/checkout-under-stress/notes.txt",
        "plots/photos/cat.png",
    ]


def test_no_name_leads_out_of_the_folder(tmp_path):
    """Whatever scenarios are called, files land in folders of their own below `plots`."""
    folder = tmp_path / "deep" / "reports"
    written = write_all(odd_suite(), folder)
    twins = write_all(suite(scenario("a b"), scenario("a/b")), tmp_path / "twins")

    assert all(path.resolve().is_relative_to(folder.resolve()) for path in written.files)
    assert sorted(path.name for path in (twins.folder / "plots").iterdir()) == ["a-b", "a-b-2"]
    assert tree(tmp_path) == sorted(path.relative_to(tmp_path).as_posix() for path in (*written.files, *twins.files))


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path):
    """Where a file stands in place of the folder, the error says what, where, the rule and a fix."""
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(ReportError, match="cannot be written") as caught:
        write_all(suite(HARDENED), tmp_path / "reports")

    assert str(tmp_path / "reports") in caught.value.where
    assert caught.value.fix == "give another folder with --report"


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch):
    """When the disk is full, what stood there before is still there, and nothing half-written is."""
    write_all(suite(HARDENED), tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in tree(tmp_path)}

    def full(self, data):
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(ReportError, match="No space left on device"):
        write_all(suite(HARDENED), tmp_path)

    assert {name: (tmp_path / name).read_bytes() for name in tree(tmp_path)} == before


def test_a_plot_that_fails_breaks_no_report(tmp_path, monkeypatch):
    """Without its plots a report is still written, with their numbers, and the plots' errors are handed back."""
    monkeypatch.setattr("sim.report.pictures.draw", lambda *_: 1 / 0)
    written = write_all(suite(HARDENED), tmp_path)

    assert tree(tmp_path) == [
        "junit.xml",
        "metrics.om",
        "plots/checkout-hardened/latency.csv",
        "plots/checkout-hardened/queues.csv",
        "report.html",
        "result.json",
        "summary.md",
    ]
    assert len(written.errors) == 2
