"""A process dies in a world that goes on: nothing of it acts any more, and the living do not notice."""

from __future__ import annotations

import asyncio
import logging
import time

import anyio
import pytest

from sim.kernel import World
from sim.kernel.crash import die, inside, kill, stand_outside


def lived(process, *, die_at_s=1.0, look_until_s=30.0, after=None):
    """What a process notes that dies at a time, seen from outside; `after` is another process, started afterwards."""
    noted = []
    world = World(1)

    async def main():
        stand_outside()
        inside(world.loop, process(noted))
        await asyncio.sleep(die_at_s)
        kill(world.loop)
        noted.append("death")
        if after is not None:
            inside(world.loop, after(noted))
        await asyncio.sleep(look_until_s)
        assert asyncio.all_tasks() == {asyncio.current_task()} or after is not None
        noted.append("end")

    world.run(main())
    return noted, world


async def sleeping(noted):
    try:
        await asyncio.sleep(5)
        noted.append("woke up")
    except BaseException:
        noted.append("told")
        raise
    finally:
        noted.append("cleaned up")


async def many(noted):
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(sleeping(noted))


async def in_time(noted):
    async with asyncio.timeout(3):
        await sleeping(noted)


async def woken_by_timers(noted):
    asyncio.get_running_loop().call_later(2, noted.append, "timer")
    await asyncio.Event().wait()


async def always_ready(noted):
    while True:
        await asyncio.sleep(0.3)
        asyncio.get_running_loop().call_soon(lambda: None)
        if asyncio.get_running_loop().time() > 1:
            noted.append("tick")


async def in_a_thread(noted):
    def work():
        time.sleep(4)
        noted.append("written")

    await asyncio.to_thread(work)


async def in_anyios_thread(noted):
    def work():
        time.sleep(4)
        noted.append("written")

    await anyio.to_thread.run_sync(work)


async def generating(noted):
    async def numbers():
        try:
            while True:
                yield 1
                await asyncio.sleep(0.7)
        finally:
            noted.append("closed")

    async for _ in numbers():
        pass


PROCESSES = [sleeping, many, in_time, woken_by_timers, always_ready, in_a_thread, in_anyios_thread, generating]


@pytest.mark.parametrize("process", PROCESSES)
def test_the_dead_do_nothing(process):
    """No step, timer, thread or cleaning up of a dead process happens as long as anybody looks."""
    noted, _ = lived(process)
    assert noted[: noted.index("end")] == ["death"]


@pytest.mark.parametrize("process", PROCESSES)
def test_the_next_process_works(process):
    """Pools and threads that a process left behind are not asked by the next one."""

    async def after(noted):
        noted.append(await asyncio.to_thread(lambda: "worked in a thread"))
        noted.append(await anyio.to_thread.run_sync(lambda: "worked in another"))

    noted, _ = lived(process, after=after)
    assert noted[: noted.index("end")] == ["death", "worked in a thread", "worked in another"]


def test_a_death_costs_no_time():
    """The clock stays where it is, and no timer of the dead holds up the end of a run."""
    _, world = lived(sleeping, look_until_s=0.5)
    assert world.now_s == 1.5


def test_what_the_dead_would_say_is_not_said(caplog):
    """Freeing what is left of a dead process is no reason for asyncio to complain."""
    with caplog.at_level(logging.WARNING):
        lived(many)
        lived(generating)
    assert caplog.records == []


def test_the_living_wake_up_from_what_the_dead_held():
    """A lock that dies with its holder stays taken, a future that the living complete wakes up no dead."""
    noted = []
    world = World(1)

    async def main():
        stand_outside()
        shared = world.loop.create_future()

        async def waiting():
            noted.append(await shared)

        inside(world.loop, waiting())
        mine = asyncio.create_task(waiting())
        await asyncio.sleep(1)
        kill(world.loop)
        shared.set_result("here")
        await mine

    world.run(main())
    assert noted == ["here"]


def test_who_dies_never_goes_on():
    """The task in which a process dies is dead like all others, and so is what drives it."""
    noted = []
    world = World(1)

    async def dying():
        try:
            await die(world.loop, lambda: noted.append("death"))
        finally:
            noted.append("cleaned up")

    async def driving():
        step = dying()
        awaited = step.send(None)
        asyncio.get_running_loop().call_later(1, noted.append, "timer")
        noted.append("the step ends")
        await awaited

    async def main():
        stand_outside()
        inside(world.loop, driving())
        await asyncio.sleep(5)
        noted.append("end")

    world.run(main())
    assert noted[:3] == ["the step ends", "death", "end"]
