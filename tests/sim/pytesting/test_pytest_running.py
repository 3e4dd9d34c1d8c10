"""The fixture `sim_run`, and the decorator `sim.scenario`."""

from pytest_shop import BROKEN, SOUND, project

import sim.pytesting.items
import sim.pytesting.running
import sim.pytesting.worlds  # noqa: F401 - runs of pytest in this process put back the modules that were there before

TESTS = """
import pytest
import sim
from sim.loader import ScenarioError
from sim.model.scenario import Scenario


def test_a_file(sim_run):
    result = sim_run("lost.sim.yaml", seeds=2)
    assert result.verdict == "fail"
    assert result.seeds == (1, 2)
    assert result.check("charge-once").failing_seeds == (1, 2)
    assert {finding.kind for finding in result.findings} == {"duplicate_effect"}
    with pytest.raises(KeyError, match="has no check 'charge-twice'; it has .*charge-once"):
        result.check("charge-twice")


def test_single_seeds(sim_run):
    assert sim_run("quiet.sim.yaml", seed=9).seeds == (9,)
    assert sim_run("quiet.sim.yaml", seeds=[4, 2]).seeds == (4, 2)
    with pytest.raises(ValueError, match="exclude each other"):
        sim_run("quiet.sim.yaml", seed=1, seeds=2)
    with pytest.raises(ValueError, match="no seed at all"):
        sim_run("quiet.sim.yaml", seeds=0)


def test_other_limits(sim_run):
    assert sim_run("lost.sim.yaml", seed=1, override={"nodes": {"pay": {"max_retries": 0}}}).verdict == "pass"
    with pytest.raises(ValueError, match="override.nodes.pay.max_retrys: unknown key; did you mean 'max_retries'"):
        sim_run("lost.sim.yaml", override={"nodes": {"pay": {"max_retrys": 0}}})


SCENARIO = {
    "schema": "penguiflow.sim/1", "name": "in-python", "flow": "shop:build", "seeds": {"count": 1},
    "load": {"stages": [{"for": "1s", "rate": "2/s"}]},
}


def test_made_in_python(sim_run):
    assert sim_run(Scenario.model_validate(SCENARIO)).verdict == "pass"
    with pytest.raises(ScenarioError, match="test_shop.py: flow: .*shop.*bild"):
        sim_run(Scenario.model_validate(SCENARIO | {"flow": "shop:bild"}))


@sim.scenario("quiet.sim.yaml", seeds=1)
def test_decorated(result, tmp_path):
    assert (result.verdict, tmp_path.is_dir()) == ("pass", True)


class TestDecorated:
    @sim.scenario("quiet.sim.yaml", seed=5)
    def test_method(self, sim_run, result):
        assert result.digest == sim_run("quiet.sim.yaml", seed=5).digest


def test_what_cannot_be_decorated():
    with pytest.raises(TypeError, match="has no argument result"):
        sim.scenario("quiet.sim.yaml")(lambda: None)

    async def test(result):
        pass

    with pytest.raises(TypeError, match="test is async"):
        sim.scenario("quiet.sim.yaml")(test)


async_test = pytest.mark.sim


@async_test
async def test_not_inside_of_a_world(sim_run):
    with pytest.raises(RuntimeError, match="cannot run inside"):
        sim_run("quiet.sim.yaml", seed=1)
"""

FAILING = """
import sim


@sim.scenario("lost.sim.yaml")
def test_lost(result):
    assert result.verdict == "pass"


def test_broken(sim_run):
    sim_run("missing.sim.yaml")
"""


def test_tests_run_scenarios(pytester):
    """A test runs files and scenarios made in Python, with the seeds that it wants, and reads what they came to."""
    project(pytester, lost__sim=BROKEN, quiet__sim=SOUND, test_shop=TESTS)

    pytester.runpytest_inprocess("test_shop.py").assert_outcomes(passed=8)


def test_a_failing_test_shows_the_scenario(pytester):
    """The lines of the scenario stand under a failing test, of the seeds of an option, and no line of ours."""
    project(pytester, lost__sim=BROKEN, test_failing=FAILING)

    result = pytester.runpytest_inprocess("test_failing.py", "--sim-seed=8")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*FAIL*charge-once*", "REPRODUCE  penguiflow sim run lost.sim.yaml --seed 8"])
    result.stdout.fnmatch_lines(["*missing.sim.yaml*"])
    result.stdout.no_fnmatch_line("*running.py*")
