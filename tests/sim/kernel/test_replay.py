"""The same seed gives the same order of events, in this process and in any other."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from anyio._backends import _asyncio as backend
from replay_programs import PROGRAMS, crowd, digest

from sim.kernel import SimLoop, World, tasks
from sim.kernel.tasks import OrderedSet, SimTask

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_run_in_one_process_is_equal(name):
    """A run does not depend on what ran before it."""
    first = digest(name)
    World(1).run(crowd())
    assert [digest(name), digest(name)] == [first, first]


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_fresh_process_is_equal(hash_seed):
    """A run is the same in a fresh process, under any hash seed."""
    here = {name: digest(name) for name in PROGRAMS}
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    output = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(HERE / "replay_programs.py")], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert dict(line.split() for line in output.splitlines()) == here


def test_tasks_are_numbered_by_their_loop():
    """A task's name and hash come from its loop, not from the process."""

    async def program():
        made = [asyncio.create_task(asyncio.sleep(0)) for _ in range(2)]
        named = asyncio.create_task(asyncio.sleep(0), name="mine")
        assert isinstance(named, SimTask)
        return [(task.get_name(), hash(task)) for task in (asyncio.current_task(), *made, named)]

    expected = [("task-1", 1), ("task-2", 2), ("task-3", 3), ("mine", 4)]
    assert [World(1).run(program()), World(2).run(program())] == [expected, expected]


def test_futures_are_numbered_by_their_loop_when_first_hashed():
    """A future's hash comes from its loop, in the order of asking, and stays."""

    async def program():
        loop = asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()
        return [hash(second), hash(first), hash(second)]

    assert [World(1).run(program()), World(2).run(program())] == [[1, 2, 1]] * 2


def test_coroutines_complete_in_the_order_in_which_they_were_given():
    """`as_completed` begins coroutines in the order of its argument, each once, and answers with all of them."""

    async def program():
        begun = []

        async def begin(number):
            begun.append(number)
            return number

        coroutines = [begin(number) for number in range(50)]
        results = [await each for each in asyncio.as_completed(iter([*coroutines, *coroutines]), timeout=1)]
        return begun, results

    assert World(1).run(program()) == (list(range(50)), list(range(50)))


def test_as_completed_still_refuses_and_times_out():
    """The rest of `as_completed` is asyncio's own: a single awaitable is refused, and a timeout is one."""

    async def program():
        with pytest.raises(TypeError, match="an iterable of"):
            next(iter(asyncio.as_completed(asyncio.get_running_loop().create_future())))
        with pytest.raises(TimeoutError):
            await next(asyncio.as_completed([asyncio.sleep(2)], timeout=1))
        return asyncio.get_running_loop().time()

    assert World(1).run(program()) == 1.0


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before Python 3.13 it answers with coroutines only")
def test_as_completed_gives_the_tasks_that_it_was_given():
    """In an `async for` the tasks come out themselves."""

    async def program():
        tasks = [asyncio.create_task(asyncio.sleep(2 - number)) for number in range(2)]
        return [tasks.index(task) async for task in asyncio.as_completed(tasks)]

    assert World(1).run(program()) == [1, 0]


def test_tasks_stay_unequal():
    """A task equals itself alone, whatever its hash."""
    first, second = SimLoop(), SimLoop()
    ours, theirs = first.create_task(asyncio.sleep(0)), second.create_task(asyncio.sleep(0))
    assert hash(ours) == hash(theirs)
    assert ours != theirs
    first.run_until_complete(ours)
    second.run_until_complete(theirs)


def test_custom_task_factory_is_used():
    """A program's own task factory is called as asyncio calls it, and the name is set after it."""
    seen = []

    def factory(loop, coroutine, **options):
        seen.append(sorted(options))
        return asyncio.Task(coroutine, loop=loop, **options)

    async def program():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        task = loop.create_task(asyncio.sleep(0, "result"), name="named")
        assert task.get_name() == "named"
        return await task

    assert World(1).run(program()) == "result"
    assert seen[0] == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 has no eager tasks")
def test_eager_tasks_hash_by_index_too():
    """The eager task factory runs the first step at once, and its tasks keep our hash."""

    async def program():
        loop, seen = asyncio.get_running_loop(), []
        loop.set_task_factory(asyncio.eager_task_factory)

        async def child():
            seen.append("started")
            await asyncio.sleep(0)

        task = loop.create_task(child())
        assert seen == ["started"]
        assert isinstance(task, SimTask)
        loop.set_task_factory(None)
        await task
        eager = loop.create_task(child(), eager_start=True)
        assert seen == ["started"] * 2
        await eager

    World(1).run(program())


def test_ordered_set_keeps_the_order_of_arrival():
    """Members come out in the order in which they came in; one that left and came back is last."""
    members = OrderedSet()
    for value in (3, 1, 2, 3):
        members.add(value)
    members.discard(1)
    members.discard(99)
    members.add(1)
    assert list(members) == [3, 2, 1]
    assert len(members) == 3
    assert 2 in members
    with pytest.raises(KeyError):
        members.remove(99)


def test_anyio_scopes_hold_ordered_sets_in_a_world_only():
    """The canary for anyio: its scopes and groups hold our sets during a run, and its own sets after it."""

    async def program():
        return backend.CancelScope()._tasks, backend.CancelScope()._child_scopes, backend.TaskGroup()._tasks

    assert [type(held) for held in World(1).run(program())] == [OrderedSet] * 3
    assert type(backend.CancelScope()._tasks) is set
    assert type(backend.TaskGroup()._tasks) is set


def test_other_anyio_is_refused(monkeypatch):
    """An anyio whose scopes look different is named, with the versions that work, instead of a run that differs."""

    class Scope:
        def __init__(self):
            self._tasks = {}

    monkeypatch.setattr(tasks, "CancelScope", Scope)
    tasks._check_anyio.cache_clear()
    with pytest.raises(RuntimeError, match=r"anyio .* keeps CancelScope\._tasks in dict; .* install anyio 4\.9"):
        World(1).run(asyncio.sleep(0))
    tasks._check_anyio.cache_clear()
