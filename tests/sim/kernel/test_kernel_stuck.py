"""The story of a program that is stuck."""

import asyncio
from pathlib import Path

import anyio
import pytest

from penguiflow import Node, create
from sim.kernel import Stuck, World

FILE = Path(__file__).name


def story(coroutine):
    with pytest.raises(Stuck) as caught:
        World(1).run(coroutine)
    return caught.value.story


def texts(told):
    """The waits without their line numbers."""
    return [" ".join(word if not word.startswith(FILE) else FILE for word in line.split()) for line in told.waits]


async def crossed(lock_type):
    first, second = lock_type(), lock_type()

    async def take(mine, other):
        async with mine:
            await asyncio.sleep(1)
            async with other:
                pass

    await asyncio.gather(
        asyncio.create_task(take(first, second), name="one"), asyncio.create_task(take(second, first), name="two")
    )


@pytest.mark.parametrize("lock_type", [asyncio.Lock, anyio.Lock])
def test_crossed_locks_are_a_ring(lock_type):
    """Two tasks that hold what the other wants are named, with their places, holders and the ring."""
    told = story(crossed(lock_type))
    assert told.at_s == 1.0
    assert told.reason == "nothing is ready and no timer is set, while 3 tasks wait, 2 of them in a ring"
    assert told.cycle == ("one", "two")
    assert texts(told) == [
        f"task-1 at {FILE} waits for gather: one, two",
        f"one at {FILE} waits for Lock.acquire, held by two",
        f"two at {FILE} waits for Lock.acquire, held by one",
    ]


def test_lock_with_a_new_holder_names_the_new_one():
    """The holder is the task that took the lock last, not the one that made or first took it."""
    lock = asyncio.Lock()

    async def hold():
        async with lock:
            await asyncio.Event().wait()

    async def program():
        async with lock:
            pass
        holder = asyncio.create_task(hold(), name="holder")
        await asyncio.sleep(1)
        del holder
        await lock.acquire()

    told = story(program())
    assert texts(told) == [
        f"task-1 at {FILE} waits for Lock.acquire, held by holder",
        f"holder at {FILE} waits for Event.wait",
    ]
    assert told.cycle == ()


async def _queue_get():
    await asyncio.Queue().get()


async def _queue_put():
    queue = asyncio.Queue(maxsize=1)
    await queue.put(1)
    await queue.put(2)


async def _semaphore():
    await asyncio.Semaphore(0).acquire()


async def _condition():
    condition = asyncio.Condition()
    async with condition:
        await condition.wait()


async def _future():
    await asyncio.get_running_loop().create_future()


async def _memory_stream():
    send, receive = anyio.create_memory_object_stream[int]()
    with send, receive:
        await receive.receive()


async def _shielded():
    await asyncio.shield(asyncio.get_running_loop().create_future())


async def _nested():
    async def inner():
        await anyio.Event().wait()

    await inner()


@pytest.mark.parametrize(
    ("coroutine", "awaited"),
    [
        (_queue_get, "Queue.get"),
        (_queue_put, "Queue.put (full, 1 of 1)"),
        (_semaphore, "Semaphore.acquire"),
        (_condition, "Condition.wait"),
        (_future, "a Future that nothing else refers to: nobody can set it any more"),
        (_memory_stream, "MemoryObjectReceiveStream.receive"),
        (_shielded, "Future"),
        (_nested, "Event.wait"),
    ],
)
def test_primitive_is_named(coroutine, awaited):
    """A waiting task tells which primitive it waits for, by the name that its author wrote."""
    told = story(coroutine())
    assert texts(told) == [f"task-1 at {FILE} waits for {awaited}"]


def test_line_is_the_innermost_of_the_user():
    """The place is the line of the user's code that waits, below its own helpers and above the library."""

    async def helper():
        await asyncio.Event().wait()

    async def program():
        await helper()

    line = helper.__code__.co_firstlineno + 1
    assert story(program()).waits == (f"task-1 at {FILE}:{line} waits for Event.wait",)


def test_place_does_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    """The story of a run is the same from every directory."""
    here = story(crossed(asyncio.Lock))
    monkeypatch.chdir(tmp_path)
    assert story(crossed(asyncio.Lock)) == here


def test_tasks_awaiting_each_other_are_a_ring():
    """A ring of tasks that await each other starts with its oldest member."""

    async def program():
        tasks = {}

        async def wait_for(name):
            await asyncio.sleep(0)
            await tasks[name]

        for mine, other in (("a", "b"), ("b", "c"), ("c", "a")):
            tasks[mine] = asyncio.create_task(wait_for(other), name=mine)
        await asyncio.wait(tasks.values())

    told = story(program())
    assert told.cycle == ("a", "b", "c")
    assert texts(told)[1] == f"a at {FILE} waits for a task: b"


def test_task_that_takes_its_own_lock_waits_for_itself():
    """A lock taken twice by one task is a ring of one."""

    async def program():
        lock = asyncio.Lock()
        async with lock, lock:
            pass

    told = story(program())
    assert told.cycle == ("task-1",)
    assert told.reason.endswith("while 1 task waits, for itself")


def test_task_group_names_the_children_it_waits_for():
    """A task group waits for its children, and says for which."""

    async def program():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1), name="quick")
            group.create_task(asyncio.Event().wait(), name="late")

    told = story(program())
    assert told.waits[0].endswith("waits for TaskGroup.__aexit__: late")


def test_many_tasks_are_told_in_order_of_creation():
    """The story has one line for each task, in the order in which the tasks were made."""

    async def program():
        await asyncio.gather(*(asyncio.Event().wait() for _ in range(200)))

    waits = story(program()).waits
    assert [line.split()[0] for line in waits] == [f"task-{index}" for index in range(1, 202)]
    assert waits[0].endswith("gather: task-2, task-3, task-4, task-5, task-6, task-7, task-8, task-9 and 192 more")
    assert waits[1] == "task-2 waits for Event.wait"


def test_lock_bookkeeping_ends_with_the_run():
    """After a run asyncio's lock is asyncio's own again."""
    before = asyncio.Lock.acquire
    story(crossed(asyncio.Lock))
    assert asyncio.Lock.acquire is before


def test_a_method_goes_by_the_class_that_users_know():
    """What a class inherits is told under its own name, not under that of a base."""

    async def hang(message, ctx):
        await asyncio.Event().wait()

    async def main():
        async with create(Node(hang).to()) as flow:
            await flow.emit("x")
            await flow.fetch()

    with pytest.raises(Stuck, match=r"waits for PenguiFlow\.fetch"):
        World(0).run(main())
