"""Calls that block: carried out on the run's loop from one of its threads, or while the loop itself stands still."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sim.kernel.loop import SimLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from sim.kernel import World

T = TypeVar("T")


def run_nested(world: World, act: Callable[[], Coroutine[Any, Any, T]], call: str) -> T:
    """The result of `act`, for code that does not await it.

    On the event loop nothing else of the program goes on meanwhile, and `call` is to blame for that; the service
    answers all the same, as another process would.

    Args:
        world: the run.
        act: what to carry out.
        call: what it is called in findings.

    """
    if world.loop.threads.has_baton:
        return asyncio.run_coroutine_threadsafe(act(), world.loop).result()
    started_s = world.now_s
    inner = _InnerLoop(world.loop)
    with _loop_standing_still():
        try:
            return inner.run_until_complete(act())
        finally:
            inner.close()
            if world.now_s > started_s:
                world.loop.threads.note(call, world.now_s - started_s, at_s=started_s)


class _InnerLoop(SimLoop):
    """A loop on the clock of another one, which stands still meanwhile.

    Args:
        outer: whose virtual time passes.

    """

    def __init__(self, outer: SimLoop) -> None:
        self.outer = outer
        super().__init__(horizon_s=outer.horizon_s, event_budget=outer.event_budget)

    @property
    def _now(self) -> float:
        return self.outer._now  # noqa: SLF001 - one clock for both

    @_now.setter
    def _now(self, now_s: float) -> None:
        # The base class begins at zero; time never goes back.
        self.outer._now = max(self.outer._now, now_s)  # noqa: SLF001 - as above


@contextmanager
def _loop_standing_still() -> Iterator[None]:
    """Let another loop run in this thread, in the middle of a callback."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    swap = getattr(asyncio.tasks, "_swap_current_task", None)
    asyncio._set_running_loop(None)  # noqa: SLF001 - what event loops themselves call
    if swap is not None and task is not None:
        swap(loop, None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)  # noqa: SLF001 - as above
        if swap is not None and task is not None:
            swap(loop, task)
