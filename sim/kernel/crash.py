"""The death of a process in a world that goes on: nothing that it had planned happens, and no cleaning up of it runs.

Whoever outlives a death says so with `stand_outside`. Everything else on the
loop dies: tasks, callbacks, timers and threads that were started from outside
through `inside`, and whatever they started.
"""
# ruff: noqa: SLF001 - the loop's queues are ours, and asyncio tells only here what a task waits for

from __future__ import annotations

import asyncio
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from anyio import lowlevel

from sim.kernel.handles import ReadyHandle
from sim.kernel.sleeping import Sleep
from sim.kernel.tasks import pending_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from sim.kernel.loop import SimLoop

T = TypeVar("T")
_outside: ContextVar[bool] = ContextVar("penguiflow_sim_outside", default=False)


def stand_outside() -> None:
    """Let the running task outlive every death, and all tasks that it starts but those that go through `inside`."""
    _outside.set(True)


def inside(
    loop: SimLoop, work: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
) -> asyncio.Task[T]:
    """Start `work` as a task that dies with its process; `context` is that of the process, if it has set anything."""
    return loop.create_task(work, name=name, context=Context() if context is None else context.copy())


async def die(loop: SimLoop, then: Callable[[], object]) -> NoReturn:
    """Let the process die from which this is called.

    Args:
        loop: its loop.
        then: called from outside, when nothing moves any more.

    """

    def end() -> None:
        kill(loop)
        then()

    # Next of all: what drives the caller may still set timers before its step is over.
    loop._ready.appendleft(ReadyHandle(end, (), loop, _context_outside()))
    await loop.create_future()
    raise AssertionError("the dead do not go on")


def _context_outside() -> Context:
    context = Context()
    context.run(stand_outside)
    return context


def kill(loop: SimLoop) -> None:
    """End everything on `loop` that does not stand outside, as a process ends that is killed; time stays where it is.

    To be called from outside; who is inside calls `die`.

    Tasks are not cancelled: a killed process runs no `finally`. Their frames
    are kept, because to free one would run it; the loop lets go of them when
    the run is over and nobody looks any more.
    """
    ready = _contexts_of_ready(loop)
    dying = [task for task in pending_tasks(loop) if not _survives(task, ready)]
    _forget_handles(loop)
    for task in dying:
        _bury(loop, task)
    loop.threads.kill()
    loop._asyncgens.clear()
    # Idle workers of pools are dead, too, and must not be asked again.
    loop._default_executor = None
    getattr(lowlevel, "_run_vars", {}).pop(loop, None)


def _contexts_of_ready(loop: SimLoop) -> dict[object, Context]:
    """The context of each task that is about to run."""
    ready = (handle for handle in loop._ready if type(handle) is not Sleep and not handle._cancelled)
    return {getattr(handle._callback, "__self__", None): handle._context for handle in ready}


def _survives(task: asyncio.Task[Any], ready: dict[object, Context]) -> bool:
    if task is asyncio.current_task():
        return True
    context = ready.get(task)
    if context is None:
        context = next((context for callback, context in _callbacks(task) if _is_of(callback, task)), None)
    return context is not None and _stands_outside(context)


def _forget_handles(loop: SimLoop) -> None:
    nobodys: Sleep[None] = Sleep(loop=loop)
    nobodys.cancel()
    for place, handle in enumerate(loop._ready):
        if type(handle) is Sleep:
            if not _is_slept_outside(handle):
                loop._ready[place] = nobodys  # to cancel the task's own would wake it up
        elif not _stands_outside(handle._context):
            handle.cancel()
    living = [entry for entry in loop._scheduled if _timer_survives(entry[2])]
    loop._scheduled[:] = sorted(living)  # the loop holds this very list; what is sorted is a heap


def _timer_survives(timer: Any) -> bool:
    """Whether it belongs to the outside; if not, it never goes off."""
    if type(timer) is Sleep:
        return _is_slept_outside(timer)
    if _stands_outside(timer._context):
        return True
    timer._scheduled = False  # the loop need not hear of it
    timer.cancel()
    return False


def _bury(loop: SimLoop, task: asyncio.Task[Any]) -> None:
    """Nothing can wake `task` up from now on, and nobody who asks for all tasks finds it."""
    waiter: Any = getattr(task, "_fut_waiter", None)
    for callback, _ in list(_callbacks(task)):
        if _is_of(callback, task):
            waiter.remove_done_callback(callback)
    getattr(asyncio.tasks, "_unregister_task")(task)  # noqa: B009 - asyncio's own, private
    loop.buried.append(task)


def _callbacks(task: asyncio.Task[Any]) -> Iterator[tuple[Any, Context]]:
    """Who is told when that has come which `task` waits for, and in which context."""
    waiter: Any = getattr(task, "_fut_waiter", None)
    yield from (getattr(waiter, "_callbacks", None) or ())


def _is_of(callback: Any, task: asyncio.Task[Any]) -> bool:
    return getattr(callback, "__self__", None) is task


def _is_slept_outside(sleep: Any) -> bool:
    return any(_stands_outside(context) for _, context in sleep._callbacks or ())


def _stands_outside(context: Context) -> bool:
    return bool(context.get(_outside, False))
