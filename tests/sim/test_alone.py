"""Any asyncio program: run, explored, verified, with no flow around it."""

import asyncio
import itertools
import subprocess
import sys
import time

import pytest

import sim
from sim.kernel import Stuck
from sim.model.exploration import LEGAL, ExplorationFailed


async def two_buyers():
    stock = [10]

    async def buy():
        left = stock[0]
        await sim.latency("charge", 0.01)
        stock[0] = left - 1

    first = asyncio.create_task(buy())
    await asyncio.sleep(0.05)
    await buy()
    await first
    if stock[0] != 8:
        raise AssertionError(f"stock is {stock[0]}")


async def sound():
    await sim.latency("charge", 0.01)


def test_run_answers_like_asyncio_run():
    """`sim.run` gives what the program gives, in no time, and raises what it raises."""

    async def program():
        started = time.monotonic()
        await asyncio.sleep(300)
        return time.monotonic() - started

    assert sim.run(program) == 300.0
    with pytest.raises(Stuck):
        sim.run(lambda: asyncio.Event().wait())


def test_latency_outside_of_a_run_is_a_sleep():
    """A stand-in that uses `sim.latency` works in a plain asyncio program too."""
    assert asyncio.run(sim.latency("charge", 0.0)) is None


def test_failure_tells_how_to_see_it_again():
    """A failure is printed with its error, plan, legality and the line that repeats it."""
    exploration = sim.explore(two_buyers)
    (failure,) = exploration.failures
    assert str(failure).splitlines() == [
        "two_buyers fails with seed 1: AssertionError: stock is 9",
        "  plan {'kind': 'delay_points', 'late': {'charge#1': 8}}",
        "  at 0.08 s, after 2 calls: charge#1, charge#2",
        f"  {LEGAL}",
        "  again: sim.run(two_buyers, seed=1, plan={'kind': 'delay_points', 'late': {'charge#1': 8}})",
    ]
    with pytest.raises(AssertionError, match="stock is 9"):
        sim.run(two_buyers, seed=1, plan={"kind": "delay_points", "late": {"charge#1": 8}})
    assert sim.verify(two_buyers, seed=1, plan=failure.plan) == failure.digest


def test_check_raises_with_the_first_error_as_cause():
    """In a test, `check` fails with everything that was found."""
    with pytest.raises(ExplorationFailed, match="two_buyers: 2 runs, 1 failed; 2 calls") as caught:
        sim.explore(two_buyers).check()
    assert isinstance(caught.value.__cause__, AssertionError)
    sim.explore(sound, seeds=range(20)).check()


def test_keep_going_runs_all_seeds():
    """With `keep_going`, a failure does not end the exploration, and every single delay is tried."""
    exploration = sim.explore(two_buyers, seeds=range(60), keep_going=True)
    assert exploration.runs == 60
    assert len(exploration.failures) > 10
    assert exploration.singles_tried == exploration.singles == 10


def test_timeouts_are_met_on_both_sides():
    """An answer that comes just before a timeout and one that comes just after it are both tried."""
    answers = []

    async def program():
        try:
            async with asyncio.timeout(1):
                await sim.latency("charge", 0.001)
            answers.append("in time")
        except TimeoutError:
            answers.append("late")

    plans = [{"takes_us": {"charge#1": 1_000_000 + around_us}} for around_us in (-1, 1)]
    for plan in plans:
        sim.run(program, plan=plan)
    assert answers == ["in time", "late"]
    exploration = sim.explore(program, seeds=range(60))
    assert exploration.calls[0].deadlines_us == (1_000_000,)


def test_declared_error_is_raised_as_planned():
    """A call fails only with the error that it declares, and only when the plan says so."""

    async def program():
        await sim.latency("tool", 0.01, fails=ConnectionError)

    sim.run(program)
    with pytest.raises(ConnectionError, match="tool#1 fails, as planned"):
        sim.run(program, plan={"fail": {"tool#1": 1}})


def test_stall_holds_up_the_whole_loop():
    """A stalled loop runs its timers late."""

    async def program():
        other = asyncio.create_task(asyncio.sleep(1))
        await sim.latency("tool", 0.01)
        await other
        return asyncio.get_running_loop().time()

    assert sim.run(program) == 1.0
    assert sim.run(program, plan={"stall_ms": {"tool#1": 5000}}) > 5.0


def test_crash_starts_the_program_again_without_cleaning_up():
    """A killed program runs no `finally`; what lies outside of it stays as it was."""
    disk, cleaned = [], []

    async def program():
        disk.append("started")
        try:
            await sim.latency("store", 0.01)
            disk.append("stored")
            if len(disk) > 2:
                assert not cleaned
        finally:
            cleaned.append("cleaned")

    sim.run(program, plan={"crash": {"store#1": 1}})
    assert disk == ["started", "started", "stored"]


@pytest.mark.parametrize(("head_start_s", "pause_s"), [(0, 0), (0.01, 0.05)])
def test_nothing_of_a_dead_program_happens(head_start_s, pause_s):
    """What a killed program had planned, for at once or for later, does not happen any more."""
    lives, written = itertools.count(1), []

    async def program():
        life = next(lives)
        background = asyncio.create_task(write(life))
        await asyncio.sleep(head_start_s)
        await sim.latency("store", 0.01)
        await asyncio.sleep(1)
        background.cancel()

    async def write(life):
        await asyncio.sleep(0)
        await asyncio.sleep(pause_s)
        written.append(life)

    sim.run(program)
    sim.run(program, plan={"crash": {"store#1": 1}})
    assert written == [1, 3]


def test_ties_are_shuffled_only_when_planned():
    """Timers of exactly one time keep their order, unless the plan shuffles them."""

    async def program():
        order = []

        async def sleeper(index):
            await asyncio.sleep(1)
            order.append(index)

        await asyncio.gather(*(sleeper(index) for index in range(20)))
        return order

    assert sim.run(program) == list(range(20))
    shuffled = sim.run(program, plan={"ties": 7})
    assert sorted(shuffled) == list(range(20)) != shuffled
    assert sim.run(program, plan={"ties": 7}) == shuffled


def test_nondeterminism_shows_the_first_different_events():
    """A program that does something else in its second run is told so, with both events side by side."""
    runs = itertools.count(1)

    async def program():
        await asyncio.sleep(next(runs))

    with pytest.raises(sim.NondeterminismError) as caught:
        sim.verify(program)
    assert str(caught.value).splitlines()[1:3] == [
        "  first run:  1.000000 s  loop  callback",
        "  second run: 2.000000 s  loop  callback",
    ]


def test_portability_is_a_lint():
    """What leans on the order of ready callbacks is called fragile, and never a failure."""

    async def program():
        order = []
        await asyncio.gather(*(note(order, index) for index in range(5)))
        assert order == list(range(5))

    async def note(order, index):
        order.append(index)

    lint = sim.portability(program, seeds=range(20))
    assert lint.fragile
    assert "so this is no bug" in str(lint)
    assert sim.explore(program, seeds=range(20)).passed
    assert "none failed" in str(sim.portability(sound, seeds=range(5)))


@pytest.mark.parametrize(("options", "message"), [({"seeds": []}, "seeds="), ({"kinds": []}, "kinds=")])
def test_empty_search_is_refused(options, message):
    """An exploration without seeds or kinds would pass without a look, so it is refused."""
    with pytest.raises(ValueError, match=rf"{message}\[\] is empty"):
        sim.explore(sound, **options)


def test_import_stays_light():
    """`import sim` loads neither the kernel nor the runtime."""
    program = "import sim, sys; print('penguiflow' in sys.modules, 'sim.kernel' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert answer.stdout.split() == ["False", "False"]
    with pytest.raises(AttributeError, match="has no attribute 'flow'"):
        _ = sim.flow
