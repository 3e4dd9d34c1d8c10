"""The end of a run: whatever is left is cancelled, given a bounded chance to clean up, and then let go."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sim.kernel.ends import SimulationEnd
from sim.kernel.loop import FOREVER_S
from sim.kernel.tasks import pending_tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sim.kernel.loop import SimLoop

_CANCEL_ROUNDS = 3
_CLEANUP_EVENTS = 10_000


def wind_down(loop: SimLoop) -> None:
    """Cancel the tasks of `loop`, shut its async generators down, close it.

    Cleaning up may take virtual time. A task that survives three
    cancellations, or 10,000 callbacks after each, is closed by force. Threads
    that are at work go on to their end, up to the horizon. What a killed
    process has left is freed last, when nothing can come of it any more.
    """
    horizon_s, loop.horizon_s = loop.horizon_s, FOREVER_S
    try:
        for _ in range(_CANCEL_ROUNDS):
            tasks = pending_tasks(loop)
            if not tasks:
                break
            _cancel(loop, tasks)
        if not loop.is_settled:
            _complete(loop, loop.shutdown_asyncgens())
        loop.threads.finish(horizon_s)
    finally:
        for task in pending_tasks(loop):
            _let_go(task)
        loop.close()
        for task in loop.buried:
            _let_go(task)
        loop.buried.clear()


def _cancel(loop: SimLoop, tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        with suppress(RecursionError):  # tasks that await each other in a ring: asyncio cannot cancel those
            task.cancel()
    _complete(loop, asyncio.gather(*tasks, return_exceptions=True))
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            problem = {"message": "a task failed while the run was ending", "exception": error, "task": task}
            loop.call_exception_handler(problem)


def _complete(loop: SimLoop, awaitable: Awaitable[Any]) -> None:
    loop.event_budget = loop.events + _CLEANUP_EVENTS
    with suppress(SimulationEnd):
        loop.run_until_complete(awaitable)


def _let_go(task: asyncio.Task[Any]) -> None:
    task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - asyncio's own switch
    coroutine: Any = task.get_coro()
    with suppress(Exception, asyncio.CancelledError):  # what its cleaning up raises comes too late for anybody
        coroutine.close()
