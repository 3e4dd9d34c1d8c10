"""`sim report`, `sim plot` and `sim diff`: from stored results, without a run."""

from __future__ import annotations

import json
import shutil

import pytest
from command import ROOT, sim
from golden_files import hold_against

from sim.model.result import SuiteResult
from sim.report.compare import compare, render, worst_change

SAMPLE = ROOT / "reports" / "sample"


@pytest.fixture
def stored(tmp_path):
    shutil.copy(SAMPLE / "result.json", tmp_path)
    return tmp_path


@pytest.fixture
def data():
    return json.loads((SAMPLE / "result.json").read_text())


def files(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def differing(before, after, allowed=None):
    changes = compare(*(SuiteResult.model_validate(one) for one in (before, after)))
    return changes, render(changes, allowed)


def test_a_report_is_rebuilt_to_the_byte(stored):
    """From result.json alone come the files of the run that wrote it; capsules are no report."""
    done = sim("report", stored)
    assert done.returncode == 0, done.stderr
    wanted = {name: content for name, content in files(SAMPLE).items() if not name.startswith("failures/")}
    assert files(stored) == wanted


def test_one_kind_of_report_can_be_rebuilt_alone(stored):
    """`--md` and `--junit` write their file and say its name."""
    done = sim("report", stored / "result.json", "--md", "--junit")
    assert done.stdout.split() == [str(stored / "summary.md"), str(stored / "junit.xml")]
    assert sorted(files(stored)) == ["junit.xml", "result.json", "summary.md"]


def test_plots_come_from_the_stored_result(stored):
    """The plots are those of the run, of the kinds and in the format that is asked for."""
    done = sim("plot", stored, "--kind", "latency", "--format", "png")
    assert done.returncode == 0, done.stderr
    assert sorted(files(stored)) == [
        "plots/checkout-fragile/latency.csv", "plots/checkout-fragile/latency.png", "result.json",
    ]  # fmt: skip
    assert all(files(SAMPLE)[name] == content for name, content in files(stored).items())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "the file is no JSON"),
        ('{"schema": "penguiflow.sim.result/9"}', "schema is 'penguiflow.sim.result/9'"),
        ('{"schema": "penguiflow.sim.result/1"}', "version: Field required"),
    ],
)
def test_a_result_that_cannot_be_read_is_told(tmp_path, text, words):
    """Corrupt, of another version or of another form: one line with the file, and exit 2."""
    file = tmp_path / "result.json"
    file.write_text(text)
    for command in ("report", tmp_path), ("plot", file), ("diff", file, SAMPLE):
        done = sim(*command)
        assert done.returncode == 2
        assert done.stderr.startswith(f"{file}: {words}")
        assert "Traceback" not in done.stderr


def test_a_result_that_is_not_there_is_told(tmp_path):
    """Exit 2, with the reason."""
    done = sim("report", tmp_path / "nothing")
    assert done.returncode == 2
    assert "nothing: the file cannot be read: No such file or directory" in done.stderr


def test_unknown_kinds_of_plot_are_told(stored):
    """Exit 2, with the kinds that there are."""
    done = sim("plot", stored, "--kind", "latencies")
    assert done.returncode == 2
    assert "'latencies' is no plot; the plots are latency, queues" in " ".join(done.stderr.split())


def test_the_same_result_differs_in_nothing(data):
    """Nothing changed, nothing worse."""
    changes, text = differing(data, data, 0.0)
    assert (text, worst_change(changes)) == ("the same: checkout-fragile", 0.0)


def test_what_changed_is_told(data):
    """Values with their growth, verdicts, seeds, percentiles, outcomes, digests, what came and what is gone."""
    after = json.loads(json.dumps(data))
    scenario = after["scenarios"][0]
    scenario["verdict"] = "fail"
    scenario["checks"][0].update(value=scenario["checks"][0]["value"] * 1.25, verdict="fail", failing_seeds=[1])
    gone = scenario["checks"].pop()
    scenario["checks"].append({**gone, "id": "brand-new"})
    scenario["numbers"]["latency_p99_s"] *= 2
    scenario["numbers"]["outcomes"] = {"ok": 1, "deadline": 3}
    scenario["digest"] = "0" * 64
    changes, text = differing(data, after, 0.1)
    assert worst_change(changes) == float("inf")
    hold_against("diff.txt", text)


def test_a_lower_bound_is_worse_with_a_smaller_number(data):
    """What is better depends on the bound; a gain is no loss."""
    check = data["scenarios"][0]["checks"][0]
    check.update(value=0.8, limit=">= 0.5", failing_seeds=[])
    lower, higher = (json.loads(json.dumps(data)) for _ in range(2))
    lower["scenarios"][0]["checks"][0]["value"] = 0.6
    higher["scenarios"][0]["checks"][0]["value"] = 0.9
    assert worst_change(differing(data, lower)[0]) == pytest.approx(0.25)
    assert worst_change(differing(data, higher)[0]) == 0


def test_worse_than_allowed_ends_with_1(stored, data, tmp_path):
    """`--fail-if-worse` compares the largest loss with the share; without it a comparison is no judgement."""
    other = tmp_path / "other.json"
    data["scenarios"][0]["numbers"]["latency_max_s"] *= 1.2
    other.write_text(json.dumps(data))
    codes = [
        sim("diff", stored, other, *options).returncode
        for options in ((), ("--fail-if-worse", "10%"), ("--fail-if-worse", "30%"))
    ]
    assert codes == [0, 1, 0]


def test_a_share_without_percent_is_told(stored):
    """Exit 2, with what to write."""
    done = sim("diff", stored, stored, "--fail-if-worse", "0.1")
    assert done.returncode == 2
    assert "'0.1' is no share; it is a number of percent; write 10%" in " ".join(done.stderr.split())
