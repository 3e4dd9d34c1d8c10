"""Time and order on the simulated loop."""

import asyncio
import logging
import random

import pytest

from sim.kernel import HorizonReached, SimLoop
from sim.kernel.handles import ReadyHandle, Timer

DAY_S = 86_400.0


def run(coroutine, **options):
    with asyncio.Runner(loop_factory=lambda: SimLoop(**options)) as runner:
        return runner.run(coroutine)


def test_clock_starts_at_zero_and_jumps_exactly():
    """A sleep ends at exactly the moment it asked for, thirty days included."""

    async def program():
        loop = asyncio.get_running_loop()
        moments = [loop.time()]
        for delay_s in (0.1, 30 * DAY_S, 1e-9):
            await asyncio.sleep(delay_s)
            moments.append(loop.time())
        return moments

    assert run(program()) == [0.0, 0.1, 0.1 + 30 * DAY_S, 0.1 + 30 * DAY_S + 1e-9]


def test_equal_deadlines_keep_their_order():
    """Timers of one instant go off in the order in which they were set."""
    loop, seen = SimLoop(), []
    for index in range(0, 500, 2):
        loop.call_at(5.0, seen.append, index)
        loop.call_later(5.0, seen.append, index + 1)
    loop.call_at(5.0, loop.stop)
    loop.run_forever()
    assert seen == list(range(500))


def test_close_deadlines_stay_apart():
    """Two timers 0.4 ms apart see two different times."""

    async def at(delay_s):
        await asyncio.sleep(delay_s)
        return asyncio.get_running_loop().time()

    async def program():
        return await asyncio.gather(at(1.0004), at(1.0))

    assert run(program()) == [1.0004, 1.0]


def test_ready_callbacks_run_first_in_first_out():
    """The ready queue keeps asyncio's promise, rounds included."""
    loop, seen = SimLoop(), []

    def first():
        seen.append("first")
        loop.call_soon(seen.append, "third")
        loop.call_soon(loop.stop)

    loop.call_soon(first)
    loop.call_soon(seen.append, "second")
    loop.run_forever()
    assert seen == ["first", "second", "third"]


def test_timer_due_now_waits_for_its_turn():
    """A timer of no delay runs in the next round, behind what is ready by then."""
    loop, seen = SimLoop(), []
    loop.call_soon(lambda: (loop.call_later(0, seen.append, "timer"), loop.call_soon(seen.append, "soon")))
    loop.call_later(1, loop.stop)
    loop.run_forever()
    assert seen == ["soon", "timer"]


def test_timer_in_the_past_does_not_turn_time_back():
    """A deadline that has passed goes off now, at the present time."""
    loop, seen = SimLoop(), []
    loop.call_later(10, lambda: loop.call_at(3, lambda: (seen.append(loop.time()), loop.stop())))
    loop.run_forever()
    assert seen == [10.0]


def test_thousands_of_random_timers_fire_in_order():
    """Whatever is set and cancelled, the rest goes off at its time and in order of time."""
    loop, seen, rng = SimLoop(), [], random.Random(5)  # noqa: S311 - a repeatable load is wanted
    timers = [
        (when, loop.call_at(when, lambda: seen.append(loop.time()))) for when in (rng.random() for _ in range(3000))
    ]
    kept = []
    for when, timer in timers:
        if rng.random() < 0.8:
            timer.cancel()
        else:
            kept.append(when)
    loop.call_at(2, loop.stop)
    loop.run_forever()
    assert seen == sorted(kept)


def test_cancelled_timers_are_dropped():
    """Timers that are cancelled do not pile up: most timers are timeouts, and most of those are cancelled."""
    loop = SimLoop()
    for _ in range(10_000):
        loop.call_later(60, print).cancel()
    assert len(loop._scheduled) <= 100


def test_cancelled_timer_does_not_move_the_clock():
    """A cancelled timeout leaves the time of the next event as it is."""
    loop = SimLoop()
    loop.call_later(5, print).cancel()
    loop.call_later(7, loop.stop)
    loop.run_forever()
    assert loop.time() == 7.0


def test_event_count_leaves_cancelled_callbacks_out():
    """`events` counts the callbacks that ran."""
    loop = SimLoop()
    loop.call_soon(print).cancel()
    loop.call_later(0, print).cancel()
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert loop.events == 1


def test_advance_lets_time_pass_inside_a_callback():
    """A call that blocks moves the clock, and what was due meanwhile comes late."""
    loop, seen = SimLoop(), []
    loop.call_later(1, lambda: seen.append(loop.time()))
    loop.call_later(2, loop.stop)
    loop.call_soon(loop.advance, 1.5)
    loop.run_forever()
    assert seen == [1.5]


def test_advance_stops_at_the_horizon():
    """Blocking past the horizon ends there, so that a loop of blocking calls ends too."""
    loop = SimLoop(horizon_s=10)
    with pytest.raises(HorizonReached):
        loop.advance(11)
    assert loop.time() == 10


def test_errors_in_callbacks_go_to_the_handler():
    """A callback that fails is reported with its exception, and the loop goes on."""
    loop, problems = SimLoop(), []
    loop.set_exception_handler(lambda _, context: problems.append(context))
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert [type(problem["exception"]) for problem in problems] == [ZeroDivisionError]
    assert "Exception in callback" in problems[0]["message"]


def test_keyboard_interrupt_passes_through():
    """Ctrl-C inside a callback leaves the loop at once."""
    loop = SimLoop()

    def interrupt():
        raise KeyboardInterrupt

    loop.call_soon(interrupt)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()


def test_handles_fill_the_slots_that_asyncio_fills():
    """Our quick handles hold what asyncio's own hold; a new slot in a new Python shows up here."""
    loop = SimLoop()
    pairs = [
        (ReadyHandle(print, (1,), loop, None), asyncio.Handle(print, (1,), loop)),
        (Timer(2.0, print, (1,), loop, None), asyncio.TimerHandle(2.0, print, (1,), loop)),
    ]
    for ours, theirs in pairs:
        slots = [
            slot for kind in type(theirs).__mro__ for slot in getattr(kind, "__slots__", ()) if slot != "__weakref__"
        ]
        apart = {"_context", "_scheduled"}  # contexts are copies; a timer of ours is on the heap from the start
        assert all(hasattr(ours, slot) for slot in slots)
        assert [getattr(ours, slot) for slot in slots if slot not in apart] == [
            getattr(theirs, slot) for slot in slots if slot not in apart
        ]


def test_debug_mode_remembers_and_checks(caplog):
    """In debug mode a handle knows where it was made, and a coroutine is no callback."""
    loop = SimLoop()
    loop.set_debug(True)
    with caplog.at_level(logging.DEBUG, "asyncio"):
        soon, later, at = loop.call_soon(print), loop.call_later(1, loop.stop), loop.call_at(0.5, print)
        assert all(__file__ in str(handle._source_traceback) for handle in (soon, later, at))
        at.cancel()
        with pytest.raises(TypeError, match="coroutines cannot be used with call_soon"):
            loop.call_soon(asyncio.sleep)
        loop.call_soon(lambda: 1 / 0)
        loop.run_forever()
        loop.close()
    assert loop.time() == 1.0
    assert "Object created at" in caplog.text or "Handle created at" in caplog.text


def test_closed_loop_takes_nothing():
    """A closed loop says so, for callbacks, timers and tasks alike."""
    loop = SimLoop()
    loop.close()
    for call in (lambda: loop.call_soon(print), lambda: loop.call_later(1, print), lambda: loop.call_at(1, print)):
        with pytest.raises(RuntimeError, match="closed"):
            call()


def test_stop_before_running_runs_one_round():
    """`stop` before `run_forever` lets exactly what is ready run."""
    loop, seen = SimLoop(), []
    loop.call_soon(lambda: loop.call_soon(seen.append, "late"))
    loop.call_soon(seen.append, "ready")
    loop.stop()
    loop.run_forever()
    assert seen == ["ready"]
