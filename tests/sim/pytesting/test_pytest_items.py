"""Scenario files as tests."""

import json
import sys
import xml.etree.ElementTree as ET

import pytest
from pytest_shop import BROKEN, MISSPELT, SOUND, UNSURE, project

import sim.pytesting.items
import sim.pytesting.reporting
import sim.pytesting.running
import sim.pytesting.worlds  # noqa: F401 - runs of pytest in this process put back the modules that were there before


def sim_command(pytester, *arguments):
    return pytester.run(sys.executable, "-m", "sim", *arguments)


def test_a_scenario_is_a_test(pytester, monkeypatch):
    """A file is one test, its failure is what the command prints, without a traceback, and the rest goes on."""
    monkeypatch.setenv("COLUMNS", "100")
    project(pytester, lost__sim=BROKEN, quiet__sim=SOUND)

    result = pytester.runpytest_inprocess("-v")
    told = sim_command(pytester, "run", "lost.sim.yaml", "-j", "1").outlines

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["lost.sim.yaml::lost-answer FAILED*", "quiet.sim.yaml::quiet-day PASSED*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    block = told[: next(number for number, line in enumerate(told) if not line.strip())]
    assert len(block) > 5
    assert [line for line in block if line not in result.outlines] == []


def test_a_scenario_can_be_a_test_for_each_seed(pytester):
    """With `--sim-items=seed` each seed is a test of its own, and options choose the seeds."""
    project(pytester, quiet__sim=SOUND)

    result = pytester.runpytest_inprocess("-v", "--sim-items=seed", "--sim-seed=4", "--sim-seed=7")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*quiet-day?seed-4? PASSED*", "*quiet-day?seed-7? PASSED*"])


def test_each_variant_of_a_matrix_is_a_test(pytester):
    """A file with a matrix gives one test for each combination, under its name."""
    project(pytester, quiet__sim=f"{SOUND}matrix: {{horizon: [200s, 300s]}}\n")

    result = pytester.runpytest_inprocess("-v", "--sim-seeds=1")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*quiet-day?horizon=200s? PASSED*", "*quiet-day?horizon=300s? PASSED*"])


@pytest.mark.parametrize("chosen", [["-k", "nightly"], ["-k", "quiet"], ["-m", "sim", "quiet.sim.yaml"]])
def test_scenarios_are_selected_as_tests_are(pytester, chosen):
    """Names, tags, the marker and files narrow down what is run."""
    project(pytester, lost__sim=BROKEN, quiet__sim=SOUND, test_plain="def test_plain():\n    pass\n")

    assert pytester.runpytest_inprocess(*chosen).parseoutcomes()["passed"] == 1


def test_a_broken_file_is_told_as_by_the_check_command(pytester):
    """An error of collection has the words of `sim check`, and no traceback."""
    project(pytester, misspelt__sim=MISSPELT)

    result = pytester.runpytest_inprocess()
    *told, last = sim_command(pytester, "check", "misspelt.sim.yaml").errlines

    result.assert_outcomes(errors=1)
    result.stdout.no_fnmatch_line("*Traceback*")
    assert told
    assert last.startswith("exit 2: ")  # the command's own last line
    assert [line for line in told if line not in result.outlines] == []


@pytest.mark.parametrize(("setting", "outcome"), [("fail", "failed"), ("skip", "skipped")])
def test_inconclusive_is_what_the_project_says(pytester, setting, outcome):
    """An inconclusive scenario fails, or is skipped where the setting says so."""
    project(pytester, unsure__sim=UNSURE)

    result = pytester.runpytest_inprocess("-rs", "-o", f"sim_inconclusive={setting}", "--sim-seeds=1")

    assert result.parseoutcomes() == {outcome: 1}
    result.stdout.fnmatch_lines(["*inconclusive*"] if setting == "skip" else ["*INCONCLUSIVE*"])


def test_junit_has_seeds_and_digest(pytester):
    """JUnit's properties name the seeds, those that failed, and the digest of the command's own run."""
    project(pytester, lost__sim=BROKEN)

    pytester.runpytest_inprocess("--junitxml=junit.xml")
    sim_command(pytester, "run", "lost.sim.yaml", "--report", "reports")

    properties = {
        one.get("name"): one.get("value")
        for one in ET.parse(pytester.path / "junit.xml").iter("property")  # noqa: S314 - our own file
    }
    (expected,) = json.loads((pytester.path / "reports" / "result.json").read_text(encoding="utf-8"))["scenarios"]
    assert properties == {
        "sim_verdict": "fail",
        "sim_seeds": "1 2 3",
        "sim_failing_seeds": "1 2 3",
        "sim_digest": expected["digest"],
    }


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_the_report_is_that_of_the_command(pytester, workers):
    """`--sim-report` writes the same `result.json` as `sim run`, also out of the workers of pytest-xdist."""
    project(pytester, lost__sim=BROKEN, quiet__sim=SOUND)

    result = pytester.runpytest_subprocess("--sim-report=ours", *workers)
    sim_command(pytester, "run", "lost.sim.yaml", "quiet.sim.yaml", "--report", "theirs")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["sim: report: *report.html"])
    ours, theirs = ((pytester.path / folder / "result.json").read_bytes() for folder in ("ours", "theirs"))
    assert ours == theirs


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--sim-seed=1", "--sim-seeds=2"], "*give one or the other*"),
        (["--sim-seeds=0"], "*--sim-seeds: invalid whole number from 1 value: '0'*"),
        (["--sim-report=reports", "--sim-items=seed"], "*leave one of them out*"),
        (["--sim-report=shop.py"], "*shop.py is no folder*--sim-report*"),
        (["--sim-report="], "*names no folder*"),
        (["-o", "sim_inconclusive=maybe"], "*maybe is neither fail nor skip*"),
    ],
)
def test_options_that_cannot_be_followed_are_refused(pytester, options, told):
    """Each gets one line that says what to do instead, before anything is run."""
    project(pytester, quiet__sim=SOUND)

    result = pytester.runpytest_inprocess(*options)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told])


def test_two_scenarios_of_one_name_cannot_share_a_report(pytester):
    """The second of them is an error of collection when a report is asked for."""
    project(pytester, quiet__sim=SOUND, again__sim=SOUND)

    result = pytester.runpytest_inprocess("--sim-report=reports")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*quiet-day' is the name of again.sim.yaml too*rename one*"])


def test_a_hash_seed_that_differs_is_said_once(pytester, monkeypatch):
    """Without the hash seed of the command, the summary says so, once for all scenarios."""
    project(pytester, quiet__sim=SOUND, other__sim=SOUND.replace("quiet-day", "other-day"))

    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    unset = pytester.runpytest_inprocess("--sim-seeds=1").outlines
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    pinned = pytester.runpytest_inprocess("--sim-seeds=1").outlines

    assert [sum("PYTHONHASHSEED" in line for line in lines) for lines in (unset, pinned)] == [1, 0]


def test_a_project_without_scenarios_loads_nothing(pytester):
    """Neither the harness nor what it is made of is imported for plain tests."""
    project(
        pytester,
        test_plain="""
        import sys

        def test_plain():
            heavy = ("pydantic", "matplotlib", "freezegun", "yaml", "penguiflow", "sim.kernel", "sim.pytesting")
            assert [name for name in heavy if name in sys.modules] == []
        """,
    )
    pytester.path.joinpath("shop.py").unlink()

    options = ["-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:pytest_cov"]
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)


def test_coverage_sees_the_flow(pytester):
    """Beside pytest-cov, the code that scenarios run is measured."""
    project(pytester, quiet__sim=SOUND)

    result = pytester.runpytest_subprocess("--cov=shop", "--sim-seeds=1")

    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"shop.py\s+\d+\s+\d+\s+[5-9]\d%"])
