"""`asyncio.sleep` on virtual time: most of what a simulated program does is to sleep, so that one call is made short.

A sleep needs no handle that somebody could cancel, and nobody ever sees the
future that it awaits: the future itself stands among the loop's timers, and
it is a stock one, which asyncio's tasks wake up from faster than from a
subclass. What happens, and in which order, is what asyncio's own code does.
"""
# ruff: noqa: SLF001 - the loop's timers are ours

from __future__ import annotations

import asyncio
from asyncio import Future, get_running_loop, tasks
from functools import wraps
from heapq import heappush
from typing import Any

from sim.kernel.standins import register

_plain_sleep = asyncio.sleep

Sleep = Future
"""The type of what stands among timers, and then among what is ready, for a sleep; everything else is a handle."""


@wraps(_plain_sleep)
async def sleep(delay: float, result: Any = None) -> Any:
    """Sleep as asyncio does; on loops of other classes, in debug mode and for no time, it is asyncio's own code."""
    loop: Any = get_running_loop()
    if delay <= 0 or delay != delay or not getattr(loop, "takes_sleeps", False) or loop._debug:  # noqa: PLR0124 - nan
        return await _plain_sleep(delay, result)
    over: Sleep[None] = Sleep(loop=loop)
    heappush(loop._scheduled, (loop._now + delay, next(loop._timer_order), over))
    try:
        await over
    except BaseException:
        over.cancel()  # a coroutine that is closed leaves its future behind, too
        loop._timer_cancelled()
        raise
    return result


register(_plain_sleep, sleep)
SHORT_SLEEP = ((asyncio, "sleep", sleep), (tasks, "sleep", sleep))
"""What to replace while a loop of ours runs; a world reaches its aliases, too."""
