"""Programs whose order of events depends on how sets of tasks are walked; run as a script it prints their digests."""

import asyncio
import contextlib
import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed, wait

import anyio

from sim.kernel import World

CHILDREN = 24


async def _child(log, name, delay_s=100.0):
    try:
        await asyncio.sleep(delay_s)
    finally:
        log.append((asyncio.get_running_loop().time(), name))


async def task_group(log):
    """A task group cancels its 24 children when one fails."""

    async def fail():
        await asyncio.sleep(1)
        raise ValueError

    with contextlib.suppress(BaseExceptionGroup):
        async with asyncio.TaskGroup() as group:
            for index in range(CHILDREN):
                group.create_task(_child(log, index))
            group.create_task(fail())


async def wait_first(log):
    """Whatever is done first is handled, and the rest cancelled, in the order of asyncio's sets."""
    tasks = [asyncio.create_task(_child(log, index, 1.0 + index % 3)) for index in range(CHILDREN)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    log.extend(task.get_name() for task in done)
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)


async def anyio_cancel(log):
    """A cancelled anyio scope delivers the cancellation to its 24 children."""
    async with anyio.create_task_group() as group:
        for index in range(CHILDREN):
            group.start_soon(_child, log, index)
        await anyio.sleep(1)
        group.cancel_scope.cancel()


async def all_tasks(log):
    """The set of all tasks is walked after thousands have come and gone, so that hashes collide in it."""
    kept = []
    for index in range(3000):
        if index % 10:
            await asyncio.create_task(asyncio.sleep(0))
        else:
            kept.append(asyncio.create_task(_child(log, index)))
    log.extend(task.get_name() for task in asyncio.all_tasks())
    await asyncio.gather(*kept)


async def wait_futures(log):
    """Futures of the loop, of an executor and of gathers are handled in the order of the sets that `wait` returns."""
    loop = asyncio.get_running_loop()
    futures = {loop.create_future(): number for number in range(CHILDREN)}
    for future in futures:
        loop.call_later(1, future.set_result, None)
    futures |= {loop.run_in_executor(None, int): f"thread-{number}" for number in range(CHILDREN)}
    futures |= {asyncio.gather(_child(log, number, 1.0)): f"gather-{number}" for number in range(CHILDREN)}
    done, _ = await asyncio.wait(futures)
    log.extend(futures[future] for future in done)


async def pool_futures(log):
    """A thread handles the futures of its pool in the order of the set that `concurrent.futures.wait` returns."""

    def handle():
        with ThreadPoolExecutor() as pool:
            futures = {pool.submit(int): number for number in range(CHILDREN)}
            log.extend(futures[future] for future in wait(futures).done)
            log.extend(futures[future] for future in as_completed(futures))

    await asyncio.to_thread(handle)


async def completed(log):
    """Coroutines that are given to `as_completed` begin in some order."""
    for each in asyncio.as_completed([_child(log, number, 1.0) for number in range(CHILDREN)]):
        await each


async def crowd():
    """Twenty thousand tasks at once: whatever grows with the number of tasks has grown after it."""
    await asyncio.gather(*(asyncio.sleep(1) for _ in range(20_000)))


PROGRAMS = {
    program.__name__: program
    for program in (task_group, wait_first, anyio_cancel, all_tasks, wait_futures, pool_futures, completed)
}


def digest(name):
    """A digest over everything that a program logged, in order."""
    log = []
    World(5).run(PROGRAMS[name](log))
    assert len(log) >= CHILDREN
    return hashlib.sha256(repr(log).encode()).hexdigest()


if __name__ == "__main__":
    sys.stdout.write("\n".join(f"{name} {digest(name)}" for name in PROGRAMS))
