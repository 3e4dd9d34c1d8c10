"""The zoo of races: exploration finds each of them, and accuses none of the correct twins."""

import asyncio

import pytest
from specimens import RACES, twin_of

import sim


@pytest.mark.parametrize("race", RACES)
def test_race_is_found(race):
    """A race fails within ten runs, not in the first one, and its plan alone makes it fail again."""
    exploration = sim.explore(race, seeds=range(200))
    assert 1 < exploration.runs <= 10
    (failure,) = exploration.failures
    with pytest.raises(type(failure.error)):
        sim.run(race, seed=failure.seed, plan=failure.plan.as_dict())


@pytest.mark.parametrize("race", RACES)
def test_twin_is_not_accused(race):
    """A correct program passes, whatever is late."""
    exploration = sim.explore(twin_of(race), seeds=range(60))
    assert exploration.runs == 60
    assert exploration.passed, str(exploration)


@pytest.mark.parametrize("race", RACES)
def test_race_survives_an_unrelated_edit(race):
    """A plan names calls, not positions: one more task that makes calls of its own hides no failure."""

    async def telemetry():
        for _ in range(3):
            await sim.latency("telemetry", 0.013)

    async def edited():
        beside = asyncio.create_task(telemetry())
        await race()
        await beside

    for failure in sim.explore(race, seeds=range(30), keep_going=True).failures:
        with pytest.raises(type(failure.error)):
            sim.run(edited, seed=failure.seed, plan=failure.plan)
