"""However a run dies, also before it has begun, the process is as it was, and so is the next run."""
# ruff: noqa: S311 - the plain generators are what is tested

import _thread
import asyncio
import contextlib
import gc
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
import warnings
from datetime import date, datetime
from functools import partial
from time import monotonic as bound_monotonic
from types import FunctionType

import pytest
from anyio._backends import _asyncio as backend
from freezegun import api as freezegun

from penguiflow import ambient
from sim.kernel import BudgetExhausted, HorizonReached, Spinning, Stuck, World, running_world
from sim.kernel import world as world_module

CLASSES = (
    random.Random, random.SystemRandom, threading.Thread, asyncio.Lock, asyncio.TaskGroup,
    backend.CancelScope, backend.TaskGroup, backend.AsyncIOBackend,
)  # fmt: skip
OWN_STATE = ("sim.kernel", "test_restoring", "_pytest", "pytest", "pluggy", "hypothesis")
"""Modules whose variables are the state of the harness itself, or of whoever runs the tests."""


def mark(value):
    """What tells whether a name still holds the same: plain values themselves, of all others the identity."""
    if type(value) is tuple:
        return tuple(map(mark, value))
    if type(value) is float:
        return repr(value)  # what is no number is not even equal to itself
    return value if type(value) in (int, str) else id(value)


def names():
    """Every name of every module, and the defaults of its functions, with a mark of what they hold."""
    held = {}
    for module_name, module in sorted(sys.modules.items()):
        if module is None or module_name.startswith(OWN_STATE):
            continue
        for name, value in list(vars(module).items()):
            held[module_name, name] = mark(value)
            if isinstance(value, FunctionType) and value.__defaults__:
                held[module_name, name, "defaults"] = mark(value.__defaults__)
    return held


def process():
    """Everything of this process that a world touches."""
    return {
        "names": names(),
        "classes": [dict(vars(owner)) for owner in CLASSES],
        "bound": (bound_monotonic, datetime, date),
        "random": random.getstate(),
        "environment": dict(os.environ),
        "collector": (gc.isenabled(), gc.get_threshold()),
        "ambient": ambient._current,
        "asyncgen hooks": sys.get_asyncgen_hooks(),
        "switch interval": sys.getswitchinterval(),
        "trace": (sys.gettrace(), sys.getprofile()),
        "threads": threading.enumerate(),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "loggers": (logging.root.handlers[:], logging.root.level, logging.Logger.callHandlers),
        "running loop": asyncio._get_running_loop(),
        "warnings": warnings.showwarning,
        "dates": [getattr(freezegun, name)[:] for name in ("freeze_factories", "tz_offsets", "tick_flags")],
        "time zone": (time.tzname, time.localtime(0).tm_gmtoff),
    }


@pytest.fixture(autouse=True)
def in_tokyo(monkeypatch):
    """The machine is in another time zone than the runs are."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def reference():
    """A run that sees every source of time and chance."""
    await asyncio.sleep(random.random())
    return random.random(), datetime.now().isoformat(), bound_monotonic(), os.urandom(4)  # noqa: DTZ005 - local time is what is asked


def trace():
    """What a fresh world does and answers now."""
    world = World(11)
    return world.run(reference()), str(world.digest)


@contextlib.contextmanager
def unchanged():
    """Hold the process after the block against the process before it, and the next run against the one before."""
    expected = trace()  # also does what is done once in a process
    before = process()
    yield
    after = process()
    known = {module for module, *_ in before["names"]}  # what a run has imported is new, and no harm
    after["names"] = {key: held for key, held in after["names"].items() if key[0] in known}
    assert {part for part in before if before[part] != after[part]} == set()
    with pytest.raises(RuntimeError, match="no world runs"):
        running_world()
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))  # refused where a run is, or was and has left its seal
    assert trace() == expected


async def meddle():
    """Disturb whatever a program can reach, and leave work behind."""
    random.seed(99)
    os.environ["LEFT_BY_A_RUN"] = "1"
    os.environ.pop("HOME", None)
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    asyncio.get_running_loop().set_debug(True)
    running = asyncio.create_task(asyncio.sleep(1e9))
    await asyncio.sleep(1)
    return running


async def raise_it(error):
    _left = await meddle()
    raise error


async def raise_in_callback(error):
    _left = await meddle()

    def fail():
        raise error

    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(10)


async def press_control_c():
    _left = await meddle()
    _thread.interrupt_main()
    await asyncio.sleep(10)


async def get_stuck():
    left = await meddle()
    left.cancel()
    await asyncio.Event().wait()


async def heartbeat():
    _left = await meddle()
    while True:  # noqa: ASYNC110 - a heartbeat is what this is
        await asyncio.sleep(60)


async def spin():
    random.seed(99)
    while True:  # noqa: ASYNC110 - a spin is what this is
        await asyncio.sleep(0)


async def cancel_itself():
    _left = await meddle()
    asyncio.current_task().cancel()
    await asyncio.sleep(1)


async def stop_the_loop():
    _left = await meddle()
    asyncio.get_running_loop().stop()
    await asyncio.sleep(1)


async def die_in_a_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(heartbeat())
        group.create_task(raise_it(KeyboardInterrupt))


class OwnEnd(BaseException):
    """An error that no `except Exception` sees."""


DEATHS = {
    "exception": (partial(raise_it, LookupError), LookupError),
    "KeyboardInterrupt": (partial(raise_it, KeyboardInterrupt), KeyboardInterrupt),
    "SystemExit": (partial(raise_it, SystemExit), SystemExit),
    "GeneratorExit": (partial(raise_it, GeneratorExit), GeneratorExit),
    "own BaseException": (partial(raise_it, OwnEnd), OwnEnd),
    "KeyboardInterrupt in a callback": (partial(raise_in_callback, KeyboardInterrupt), KeyboardInterrupt),
    "SystemExit in a callback": (partial(raise_in_callback, SystemExit), SystemExit),
    "KeyboardInterrupt in a task group": (die_in_a_group, KeyboardInterrupt),
    "Ctrl-C": (press_control_c, KeyboardInterrupt),
    "Stuck": (get_stuck, Stuck),
    "HorizonReached": (heartbeat, HorizonReached),
    "Spinning": (spin, Spinning),
    "cancelled": (cancel_itself, asyncio.CancelledError),
    "stopped": (stop_the_loop, RuntimeError),
}


@pytest.mark.parametrize("death", DEATHS)
def test_process_is_as_before_a_run_that_died(death):
    """A program that has disturbed all it can reach dies, and nothing of it is left."""
    program, error = DEATHS[death]
    with unchanged(), pytest.raises(error):
        World(1).run(program())


def test_process_is_as_before_a_budget_was_used_up():
    """The same holds where the run has used up its callbacks."""
    with unchanged(), pytest.raises(BudgetExhausted):
        World(1, event_budget=5_000).run(spin())


async def numbers(ending):
    """An async generator that is left half way; `ending` is what it does about it."""
    try:
        yield 1
        yield 2
    finally:
        await ending()


async def wait_a_day():
    await asyncio.sleep(86_400)


async def never_end():
    await asyncio.Event().wait()


async def fail():
    raise LookupError("while closing")


@pytest.mark.parametrize("ending", [wait_a_day, never_end, fail, spin, press_control_c])
def test_process_is_as_before_an_async_generator_was_closed(ending):
    """A generator that waits, fails, hangs, spins or is interrupted while it is closed leaves nothing behind."""

    async def program():
        kept.append(numbers(ending))
        async for _ in kept[0]:
            break
        await asyncio.sleep(1)

    kept = []
    with unchanged(), contextlib.suppress(KeyboardInterrupt):
        World(1).run(program())


def test_process_is_as_before_an_async_generator_refused_to_close():
    """A generator that answers its `GeneratorExit` with another value is closed with an error, and the run ends."""
    seen = []

    async def stubborn():
        try:
            yield 1
        except GeneratorExit:
            seen.append("refused")
            yield 2

    async def program():
        kept.append(stubborn())
        async for _ in kept[0]:
            break
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: seen.append(context["message"]))

    kept = []
    with unchanged():
        World(1).run(program())
    assert seen[0] == "refused"
    assert "asynchronous generator" in seen[1]


PARTS = (
    "sealed", "listed_environment", "_alone", "repeatable_task_sets", "remember_users",
    "virtual_dates", "stand_ins", "seeded_entropy", "watched",
)  # fmt: skip


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("part", PARTS)
def test_process_is_as_before_a_world_that_could_not_be_set_up(part, error, monkeypatch):
    """Whichever part of a world fails, the parts before it are taken down again, and the program never starts."""

    @contextlib.contextmanager
    def broken(*_args):
        raise error(part)
        yield

    async def program():
        raise AssertionError("a program ran in half a world")

    with unchanged(), monkeypatch.context() as patch:
        patch.setattr(world_module, part, broken)
        with pytest.raises(error, match=part):
            World(1).run(program())


def test_process_is_as_before_threads_that_could_not_be_set_up(monkeypatch):
    """The same holds for the part that brings the threads."""
    world = World(1)
    monkeypatch.setattr(world.loop.threads, "installed", lambda: contextlib.nullcontext(1 / 0))
    with unchanged(), pytest.raises(ZeroDivisionError):
        world.run(asyncio.sleep(1))


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_a_world_is_entered(part, monkeypatch):
    """The list of parts above names what a world really installs."""
    entered = []
    real = getattr(world_module, part)
    monkeypatch.setattr(world_module, part, lambda *args: entered.append(part) or real(*args))
    World(1).run(asyncio.sleep(0))
    assert entered == [part]


def test_nothing_is_left_after_many_deaths():
    """After a hundred runs that died in turns the next run is still what it was at first."""
    with unchanged():
        for number in range(100):
            program, error = list(DEATHS.values())[number % 5]
            with pytest.raises(error):
                World(number).run(program())
