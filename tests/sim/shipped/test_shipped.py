"""The shipped suite: each flow in a fragile and a hardened build, each with what it teaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.loader import load_scenarios

FOLDER = Path(__file__).parents[3] / "scenarios"
LOADED = {loaded.scenario.name: loaded.scenario for loaded in load_scenarios([FOLDER])}
PAIRS = sorted({name.rpartition("-")[0] for name in LOADED})


@pytest.mark.parametrize("pair", PAIRS)
def test_every_flow_is_there_twice_under_the_same_load(pair):
    """A fragile build that has to be caught, and a hardened one that promises at least as much."""
    fragile, hardened = LOADED[f"{pair}-fragile"], LOADED[f"{pair}-hardened"]
    assert fragile.expect
    assert not hardened.expect
    assert fragile.load == hardened.load
    assert [fault.kind for fault in fragile.faults] == [fault.kind for fault in hardened.faults]
    expected = [expect.check for expect in fragile.expect]
    assert all(check.id in [mine.id for mine in hardened.checks] for check in fragile.checks if check.id in expected)


@pytest.mark.parametrize("name", LOADED)
def test_every_scenario_says_what_it_teaches(name):
    """A title, a paragraph and tags; the page of the suite has a line for its pair."""
    scenario = LOADED[name]
    assert scenario.title
    assert len(scenario.about.split()) >= 20
    assert scenario.tags
    assert f"| `{name.rpartition('-')[0]}` |" in (FOLDER / "README.md").read_text()
