"""CPython before 3.12: `asyncio.wait_for` can swallow a cancellation, and a worker that was told to stop goes on.

bpo-42130 (github.com/python/cpython/issues/86296): where the awaited thing is
done in the very moment in which its caller is cancelled, `wait_for` gives the
result and forgets the cancellation. A worker in a loop then waits for its next
job, and whoever stops it waits for ever.
"""

from __future__ import annotations

import asyncio

from _incident import explored

import sim


async def main() -> None:
    """A worker that takes jobs with a timeout, and a supervisor who stops it when a deployment asks for that."""
    jobs: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()

    async def work() -> None:
        while True:
            try:
                await asyncio.wait_for(jobs.get(), 60)
            except TimeoutError:
                continue

    async def deliver() -> None:
        await sim.latency("broker", 0.05)
        jobs.put_nowait("the last job")

    async def deploy() -> None:
        await sim.latency("deployment", 0.1)
        stop.set()

    async def supervise(worker: asyncio.Task[None]) -> None:
        await stop.wait()
        worker.cancel()
        done, _ = await asyncio.wait([worker], timeout=600)
        assert done, "the worker was cancelled ten minutes ago, and works on"  # noqa: S101 - the property

    worker = asyncio.create_task(work())
    await asyncio.gather(supervise(worker), deliver(), deploy())


if __name__ == "__main__":
    explored(main)
