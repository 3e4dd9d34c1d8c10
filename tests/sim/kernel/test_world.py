"""A world: what it gives to a run, and that it puts everything back."""
# ruff: noqa: S311 - the plain generators are what is tested

import asyncio
import contextvars
import gc
import os
import random
import secrets
import sys
import time
import uuid
from os import urandom as bound_urandom
from uuid import uuid4 as bound_uuid4

import pytest
from anyio._backends import _asyncio as backend

from penguiflow import ambient
from sim.kernel import BudgetExhausted, HorizonReached, SimulationEnd, Stuck, World

COLOUR = contextvars.ContextVar("colour", default="none")


async def entropy():
    return [
        random.random(),
        random.Random().random(),
        random.SystemRandom().random(),
        random.randint(1, 10**9),
        uuid.uuid4(),
        uuid.uuid1(),
        bound_uuid4(),
        secrets.token_hex(8),
        os.urandom(8),
        bound_urandom(8),
        ambient.new_id(),
        ambient.uniform("node", 3),
    ]


def snapshot():
    modules = (time, random, uuid, os, secrets, asyncio, asyncio.tasks)
    classes = (random.Random, asyncio.Lock, backend.CancelScope, backend.TaskGroup, backend.AsyncIOBackend)
    return (
        [dict(vars(owner)) for owner in (*modules, *classes)],
        random.getstate(),
        dict(os.environ),
        gc.isenabled(),
        ambient._current,
        id(asyncio.tasks.__dict__.get("_all_tasks", asyncio.tasks.__dict__.get("_scheduled_tasks")).data),
        sys.get_asyncgen_hooks(),
    )


async def fine():
    await asyncio.sleep(1)


async def stuck():
    await asyncio.Event().wait()


async def busy():
    while True:  # noqa: ASYNC110 - a heartbeat is what this is
        await asyncio.sleep(100)


async def spinning():
    while True:  # noqa: ASYNC110 - a spin is what this is
        await asyncio.sleep(0)


async def failing():
    await asyncio.sleep(1)
    raise LookupError


async def interrupted():
    await asyncio.sleep(1)
    raise KeyboardInterrupt


async def exiting():
    raise SystemExit(3)


async def cancelled():
    asyncio.current_task().cancel()
    await asyncio.sleep(1)


DEATHS = {
    fine: None,
    stuck: Stuck,
    busy: HorizonReached,
    spinning: BudgetExhausted,
    failing: LookupError,
    interrupted: KeyboardInterrupt,
    exiting: SystemExit,
    cancelled: asyncio.CancelledError,
}


@pytest.mark.parametrize(("program", "error"), DEATHS.items())
def test_everything_is_put_back(program, error):
    """However a run ends, the process is as it was, and the ending reaches the caller."""
    World(1).run(fine())
    before = snapshot()
    world = World(1, event_budget=20_000)
    if error is None:
        world.run(program())
    else:
        with pytest.raises(error):
            world.run(program())
    assert snapshot() == before
    assert world.loop.is_closed()


def test_garbage_collection_stays_off_where_it_was_off():
    """A process that has switched the collector off finds it off after a run."""
    gc.disable()
    try:
        World(1).run(fine())
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_chance_and_identity_come_from_the_seed():
    """Every source of chance and identity repeats with the seed, and differs with another."""
    first, again, other = (World(seed).run(entropy()) for seed in (1, 1, 2))
    assert first == again
    assert all(mine != theirs for mine, theirs in zip(first, other, strict=True))


def test_chance_does_not_depend_on_the_process_before():
    """A world draws the same numbers whatever the global generator did before."""
    first = World(1).run(entropy())
    random.seed(99)
    uuid.uuid1()
    assert World(1).run(entropy()) == first


def test_uuid1_holds_virtual_time_and_no_network_card():
    """A time-based identifier carries the run's clock, and a node that no card has."""

    async def program():
        return uuid.uuid1(), uuid.uuid1()

    first, second = World(1).run(program())
    assert (first.time - 0x01B21DD213814000) / 1e7 == pytest.approx(1_700_000_000.0)
    assert first != second
    assert first.node >> 40 & 1


def test_ambient_is_the_world():
    """The runtime's seam gives the loop's time, the world's wall clock and ids of 32 digits."""

    async def program():
        await asyncio.sleep(1.5)
        return ambient.monotonic(), ambient.wall(), len(ambient.new_id()), ambient.uniform("a") == ambient.uniform("a")

    assert World(1).run(program()) == (1.5, 1_700_000_001.5, 32, True)


def test_result_is_returned():
    """`run` gives back what the coroutine returns, and the world knows its time."""

    async def program():
        await asyncio.sleep(3)
        return "result"

    world = World(4)
    assert world.run(program()) == "result"
    assert (world.now_s, world.seed, world.draws.seed) == (3.0, 4, 4)


def test_context_is_empty_and_does_not_leak():
    """A run sees no context variable of its caller, and leaves none behind."""

    async def program():
        seen = COLOUR.get()
        COLOUR.set("blue")
        asyncio.get_running_loop().call_soon(COLOUR.set, "red")
        await asyncio.sleep(1)
        return seen, COLOUR.get()

    token = COLOUR.set("green")
    assert [World(1).run(program()), World(1).run(program())] == [("none", "blue")] * 2
    assert COLOUR.get() == "green"
    COLOUR.reset(token)


def test_world_inside_a_world_is_refused():
    """A second world inside a run is an error that names both, and the outer run goes on."""

    async def program():
        with pytest.raises(RuntimeError, match=r"world 2 cannot run inside world 1; a process has one clock at a time"):
            World(2).run(fine())
        await asyncio.sleep(1)
        return "outer"

    assert World(1).run(program()) == "outer"


def test_world_inside_a_real_loop_is_refused():
    """A run inside a coroutine of a real loop is an error that says why."""

    async def program():
        with pytest.raises(RuntimeError, match=r"world 2 cannot run inside a running event loop"):
            World(2).run(fine())

    asyncio.run(program())


def test_world_runs_once():
    """A world that has run says so."""
    world = World(7)
    world.run(fine())
    with pytest.raises(RuntimeError, match=r"world 7 has run already; a world runs once; make another World\(7\)"):
        world.run(fine())


def test_leftovers_are_cancelled_and_may_clean_up():
    """Tasks that are left are cancelled inside the run's own time, and their clean-up runs to its end."""
    seen = []

    async def left():
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(5)
            seen.append(time.time() - 1_700_000_000.0)

    async def program():
        asyncio.create_task(left())  # noqa: RUF006 - being left behind is what this is about
        await asyncio.sleep(1)

    World(1).run(program())
    assert seen == [6.0]


@pytest.mark.parametrize("pause_s", [0, 1])
def test_task_that_refuses_to_die_is_closed_by_force(pause_s):
    """A task that swallows every cancellation does not keep the world from ending."""
    seen = []

    async def stubborn():
        try:
            while True:
                try:
                    await asyncio.sleep(pause_s)
                except asyncio.CancelledError:
                    seen.append("refused")
        finally:
            seen.append("closed")

    async def program():
        asyncio.create_task(stubborn())  # noqa: RUF006 - being left behind is what this is about
        await asyncio.sleep(1)

    world = World(1)
    world.run(program())
    assert seen == ["refused"] * 3 + ["closed"]


def test_task_that_ignores_even_the_closing_is_survived():
    """A coroutine that ignores its own closing cannot hold up the end either."""
    closings = []

    async def immortal():
        while len(closings) < 2:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue
            except GeneratorExit:
                closings.append("ignored")

    async def program():
        asyncio.create_task(immortal())  # noqa: RUF006 - being left behind is what this is about
        await asyncio.sleep(0.5)
        raise LookupError

    with pytest.raises(LookupError):
        World(1).run(program())


def test_failure_while_ending_is_reported(caplog):
    """A task that fails in its clean-up is logged, and the run's own result stands."""

    async def left():
        try:
            await asyncio.sleep(1000)
        finally:
            raise LookupError("lost")

    async def program():
        asyncio.create_task(left())  # noqa: RUF006 - being left behind is what this is about
        await asyncio.sleep(1)
        return "result"

    assert World(1).run(program()) == "result"
    assert "a task failed while the run was ending" in caplog.text


def test_async_generators_are_closed():
    """An async generator left half way is closed inside the run."""
    seen, kept = [], []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(1)
            seen.append(time.monotonic())

    async def program():
        kept.append(numbers())
        async for _ in kept[0]:
            break
        await asyncio.sleep(10)

    World(1).run(program())
    assert seen == [11.0]


def test_garbage_of_a_run_is_finalized_inside_it(caplog):
    """An error that nobody fetched is logged during the run, not in whatever runs next."""

    async def lose():
        raise LookupError("nobody asked")

    async def program():
        task = asyncio.create_task(lose())
        task.ring = task
        await asyncio.sleep(1)

    World(1).run(program())
    assert "Task exception was never retrieved" in caplog.text
    assert caplog.records[0].created < 1_700_000_100


def test_simulation_ends_share_a_base():
    """One `except` catches every way in which a simulation ends."""
    assert all(issubclass(end, SimulationEnd) for end in (Stuck, HorizonReached, BudgetExhausted))
