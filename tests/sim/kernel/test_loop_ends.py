"""How a simulation ends before its program does."""

import asyncio
import math
import pickle

import pytest

from sim.kernel import BudgetExhausted, HorizonReached, SimLoop, SimulationEnd, Stuck, World
from sim.kernel.loop import FAIR_ROUNDS
from sim.model import recording


async def forever():
    await asyncio.Event().wait()


async def heartbeat():
    while True:  # noqa: ASYNC110 - a heartbeat is what this is
        await asyncio.sleep(1)


async def spin():
    while True:  # noqa: ASYNC110 - a spin is what this is
        await asyncio.sleep(0)


def test_nothing_to_do_is_stuck():
    """A program that waits for something that nobody can bring ends at once, with a story."""
    world = World(1)
    with pytest.raises(Stuck) as caught:
        world.run(forever())
    assert caught.value.at_s == 0.0
    assert caught.value.story.reason == "nothing is ready and no timer is set, while 1 task waits"


def test_sleeping_forever_is_stuck():
    """A timer at infinity is no timer."""
    with pytest.raises(Stuck):
        World(1).run(asyncio.sleep(math.inf))


def test_stuck_leaves_run_forever_too():
    """A bare loop with nothing to do is stuck as well, rather than spinning."""
    with pytest.raises(Stuck, match="while 0 tasks wait"):
        SimLoop().run_forever()


def test_horizon_ends_a_heartbeat():
    """A program that never ends does end at its horizon, and the clock does not pass it."""
    world = World(1, horizon_s=10.5)
    with pytest.raises(HorizonReached) as caught:
        world.run(heartbeat())
    assert caught.value.at_s == 10.5


def test_timer_at_the_horizon_still_fires():
    """The horizon itself belongs to the run."""

    async def program():
        await asyncio.sleep(10)
        return "done"

    assert World(1, horizon_s=10).run(program()) == "done"


def test_budget_ends_a_spin():
    """A task that spins with no timer anywhere ends when the budget is used up."""
    world = World(1, event_budget=5000)
    with pytest.raises(BudgetExhausted) as caught:
        world.run(spin())
    assert caught.value.event_budget == 5000
    assert caught.value.at_s == 0.0


def test_spin_does_not_stop_the_clock():
    """While a task spins, timers still go off: the clock is fair."""

    async def program():
        async with asyncio.timeout(10):
            await spin()

    world = World(1)
    with pytest.raises(TimeoutError):
        world.run(program())
    assert world.now_s == 10.0
    assert world.loop.forced_jumps == 1


def test_long_spin_gets_cheaper():
    """A spin that outlives one forced jump is known as one: an hour of heartbeats beside it costs few callbacks."""

    async def program():
        spinning = asyncio.create_task(spin())
        await asyncio.sleep(0)
        for _ in range(3600):
            await asyncio.sleep(1)
        spinning.cancel()

    world = World(1)
    world.run(program())
    assert world.loop.forced_jumps == 3600
    assert world.loop.events < FAIR_ROUNDS + 3600 * 200


def test_burst_is_no_spin():
    """Thirty thousand callbacks of one instant do not move the clock towards a distant timeout."""

    async def program():
        async with asyncio.timeout(60):
            for _ in range(10):
                await asyncio.gather(*(asyncio.sleep(0) for _ in range(1000)))
        return asyncio.get_running_loop().time()

    world = World(1)
    assert world.run(program()) == 0.0
    assert world.loop.events > 30_000
    assert world.loop.forced_jumps == 0


def test_ends_read_well():
    """Each end says what happened, the rule, and one thing to try."""
    story = recording.Stuck(at_s=1.5, reason="nothing moves", waits=("a waits for b",))
    assert str(Stuck(story)) == "stuck at 1.5 s: nothing moves\n  a waits for b"
    assert str(HorizonReached(10.0)) == (
        "the run is still busy at its horizon of 10 s; virtual time does not pass the horizon; "
        "set a later one, or look for a loop that never ends"
    )
    assert str(BudgetExhausted(2.0, 5000)) == (
        "the run used up its budget of 5,000 callbacks at 2 s; a run has to end within its budget; "
        "look for a task that spins, or raise the budget"
    )


@pytest.mark.parametrize(
    "end", [Stuck(recording.Stuck(1.0, "why", ("w",), ("c",))), HorizonReached(3.0), BudgetExhausted(2.0, 9)]
)
def test_ends_travel_between_processes(end):
    """A sweep's worker can hand an end to its parent."""
    copy = pickle.loads(pickle.dumps(end))  # noqa: S301 - our own bytes
    assert isinstance(copy, SimulationEnd)
    assert (type(copy), copy.args, copy.at_s) == (type(end), end.args, end.at_s)
