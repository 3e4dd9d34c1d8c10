"""Ordinary asyncio and anyio programs run unchanged on the simulated loop."""

import asyncio
import contextvars
import random
import time

import anyio
import pytest
from anyio import to_thread

from sim.kernel import SimLoop, World

REQUEST = contextvars.ContextVar("request")


def now():
    return asyncio.get_running_loop().time()


async def with_timeout():
    try:
        async with asyncio.timeout(2.5):
            await asyncio.sleep(10)
    except TimeoutError:
        return "timeout"


async def with_wait_for():
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 2.5)
    return await asyncio.wait_for(asyncio.sleep(0, "timeout"), 1)


async def with_task_group():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(100))
            group.create_task(asyncio.wait_for(asyncio.Event().wait(), 2.5))
    except* TimeoutError:
        seen = "timeout"
    return seen


async def with_anyio_timeout():
    with anyio.move_on_after(2.5) as scope:
        await anyio.sleep(10)
    return "timeout" if scope.cancelled_caught else None


async def with_anyio_deadline():
    with pytest.raises(TimeoutError):
        with anyio.fail_after(2.5):
            await anyio.sleep_forever()
    return "timeout"


async def with_condition():
    condition, seen = asyncio.Condition(), []

    async def wake():
        await asyncio.sleep(2.5)
        async with condition:
            seen.append("timeout")
            condition.notify_all()

    async with asyncio.TaskGroup() as group:
        group.create_task(wake())
        async with condition:
            await condition.wait_for(lambda: seen)
    return seen[0]


async def with_queue():
    queue = asyncio.Queue(maxsize=1)

    async def produce():
        for _ in range(5):
            await asyncio.sleep(0.5)
            await queue.put("timeout")

    producer = asyncio.create_task(produce())
    items = [await queue.get() for _ in range(5)]
    await producer
    return items[-1]


async def with_anyio_primitives():
    send, receive = anyio.create_memory_object_stream[str](0)
    lock, event, limiter = anyio.Lock(), anyio.Event(), anyio.CapacityLimiter(1)

    async def produce():
        async with lock, limiter, send:
            await anyio.sleep(2.5)
            await send.send("timeout")
            event.set()

    async with anyio.create_task_group() as group:
        group.start_soon(produce)
        async with receive:
            item = await receive.receive()
        await event.wait()
    return item


async def with_barrier():
    barrier = asyncio.Barrier(3)

    async def arrive(delay_s):
        await asyncio.sleep(delay_s)
        await barrier.wait()

    await asyncio.gather(*(arrive(delay_s) for delay_s in (0.5, 1.5, 2.5)))
    return "timeout"


async def with_shield():
    inner = asyncio.create_task(asyncio.sleep(2.5, "timeout"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(inner), 1)
    return await inner


async def with_as_completed():
    delays = [asyncio.sleep(delay_s, delay_s) for delay_s in (2.5, 0.5, 1.5)]
    assert [await done for done in asyncio.as_completed(delays)] == [0.5, 1.5, 2.5]
    return "timeout"


PROGRAMS = [
    with_timeout, with_wait_for, with_task_group, with_anyio_timeout, with_anyio_deadline, with_condition, with_queue,
    with_anyio_primitives, with_barrier, with_shield, with_as_completed,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("debug", [False, True])
def test_program_ends_at_its_exact_time(program, debug):
    """Each primitive of asyncio and anyio does what it does, in exact virtual time, in debug mode too."""

    async def timed():
        return await program(), now()

    world = World(1)
    world.loop.set_debug(debug)
    assert world.run(timed()) == ("timeout", 2.5)


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_runs_under_asyncio_runner(program):
    """The loop alone is enough for `asyncio.Runner`."""
    with asyncio.Runner(loop_factory=SimLoop) as runner:
        assert runner.run(program()) == "timeout"
        assert runner.get_loop().time() == 2.5


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_runs_under_anyio(program):
    """The loop alone is enough for `anyio.run`."""
    assert anyio.run(program, backend_options={"loop_factory": SimLoop}) == "timeout"


def test_anyio_cancellation_of_a_shielded_task_lets_time_pass():
    """A task that anyio cancels again and again while it shields itself does get its ten seconds."""

    async def program():
        with anyio.move_on_after(1):
            async with anyio.create_task_group() as group:

                async def shielded():
                    inner = asyncio.create_task(asyncio.sleep(10))
                    while not inner.done():
                        try:
                            await asyncio.shield(inner)
                        except asyncio.CancelledError:
                            continue

                group.start_soon(shielded)
        return now()

    world = World(1)
    assert world.run(program()) == 10.0
    assert world.loop.forced_jumps == 1


def test_tasks_copy_their_context():
    """A task sees the context of its maker, keeps its own changes, and may be given another."""

    async def child():
        seen = REQUEST.get()
        REQUEST.set("child's")
        return seen

    async def program():
        REQUEST.set("parent's")
        other = contextvars.copy_context()
        other.run(REQUEST.set, "other's")
        return (
            await asyncio.create_task(child()),
            await asyncio.create_task(child(), context=other),
            REQUEST.get(),
            other[REQUEST],
        )

    assert World(1).run(program()) == ("parent's", "other's", "parent's", "child's")


async def to_thread_of_anyio(func, *args):
    return await to_thread.run_sync(func, *args)


async def executor(func, *args):
    return await asyncio.get_running_loop().run_in_executor(None, func, *args)


THREADS = [asyncio.to_thread, to_thread_of_anyio, executor]


@pytest.mark.parametrize("in_thread", THREADS)
def test_thread_answers_after_what_it_sleeps(in_thread):
    """Work in a thread takes the virtual time that it sleeps, and the loop is free meanwhile."""

    def work(word):
        began = time.monotonic()
        time.sleep(3)
        return word, began, time.monotonic()

    async def program():
        ticks = []

        async def tick():
            for _ in range(2):
                await asyncio.sleep(1)
                ticks.append(now())

        ticking = asyncio.create_task(tick())
        answer = await in_thread(work, "done")
        await ticking
        return answer, now(), ticks

    world = World(1)
    assert world.run(program()) == (("done", 0.0, 3.0), 3.0, [1.0, 2.0])
    assert world.blocked == ()


@pytest.mark.parametrize("in_thread", THREADS)
def test_thread_hands_its_error_over(in_thread):
    """An error in a thread reaches who awaits it."""

    def work():
        raise LookupError("inside")

    async def program():
        with pytest.raises(LookupError, match="inside"):
            await in_thread(work)
        return "caught"

    assert World(1).run(program()) == "caught"


@pytest.mark.parametrize("in_thread", [asyncio.to_thread, to_thread_of_anyio])
def test_thread_copies_the_context(in_thread):
    """A thread sees the caller's context variables, and cannot change them."""

    def work():
        seen = REQUEST.get()
        REQUEST.set("thread's")
        return seen

    async def program():
        REQUEST.set("caller's")
        return await in_thread(work), REQUEST.get()

    assert World(1).run(program()) == ("caller's", "caller's")


def test_cancelled_thread_is_not_waited_for():
    """A timeout over a slow thread comes at its time; what the thread did has happened."""
    done = []

    def work():
        time.sleep(10)
        done.append("effect")

    async def program():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.to_thread(work)
        moment = now()
        await asyncio.sleep(20)
        return moment

    assert World(1).run(program()) == 1.0
    assert done == ["effect"]


def test_anyio_limiter_bounds_the_threads():
    """A limiter of anyio lets as many threads sleep at once as it has tokens."""

    async def program():
        limiter = anyio.CapacityLimiter(2)
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(lambda: to_thread.run_sync(time.sleep, 1, limiter=limiter))
        return now()

    assert World(1).run(program()) == 3.0


async def act(action, name, queue, event, lock):
    """One step of a random program that takes no time."""
    match action:
        case "yield":
            await asyncio.sleep(0)
        case "put":
            await queue.put(name)
        case "lock":
            async with lock:
                await asyncio.sleep(0)
        case "set":
            event.set()
        case "join":
            await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))


async def random_program(rng, log):
    """Twelve workers that yield, queue, lock and spawn, while a thirteenth empties the queue."""
    shared = asyncio.Queue(maxsize=2), asyncio.Event(), asyncio.Lock()

    async def worker(name, steps):
        for step, action in enumerate(steps):
            log.append((name, step))
            asyncio.get_running_loop().call_soon(log.append, (name, step, "soon"))
            await act(action, name, *shared)

    async def drain():
        while True:
            log.append(("got", await shared[0].get()))

    plans = [rng.choices(["yield", "put", "lock", "set", "join"], k=8) for _ in range(12)]
    drainer = asyncio.create_task(drain())
    await asyncio.gather(*(worker(index, plan) for index, plan in enumerate(plans)))
    drainer.cancel()


@pytest.mark.parametrize("seed", range(25))
def test_order_is_that_of_stock_asyncio(seed):
    """A program of many tasks that never sleeps runs in exactly the order of asyncio's own loop."""
    logs = []
    for factory in (asyncio.new_event_loop, SimLoop):
        logs.append([])
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(random_program(random.Random(seed), logs[-1]))  # noqa: S311 - a repeatable program is wanted
    assert logs[0] == logs[1]
