"""Code that computes without end ends its run, and nothing of the watchdog stays behind."""

import asyncio
import contextlib
import gc
import pickle
import signal
import threading
from pathlib import Path

import pytest

from sim.kernel import SimulationEnd, Spinning, Unyielding, World, watchdog

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timer for processes")

LIMIT_S = 0.05


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(watchdog, "LIMIT_S", LIMIT_S)


def computes_for_ever():
    while True:
        pass


async def never_yields():
    await asyncio.sleep(3)
    computes_for_ever()


async def never_yields_in_a_child():
    asyncio.create_task(never_yields(), name="child")  # noqa: RUF006 - the loop holds it
    await asyncio.Event().wait()


async def callback_never_returns():
    asyncio.get_running_loop().call_later(3, computes_for_ever)
    await asyncio.Event().wait()


async def swallows_errors():
    await asyncio.sleep(3)
    while True:
        with contextlib.suppress(Exception):
            computes_for_ever()


async def schedules_for_ever():
    await asyncio.sleep(3)
    while True:
        asyncio.get_running_loop().call_soon(int)
        sum(range(1000))  # so that the queue does not fill the memory


@pytest.mark.parametrize(
    "program",
    [never_yields, never_yields_in_a_child, callback_never_returns, swallows_errors, schedules_for_ever],
)
def test_endless_computation_ends_the_run(program, caplog):
    """Whoever computes without end is named with file and line, instead of a process that hangs."""
    with pytest.raises(Unyielding, match=r"computes without end .* at 3 s") as caught:
        World(1).run(program())
    assert caught.value.at_s == 3.0
    assert caught.value.place.startswith(f"{Path(__file__).name}:")
    gc.collect()
    assert caplog.text == ""  # no task that complains of an error that nobody asks for


def test_endless_clean_up_ends_the_run():
    """A task that computes without end when it is cancelled does not hold up the end of its run."""

    async def stubborn():
        try:
            await asyncio.Event().wait()
        finally:
            computes_for_ever()

    async def program():
        asyncio.create_task(stubborn())  # noqa: RUF006 - the loop holds it
        await asyncio.sleep(1)

    with pytest.raises(Unyielding):
        World(1).run(program())


def test_next_run_is_none_the_worse():
    """After a run that was given up the process runs others."""
    with pytest.raises(Unyielding):
        World(1).run(never_yields())
    assert World(1).run(asyncio.sleep(5, "result")) == "result"


def test_long_round_of_short_callbacks_goes_on(monkeypatch):
    """Many callbacks of one instant may take as long as they like, as long as each comes to its end."""
    monkeypatch.setattr(watchdog, "LIMIT_S", 10.0)

    async def busy():
        watchdog_looks()

    async def program():
        await asyncio.gather(*(busy() for _ in range(5)))
        return "done"

    assert World(1).run(program()) == "done"


def watchdog_looks():
    """Let the watchdog look once, as its signal does."""
    signal.raise_signal(signal.SIGVTALRM)


def test_second_look_at_one_callback_is_the_last():
    """A callback is given up when the watchdog sees it for the second time."""

    async def program():
        watchdog_looks()
        watchdog_looks()

    with pytest.raises(Unyielding):
        World(1).run(program())


def test_timer_and_handler_are_put_back(monkeypatch):
    """A program's own handler and timer of the signal are there again after a run, however it ends."""
    monkeypatch.setattr(watchdog, "LIMIT_S", 10.0)
    calls = []
    before = signal.signal(signal.SIGVTALRM, lambda *args: calls.append(args))
    signal.setitimer(signal.ITIMER_VIRTUAL, 500.0, 7.0)
    try:
        World(1).run(asyncio.sleep(1))
        with pytest.raises(ZeroDivisionError):
            World(1).run(fails())
        remaining_s, interval_s = signal.getitimer(signal.ITIMER_VIRTUAL)
        signal.raise_signal(signal.SIGVTALRM)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert remaining_s == pytest.approx(500.0, abs=60)
    assert interval_s == 7.0
    assert len(calls) == 1


async def fails():
    raise ZeroDivisionError


def test_run_in_another_thread_goes_without():
    """Signals reach the main thread only; a run elsewhere is as it was, and touches no handler."""
    handlers = []

    async def program():
        await asyncio.sleep(1)
        handlers.append(signal.getsignal(signal.SIGVTALRM))

    thread = threading.Thread(target=lambda: World(1).run(program()))
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGVTALRM)]


def test_end_reads_well_and_travels():
    """It says what happened, where, the rule, and one thing to try; a sweep's worker can hand it to its parent."""
    end = Unyielding(2.0, "flow.py:7")
    assert str(end) == (
        "a callback computes without end at flow.py:7 and holds up the event loop at 2 s; a callback may take some "
        "seconds of the processor's time; await something in the loop, or do less at once"
    )
    copy = pickle.loads(pickle.dumps(end))  # noqa: S301 - our own bytes
    assert (type(copy), copy.args, str(copy)) == (Unyielding, end.args, str(end))
    assert isinstance(end, Spinning)
    assert isinstance(end, SimulationEnd)
