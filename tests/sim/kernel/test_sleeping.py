"""`asyncio.sleep` on the loop does what asyncio's own does, whichever name it is called by."""

from __future__ import annotations

import asyncio
import inspect
import math
from asyncio import sleep as kept_sleep
from typing import TYPE_CHECKING, Any

import pytest

from sim.kernel import SimLoop, World

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Sleep = Any
_PLAIN_SLEEP = asyncio.sleep


def _on_loop(main: Coroutine[Any, Any, Any]) -> Any:
    loop = SimLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


def _in_world(main: Coroutine[Any, Any, Any]) -> Any:
    return World(1).run(main)


@pytest.fixture(params=[_on_loop, _in_world])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a bare loop, and in a world."""
    runner: Callable[[Coroutine[Any, Any, Any]], Any] = request.param
    return runner


def test_a_sleep_gives_its_result_at_exactly_its_time(run: Any) -> None:
    """The clock stands at the sum of the delays, and the second argument comes back."""

    async def main() -> tuple[Any, float]:
        await asyncio.sleep(0.1)
        return await asyncio.sleep(0.25, "done"), asyncio.get_running_loop().time()

    assert run(main()) == ("done", 0.35)


@pytest.mark.parametrize("name", ["asyncio.sleep", "an alias", "asyncio's own"])
def test_who_wakes_up_first_does_not_depend_on_the_name(run: Any, name: str) -> None:
    """Timers, sleepers and callbacks of one instant come in asyncio's order by every name of the function."""
    order: list[str] = []

    async def sleeper(label: str, sleep: Sleep) -> None:
        await sleep(1.0)
        order.append(label)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        sleep = {"asyncio.sleep": asyncio.sleep, "an alias": kept_sleep, "asyncio's own": _PLAIN_SLEEP}[name]
        tasks = [asyncio.create_task(sleeper("first", sleep))]
        await asyncio.sleep(0)
        loop.call_at(1.0, order.append, "timer")
        loop.call_at(1.0, lambda: loop.call_soon(order.append, "callback"))
        tasks.append(asyncio.create_task(sleeper("second", sleep)))
        await asyncio.gather(*tasks)

    run(main())

    assert order == ["timer", "first", "callback", "second"]


def test_a_cancelled_sleep_raises_and_leaves_no_timer(run: Any) -> None:
    """Cancelling ends the sleep at once, and the clock does not go on to where it would have ended."""

    async def main() -> tuple[bool, float]:
        task = asyncio.create_task(asyncio.sleep(1000))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(1)
        return task.cancelled(), asyncio.get_running_loop().time()

    assert run(main()) == (True, 2.0)


def test_a_sleep_cancelled_at_its_very_end_is_cancelled(run: Any) -> None:
    """A cancellation that comes at the same instant, but first, wins, as on asyncio's own loops."""

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        loop.call_at(1.0, lambda: task.cancel("first"))
        task = asyncio.create_task(asyncio.sleep(1.0))
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main())


def test_a_closed_sleep_leaves_no_timer() -> None:
    """A coroutine that is closed in its sleep does not hold the clock back from being stuck."""
    loop = SimLoop()

    async def main() -> None:
        asleep = asyncio.sleep(1000)
        asleep.send(None)
        asleep.close()
        loop.call_later(1.0, loop.stop)

    task = loop.create_task(main())
    loop.run_forever()
    assert task.done()
    assert loop.time() == 1.0
    loop.close()


def test_thousands_of_cancelled_sleeps_are_thrown_out() -> None:
    """The heap of timers does not grow with what was cancelled."""
    loop = SimLoop()
    longest = 0

    async def main() -> None:
        nonlocal longest
        for _ in range(2000):
            task = asyncio.create_task(asyncio.sleep(1000))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            longest = max(longest, len(loop._scheduled))

    loop.run_until_complete(main())
    loop.close()
    assert longest <= 202


@pytest.mark.parametrize("delay", [0, -1, -math.inf])
def test_no_time_at_all_is_one_round(run: Any, delay: float) -> None:
    """A delay of zero or less yields once, and takes no time."""

    async def main() -> tuple[list[str], float]:
        order: list[str] = []
        asyncio.get_running_loop().call_soon(order.append, "others")
        order.append(await asyncio.sleep(delay, "result"))
        return order, asyncio.get_running_loop().time()

    assert run(main()) == (["others", "result"], 0.0)


def test_what_is_no_delay_is_refused_as_asyncio_refuses_it(run: Any) -> None:
    """A word raises asyncio's own TypeError."""

    async def main() -> None:
        with pytest.raises(TypeError, match="'<=' not supported between instances of 'str' and 'int'"):
            await asyncio.sleep("1")  # type: ignore[arg-type]

    run(main())


def test_the_function_looks_like_asyncios_own(run: Any) -> None:
    """Name, module, signature and kind are those of the real function."""

    async def main() -> list[object]:
        sleep = asyncio.sleep
        return [sleep.__qualname__, sleep.__module__, inspect.signature(sleep), inspect.iscoroutinefunction(sleep)]

    expected = [_PLAIN_SLEEP.__qualname__, _PLAIN_SLEEP.__module__, inspect.signature(_PLAIN_SLEEP), True]
    assert run(main()) == expected
    assert asyncio.sleep is _PLAIN_SLEEP


def test_a_sleep_in_debug_mode_remembers_where_it_was_called() -> None:
    """In debug mode the timer of a sleep is asyncio's own, with its traceback."""
    loop = SimLoop()
    loop.set_debug(True)

    async def main() -> bool:
        task = asyncio.create_task(asyncio.sleep(1.0))
        await asyncio.sleep(0)
        traced = bool(loop._scheduled[0][2]._source_traceback)
        await task
        return traced

    assert loop.run_until_complete(main())
    loop.close()


def test_a_loop_of_a_class_of_its_own_gets_its_timers() -> None:
    """A subclass that does something else with `call_later` is asked for every sleep, as by asyncio's own code."""
    asked: list[float] = []

    class Told(SimLoop):
        def call_later(self, delay: float, *args: Any, **options: Any) -> asyncio.TimerHandle:
            asked.append(delay)
            return super().call_later(delay, *args, **options)

    loop = Told()
    loop.run_until_complete(asyncio.sleep(1.5))
    loop.close()
    assert asked == [1.5]
