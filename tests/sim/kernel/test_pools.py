"""Thread pools that are older than the run."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import pytest

from sim.kernel import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["fresh", "with real threads", "from another run"])
def pool(request: pytest.FixtureRequest) -> Iterator[ThreadPoolExecutor]:
    """A pool of two that has done nothing yet, one whose threads are there already, and one of a run that is over."""
    made: list[ThreadPoolExecutor] = []

    async def earlier() -> None:
        made.append(ThreadPoolExecutor(2, thread_name_prefix="old"))
        await asyncio.get_running_loop().run_in_executor(made[0], time.sleep, 1)

    if request.param == "from another run":
        World(3).run(earlier())
    else:
        made.append(ThreadPoolExecutor(2, thread_name_prefix="old"))
    if request.param == "with real threads":
        wait([made[0].submit(int), made[0].submit(int)])
    yield made[0]
    made[0].shutdown(wait=False)


def _work(duration_s: float, log: list[Any]) -> str:
    time.sleep(duration_s)
    log.append((duration_s, time.monotonic()))
    return threading.current_thread().name


async def _five_in_two_threads(pool: ThreadPoolExecutor) -> tuple[list[Any], list[str]]:
    log: list[Any] = []
    loop = asyncio.get_running_loop()
    names = await asyncio.gather(*(loop.run_in_executor(pool, _work, float(n), log) for n in (3, 1, 1, 1, 1)))
    return log, names


def test_an_older_pool_works_in_virtual_time(pool: ThreadPoolExecutor) -> None:
    """Its work takes virtual time in threads of the run, no more at a time than the pool has, the same in each run."""
    first, second = (World(1).run(_five_in_two_threads(pool)) for _ in range(2))
    assert first == second
    assert first[0] == [(1.0, 1.0), (1.0, 2.0), (3.0, 3.0), (1.0, 3.0), (1.0, 4.0)]
    assert sorted(set(first[1])) == ["old_0", "old_1"]


def test_an_older_pool_that_is_shut_down_in_a_run_waits_for_its_work() -> None:
    """`with` around a pool from before the run ends once the work of the run is done, and takes no more."""
    pool = ThreadPoolExecutor(1)
    log: list[Any] = []

    async def main() -> float:
        with pool:
            pool.submit(_work, 2.0, log)
        with pytest.raises(RuntimeError, match="after shutdown"):
            pool.submit(_work, 1.0, log)
        return asyncio.get_running_loop().time()

    assert World(1).run(main()) == 2.0
    assert log == [(2.0, 2.0)]


def test_an_older_pool_keeps_its_initializer() -> None:
    """What the pool's threads do first happens in the run's threads, too."""
    begun: list[str] = []
    pool = ThreadPoolExecutor(1, initializer=begun.append, initargs=("begun",))

    async def main() -> list[str]:
        await asyncio.get_running_loop().run_in_executor(pool, int)
        return list(begun)

    assert World(1).run(main()) == ["begun"]
    pool.shutdown()


def test_an_older_pool_is_its_own_again_after_the_run() -> None:
    """After the run it works in real threads, and nothing of the run is left in it."""
    with ThreadPoolExecutor(1) as pool:
        World(1).run(_five_in_two_threads(pool))
        assert pool.submit(threading.get_ident).result(timeout=5) != threading.get_ident()
        assert ThreadPoolExecutor.submit.__module__ == "concurrent.futures.thread"
