"""Twenty tasks with every primitive of asyncio: a hundred seeds, each the same twice, every promise kept."""
# ruff: noqa: S311 - the world seeds the plain generators

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter

import pytest

from sim.kernel import World

ROUNDS = 6
SEEDS = 100


class Trial:
    """What the twenty tasks share, what they saw, and what has to hold of it."""

    def __init__(self):
        self.log = []
        self.lock, self.holders = asyncio.Lock(), 0
        self.semaphore, self.admitted = asyncio.BoundedSemaphore(3), 0
        self.condition, self.stock, self.eaten = asyncio.Condition(), 0, 0
        self.queues = {
            "fifo": asyncio.Queue(maxsize=2),
            "lifo": asyncio.LifoQueue(),
            "priority": asyncio.PriorityQueue(maxsize=4),
        }
        self.sent, self.received = Counter(), Counter()
        self.event, self.opened_s = asyncio.Event(), None
        self.barrier, self.generations = asyncio.Barrier(4), Counter()

    def note(self, *what):
        self.log.append((now(), asyncio.current_task().get_name(), *what))

    def check_all_accounted_for(self):
        """What was put in came out, once; nobody holds anything any more."""
        assert self.sent == self.received
        assert all(queue.empty() for queue in self.queues.values())
        assert (self.holders, self.admitted, self.stock) == (0, 0, 0)
        assert not self.lock.locked()
        assert not self.semaphore.locked()
        assert self.eaten == ROUNDS * 2
        assert set(self.generations.values()) == {4}
        assert self.log == sorted(self.log, key=lambda entry: entry[0])


def now():
    return asyncio.get_running_loop().time()


def some_s():
    """A length that is zero, ties with others, or is its own."""
    return random.choice([0.0, 0.5, 1.0, random.random()])


async def lock_users(trial):
    """One at a time holds the lock, also where a waiter gives up."""
    for _ in range(ROUNDS):
        try:
            async with asyncio.timeout(random.uniform(0.1, 4)), trial.lock:
                trial.holders += 1
                assert trial.holders == 1
                trial.note("holds the lock")
                try:
                    await asyncio.sleep(some_s())
                finally:
                    trial.holders -= 1
        except TimeoutError:
            trial.note("gave the lock up")


async def semaphore_users(trial):
    """Three at most are inside the semaphore."""
    for _ in range(ROUNDS):
        async with trial.semaphore:
            trial.admitted += 1
            assert trial.admitted <= 3
            trial.note("is inside")
            await asyncio.sleep(some_s())
            trial.admitted -= 1


async def stockers(trial):
    """Each brings an item a round and tells one who is hungry."""
    for _ in range(ROUNDS):
        await asyncio.sleep(some_s())
        async with trial.condition:
            trial.stock += 1
            trial.condition.notify()


async def eaters(trial):
    """Nobody eats what is not there."""
    for _ in range(ROUNDS):
        async with trial.condition:
            await trial.condition.wait_for(lambda: trial.stock > 0)
            trial.stock -= 1
            trial.eaten += 1
            assert trial.stock >= 0
            trial.note("eats")


async def producers(trial):
    """Each item is put into a queue once; a full queue makes its producer wait."""
    name = asyncio.current_task().get_name()
    for number in range(ROUNDS * 3):
        kind = list(trial.queues)[number % 3]
        await trial.queues[kind].put((random.randrange(5), name, number))
        trial.sent[name, number] += 1
        assert 0 <= trial.queues["fifo"].qsize() <= 2
        await asyncio.sleep(some_s())


async def consumer(trial, kind):
    """Takes until it is cancelled; of a priority queue the smallest item that lies there."""
    queue = trial.queues[kind]
    while True:
        item = await queue.get()
        if kind == "priority":
            assert all(item <= other for other in queue._queue)
        trial.received[item[1:]] += 1
        trial.note("takes", kind, item)
        await asyncio.sleep(some_s() / 4)
        queue.task_done()


async def barrier_users(trial):
    """All four are there before anybody goes on."""
    for generation in range(ROUNDS):
        await asyncio.sleep(some_s())
        trial.generations[generation] += 1
        place = await trial.barrier.wait()
        assert trial.generations[generation] == 4
        trial.note("passes as", place)


async def gate_keeper(trial):
    """Opens the gate once, after some work in threads and a race of timers."""
    slow, fast = random.uniform(2, 3), random.uniform(0, 1)
    answers = await asyncio.gather(asyncio.to_thread(time.sleep, fast), asyncio.sleep(slow, "slow"))
    assert answers == [None, "slow"]
    began = now()
    done, pending = await asyncio.wait(
        [asyncio.create_task(asyncio.sleep(1 + number, number)) for number in range(3)],
        return_when=asyncio.FIRST_COMPLETED,
    )
    assert [task.result() for task in done] == [0]
    assert now() == began + 1
    for task in pending:
        task.cancel()
    errors = await gathered(pending)
    assert [type(error) for error in errors] == [asyncio.CancelledError] * 2
    trial.opened_s = now()
    trial.event.set()


async def gathered(tasks):
    """What became of `tasks`, in the order in which they were made."""
    return await asyncio.gather(*sorted(tasks, key=hash), return_exceptions=True)


async def gate_users(trial):
    """Nobody passes before the gate is open, whoever stopped waiting for it meanwhile."""
    waiting = asyncio.create_task(trial.event.wait())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), random.uniform(0, 1))
    await waiting
    assert now() >= trial.opened_s
    order = [await one for one in asyncio.as_completed([asyncio.sleep(delay_s, delay_s) for delay_s in (0.3, 0.1)])]
    assert order == [0.1, 0.3]
    future = asyncio.get_running_loop().create_future()
    handle = asyncio.get_running_loop().call_later(99, future.set_result, "late")
    asyncio.get_running_loop().call_soon(future.set_result, "soon")
    answer = await future
    assert answer == "soon"
    handle.cancel()
    trial.note("passes the gate")


async def failing_family(trial):
    """A failure in a group cancels the siblings before the group is left."""
    ended = []

    async def sibling(name):
        try:
            await asyncio.sleep(1e6)
        finally:
            ended.append(name)

    async def family():
        async with asyncio.TaskGroup() as group:
            for name in range(3):
                group.create_task(sibling(name))
            await asyncio.sleep(some_s())
            raise LookupError

    for _ in range(ROUNDS):
        ended.clear()
        with pytest.raises(ExceptionGroup):
            await family()
        assert sorted(ended) == [0, 1, 2]  # in the order of a set, which asyncio leaves open
        trial.note("lost a family")


CAST = (
    *[lock_users] * 3, *[semaphore_users] * 4, *[stockers] * 2, *[eaters] * 2, *[producers] * 2,
    *[barrier_users] * 4, gate_keeper, gate_users, failing_family,
)  # fmt: skip


async def twenty_tasks():
    """Run the cast, end the consumers when all is taken, and give the log."""
    trial = Trial()
    consumers = [asyncio.create_task(consumer(trial, kind), name=f"consumer-{kind}") for kind in trial.queues]
    async with asyncio.TaskGroup() as group:
        for number, part in enumerate(CAST):
            group.create_task(part(trial), name=f"{part.__name__}-{number}")
    for queue in trial.queues.values():
        await queue.join()
    for task in consumers:
        task.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)
    trial.check_all_accounted_for()
    return trial.log


def run(seed):
    """The digest of one run, and what its tasks noted."""
    world = World(seed)
    log = world.run(twenty_tasks())
    assert world.leaked_tasks == ()
    assert world.threads_at_work == 0
    return str(world.digest), log


def test_cast_has_twenty():
    """The program is as large as it says."""
    assert len(CAST) == 20


@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_every_seed_keeps_the_promises_and_repeats(first):
    """Each seed holds every promise of the primitives, and gives the same digest and the same log twice."""
    for seed in range(first, first + 10):
        assert run(seed) == run(seed)


def test_seeds_differ():
    """A hundred seeds are a hundred different runs: the promises were held in all of them, not in one."""
    assert len({run(seed)[0] for seed in range(SEEDS)}) == SEEDS


def told():
    """The digests of some seeds, and what their tasks noted, as text."""
    return "\n".join(f"{seed} {run(seed)}" for seed in range(5))


@pytest.mark.parametrize(("hash_seed", "flag"), [("0", "-B"), ("1", "-B"), ("random", "-B"), ("0", "-O")])
def test_fresh_process_does_the_same(hash_seed, flag):
    """Another process, another hash seed and `-O` change neither the digest nor what any task saw."""
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, flag, __file__]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - this file
    assert answer.stdout == told()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 has no eager tasks")
@pytest.mark.parametrize("seed", range(10))
def test_eager_tasks_keep_the_promises_too(seed):
    """The same program with eager tasks holds the same promises, and repeats."""

    async def eagerly():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await twenty_tasks()

    assert World(seed).run(eagerly()) == World(seed).run(eagerly())


if __name__ == "__main__":
    sys.stdout.write(told())
