"""From paths to scenario files."""

from pathlib import Path

import pytest
from scenario_files import SMALL, write

from sim.loader import ScenarioError, SelectionError, find_scenarios, load_scenarios


@pytest.fixture(autouse=True)
def _in_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_folders_are_searched_and_files_sorted():
    """Files and folders may be mixed; every scenario comes once, in the order of paths, hidden folders left out."""
    for name in ("b/two.sim.yaml", "a/deep/one.sim.yaml", "a/other.yaml", "a/.hidden/three.sim.yaml"):
        write(Path(), SMALL, name)

    found = find_scenarios([Path("b/two.sim.yaml"), Path("b"), Path("a")])

    assert found == [Path("a/deep/one.sim.yaml"), Path("b/two.sim.yaml")]


def test_a_missing_path_gets_a_close_match():
    """A path that does not exist is an error that offers its neighbour."""
    write(Path(), SMALL, "suites/checkout.sim.yaml")

    with pytest.raises(ScenarioError) as caught:
        find_scenarios([Path("suites/chekout.sim.yaml"), Path("nowhere/at/all")])

    assert str(caught.value).splitlines() == [
        "nowhere/at/all: there is no such file or folder; check the path",
        "suites/chekout.sim.yaml: there is no such file or folder; did you mean 'checkout.sim.yaml'?",
    ]


def test_another_suffix_is_refused():
    """A file that is named and has another suffix is an error with the rule."""
    path = write(Path(), SMALL, "checkout.yaml")

    with pytest.raises(
        ScenarioError, match=r"^checkout\.yaml: this is no scenario file; its name ends in \.sim\.yaml;"
    ):
        find_scenarios([path])


def test_an_empty_folder_selects_nothing():
    """A folder without scenarios is its own kind of error."""
    Path("empty").mkdir()

    with pytest.raises(SelectionError, match=r"^empty: the folder holds no scenario;"):
        find_scenarios([Path("empty")])


def test_two_scenarios_cannot_share_a_name():
    """Two files with one name are an error at the second name, which names the first file."""
    write(Path(), SMALL, "one.sim.yaml")
    write(Path(), SMALL, "two.sim.yaml")

    with pytest.raises(ScenarioError, match=r"^two\.sim\.yaml:2:7: name: 'small' is the name of one\.sim\.yaml too;"):
        load_scenarios([Path()])


def test_problems_of_all_files_come_together():
    """One broken file does not hide the next."""
    write(Path(), "name: 1\n", "one.sim.yaml")
    write(Path(), "", "two.sim.yaml")
    write(Path(), SMALL, "three.sim.yaml")

    with pytest.raises(ScenarioError) as caught:
        load_scenarios([Path()])

    assert sorted({problem.file for problem in caught.value.problems}) == ["one.sim.yaml", "two.sim.yaml"]


def test_valid_files_are_loaded_in_order():
    """Scenarios come loaded, in the order of their files."""
    write(Path(), SMALL, "b.sim.yaml")
    write(Path(), SMALL.replace("small", "tiny"), "a.sim.yaml")

    assert [item.scenario.name for item in load_scenarios([Path()])] == ["tiny", "small"]
