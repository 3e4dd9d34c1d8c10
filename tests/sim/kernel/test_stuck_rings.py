"""Rings of queues and edges, waits that a heartbeat hides, futures and tasks that nobody cares for any more."""

import asyncio
from pathlib import Path

import pytest

from penguiflow import Headers, Message, Node, create
from sim.kernel import BudgetExhausted, HorizonReached, Stuck, World
from sim.kernel.lookout import LOOK_EVERY

FILE = Path(__file__).name


def story(coroutine, **limits):
    with pytest.raises(Stuck) as caught:
        World(1, **limits).run(coroutine)
    return caught.value.story


def texts(told):
    """The waits without their line numbers."""
    return [" ".join(word if not word.startswith(FILE) else FILE for word in line.split()) for line in told.waits]


async def pass_on(mine, other):
    """Take one message, and send two on."""
    await mine.get()
    while True:
        await other.put("more")


def ring_of_queues():
    left, right = asyncio.Queue(1), asyncio.Queue(2)
    left.put_nowait("first")
    right.put_nowait("first")
    return (
        asyncio.create_task(pass_on(left, right), name="one"),
        asyncio.create_task(pass_on(right, left), name="two"),
    )


async def two_full_queues():
    await asyncio.wait(ring_of_queues())


def test_full_queues_between_two_tasks_are_a_ring():
    """Two tasks that fill each other's queue are told as a ring, with the queues' bounds and who empties them."""
    told = story(two_full_queues())
    assert told.cycle == ("one", "two")
    assert texts(told)[1:] == [
        f"one at {FILE} waits for Queue.put (full, 2 of 2), taken from by two",
        f"two at {FILE} waits for Queue.put (full, 1 of 1), taken from by one",
    ]


def test_queue_that_nobody_took_from_is_known_by_who_has_it():
    """Before its first message is taken, a queue belongs to the tasks that have it in a variable."""

    async def fill(queue, _emptied_by_me):
        while True:
            await queue.put("more")

    async def program():
        left, right = asyncio.Queue(1), asyncio.Queue(1)
        tasks = (fill(left, right), fill(right, left))
        await asyncio.wait([asyncio.create_task(task, name=f"fill-{n}") for n, task in enumerate(tasks)])

    assert story(program()).cycle == ("fill-0", "fill-1")


async def flood(message, ctx):
    """Answer each message with three."""
    for _ in range(3):
        await ctx.emit(message)


def test_full_edges_of_a_flow_are_a_ring():
    """Two nodes that fill the edges between them are told as a ring, with the edges' bounds."""

    async def enter(message, _ctx):
        return message

    async def program():
        first, second = Node(flood, name="a"), Node(flood, name="b")
        door = Node(enter, name="door")
        flow = create(door.to(first), first.to(second), second.to(first), allow_cycles=True, queue_maxsize=2)
        flow.run()
        for number in range(3):
            await flow.emit(Message(payload=number, headers=Headers(tenant="acme")))
        await asyncio.Event().wait()

    told = story(program())
    assert told.cycle == ("penguiflow:a", "penguiflow:b")
    lines = "\n".join(told.waits)
    assert "penguiflow:a waits for room on the edge a -> b (full, 2 of 2), emptied by penguiflow:b" in lines
    assert "penguiflow:b waits for room on the edge b -> a (full, 2 of 2), emptied by penguiflow:a" in lines


async def heartbeat():
    while True:  # noqa: ASYNC110 - a heartbeat is what this is about
        await asyncio.sleep(1)


async def crossed_under_heartbeat():
    first, second = asyncio.Lock(), asyncio.Lock()

    async def take(mine, other):
        async with mine:
            await asyncio.sleep(1)
            async with other:
                pass

    beating = asyncio.create_task(heartbeat(), name="heartbeat")
    pair = asyncio.create_task(take(first, second), name="one"), asyncio.create_task(take(second, first), name="two")
    await asyncio.wait(pair)
    beating.cancel()


@pytest.mark.parametrize("limits", [{"horizon_s": 100}, {"event_budget": 500}], ids=["horizon", "budget"])
def test_ring_under_a_live_heartbeat_is_found(limits):
    """Crossed locks are told as a ring although a heartbeat keeps the run busy to the end of its limits."""
    told = story(crossed_under_heartbeat(), **limits)
    assert told.cycle == ("one", "two")
    assert told.reason == "2 tasks wait in a ring, while timers keep the run busy"


WITHOUT_END = {"horizon_s": 1e9, "event_budget": 10_000_000}


def test_ring_under_a_live_heartbeat_is_found_early():
    """A ring ends a run long before its limits, at the third look at the latest."""
    world = World(1, **WITHOUT_END)
    with pytest.raises(Stuck) as caught:
        world.run(crossed_under_heartbeat())
    assert caught.value.story.cycle == ("one", "two")
    assert caught.value.story.reason == "2 tasks wait in a ring, while timers keep the run busy"
    assert world.loop.events < 4 * LOOK_EVERY


def test_ring_among_thousands_is_found_early():
    """Many tasks that beat, and many that wait for the ring, hide it no longer than their number excuses."""

    async def program():
        async with asyncio.TaskGroup() as group:
            for _ in range(500):
                group.create_task(heartbeat())
            ring = group.create_task(crossed_under_heartbeat())
            for _ in range(20):
                group.create_task(asyncio.wait([ring]))

    world = World(1, **WITHOUT_END)
    with pytest.raises(Stuck) as caught:
        world.run(program())
    assert caught.value.story.cycle == ("one", "two")
    assert world.loop.events < 8 * LOOK_EVERY


async def crossed(rescue):
    """Two tasks with crossed locks, rescued by `rescue(first task, second task)` under a heartbeat."""
    first, second = asyncio.Lock(), asyncio.Lock()

    async def take(mine, other):
        async with mine:
            await asyncio.sleep(1)
            async with other:
                pass

    beating = asyncio.create_task(heartbeat())
    pair = asyncio.create_task(take(first, second)), asyncio.create_task(take(second, first))
    await rescue(*pair)
    results = await asyncio.gather(*pair, return_exceptions=True)
    beating.cancel()
    return [type(result) for result in results]


LONG_S = 10.0 * LOOK_EVERY


async def sleeps_long(one, _other):
    await asyncio.sleep(LONG_S)
    one.cancel()


async def polls(one, _other):
    while asyncio.get_running_loop().time() < LONG_S:  # noqa: ASYNC110 - a watchdog that polls is what this is about
        await asyncio.sleep(7)
    one.cancel()


async def sets_a_timer(one, _other):
    asyncio.get_running_loop().call_later(LONG_S, one.cancel)


@pytest.mark.parametrize("rescue", [sleeps_long, polls, sets_a_timer])
def test_ring_that_a_timer_or_a_watcher_ends_goes_on(rescue):
    """A ring that somebody breaks later is let alone until then, however busy the run is meanwhile."""
    world = World(1, **WITHOUT_END)
    assert world.run(crossed(rescue)) == [asyncio.CancelledError, type(None)]
    assert world.loop.events > 10 * LOOK_EVERY


def test_ring_with_a_timeout_of_its_own_goes_on():
    """A task of a ring that gives up after a long time is no prisoner."""

    async def program():
        first, second = asyncio.Lock(), asyncio.Lock()

        async def take(mine, other, patience_s):
            async with mine:
                await asyncio.sleep(1)
                async with asyncio.timeout(patience_s):
                    await other.acquire()

        beating = asyncio.create_task(heartbeat())
        pair = [asyncio.create_task(take(first, second, LONG_S)), asyncio.create_task(take(second, first, None))]
        results = await asyncio.gather(*pair, return_exceptions=True)
        beating.cancel()
        return [type(result) for result in results]

    assert World(1, **WITHOUT_END).run(program()) == [TimeoutError, type(None)]


def test_second_ring_is_found_behind_one_that_somebody_may_end():
    """Of two rings, one that a sleeper may end and one that nobody can, the latter is told."""

    async def program():
        asyncio.create_task(asks_and_answers())  # noqa: RUF006 - the loop holds it
        await asyncio.sleep(5)
        await crossed_under_heartbeat()

    assert story(program(), horizon_s=100).cycle == ("one", "two")


def test_ring_of_queues_under_a_live_heartbeat_is_found():
    """Full queues are found the same way."""

    async def program():
        async with asyncio.TaskGroup() as group:
            group.create_task(heartbeat(), name="heartbeat")
            await asyncio.wait(ring_of_queues())

    assert story(program(), horizon_s=100).cycle == ("one", "two")


async def asks_and_answers():
    """A client and a server that wait for each other's next message, while a third task may still speak."""
    questions, answers = asyncio.Queue(), asyncio.Queue()

    async def serve():
        while True:
            await answers.put(await questions.get())

    async def ask():
        while True:
            await questions.put("ask")
            await answers.get()
            await answers.get()

    async def late():
        await questions.put("hello")
        await asyncio.sleep(1_000)
        await questions.put("hello again")

    await asyncio.gather(serve(), ask(), late())


def test_ring_that_somebody_awake_can_end_is_none():
    """Tasks that wait for messages are no ring as long as a task that sleeps may still send one."""
    with pytest.raises(HorizonReached):
        World(1, horizon_s=100).run(asks_and_answers())


def test_busy_run_without_a_ring_ends_as_before():
    """A run that only has too much to do reaches its limits, and nothing else is said."""
    with pytest.raises(HorizonReached):
        World(1, horizon_s=100).run(heartbeat())
    with pytest.raises(BudgetExhausted):
        World(1, event_budget=50).run(heartbeat())


def test_future_that_somebody_may_set_is_no_orphan():
    """A future that another task, or an object outside of the task, still holds is not called an orphan."""
    kept = []

    async def waits():
        future = asyncio.get_running_loop().create_future()
        kept.append(future)
        await future

    async def waits_for(future):
        await future

    async def holds(_future):
        await asyncio.Event().wait()

    async def program():
        future = asyncio.get_running_loop().create_future()
        named = {"held": waits_for(future), "holder": holds(future), "kept": waits()}
        tasks = [asyncio.create_task(task, name=name) for name, task in named.items()]
        del future, named
        await asyncio.wait(tasks)

    lines = texts(story(program()))
    assert f"held at {FILE} waits for Future" in lines
    assert f"kept at {FILE} waits for Future" in lines


def test_barrier_says_how_many_came():
    """A barrier that is never full tells how many of how many it holds."""

    async def program():
        barrier = asyncio.Barrier(3)
        await asyncio.gather(barrier.wait(), barrier.wait())

    assert "Barrier.wait (holds 2 of 3)" in story(program()).waits[1]


def test_leaked_tasks_are_told_at_the_end():
    """A run that comes to its end says which tasks it left behind, and what they wait for."""

    async def program(names):
        tasks = [asyncio.create_task(asyncio.Event().wait(), name=name) for name in names]
        await asyncio.sleep(1)
        return len(tasks)

    tidy, leaky = World(1), World(1)
    assert (tidy.run(program([])), leaky.run(program(["forgotten"]))) == (0, 1)
    assert tidy.leaked_tasks == ()
    assert leaky.leaked_tasks == ("forgotten waits for Event.wait",)


def test_queues_are_asyncios_own_again_after_a_run():
    """What remembers the users of a queue is gone after the run, and works where no loop runs."""
    before = asyncio.Queue.get_nowait, asyncio.Queue.put_nowait
    told = []

    async def program():
        told.append(asyncio.Queue.put_nowait is before[1])

    World(1).run(program())
    assert told == [False]
    assert (asyncio.Queue.get_nowait, asyncio.Queue.put_nowait) == before


def test_takers_of_a_queue_are_remembered():
    """Whoever took from a queue is named, also where no variable of that task shows the queue."""

    class Desk:
        def __init__(self):
            self.queue = asyncio.Queue(1)

        async def work(self):
            await self.queue.get()
            await asyncio.Event().wait()

    async def program():
        desk = Desk()
        clerk = asyncio.create_task(desk.work(), name="clerk")
        for number in range(3):
            await desk.queue.put(number)
        await clerk

    waits = texts(story(program()))
    assert waits[0] == f"task-1 at {FILE} waits for Queue.put (full, 1 of 1), taken from by clerk"
