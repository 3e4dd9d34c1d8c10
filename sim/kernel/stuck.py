"""Why nothing moves any more: which task waits where, for what, and who holds it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sim.kernel.frames import await_chain, place, user_depth
from sim.kernel.patching import replaced
from sim.kernel.tasks import creation_order, pending_tasks
from sim.model import recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

Task = asyncio.Task[Any]

_NAMES_SHOWN = 8


def explain(loop: asyncio.AbstractEventLoop, at_s: float) -> recording.Stuck:
    """The story of a loop on which nothing can happen again.

    Args:
        loop: the loop; its tasks tell the story.
        at_s: when everything stopped, in virtual seconds.

    """
    tasks = pending_tasks(loop)
    by_index = {creation_order(task): task for task in tasks}
    graph = {task: _waited_for(task, by_index) for task in tasks}
    cycle = _ring(graph)
    waiting = "1 task waits" if len(tasks) == 1 else f"{len(tasks)} tasks wait"
    reason = f"nothing is ready and no timer is set, while {waiting}"
    if cycle:
        reason += f", {len(cycle)} of them in a ring" if len(cycle) > 1 else ", for itself"
    return recording.Stuck(
        at_s=at_s,
        reason=reason,
        waits=tuple(_line(task, graph[task]) for task in tasks),
        cycle=tuple(task.get_name() for task in cycle),
    )


@contextmanager
def remember_lock_holders() -> Iterator[None]:
    """Let every `asyncio.Lock` know who took it last, for the length of a run."""
    with replaced((asyncio.Lock, "acquire", _acquire)):
        yield


_plain_acquire = asyncio.Lock.acquire


async def _acquire(lock: Any) -> bool:
    await _plain_acquire(lock)
    # An index, not the task: a lock that outlives its holder must not keep it alive.
    lock.holder_index = creation_order(asyncio.current_task())  # type: ignore[arg-type] # only tasks get here
    return True


def _line(task: Task, waited_for: list[Task]) -> str:
    frames = await_chain(task.get_coro())
    depth = user_depth(frames)
    where = f" at {place(frames[depth])}" if depth >= 0 else ""
    what = _primitive(task, frames[depth + 1 :])
    line = f"{task.get_name()}{where} waits for {what}"
    if not waited_for:
        return line
    return f"{line}{', held by ' if what == 'Lock.acquire' else ': '}{_names(waited_for)}"


def _names(tasks: list[Task]) -> str:
    shown = ", ".join(task.get_name() for task in tasks[:_NAMES_SHOWN])
    more = len(tasks) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _primitive(task: Task, below: list[FrameType]) -> str:
    """What the user's code called: the outermost public name below it, such as `Queue.get`."""
    called = [frame.f_code.co_qualname for frame in below]
    public = [name for name in called if not name.rpartition(".")[2].startswith("_")]
    if called:
        return (public or called)[0]
    waiter = _waiter(task)
    if isinstance(waiter, asyncio.Task):
        return "a task"
    return "gather" if hasattr(waiter, "_children") else type(waiter).__name__


def _waiter(task: Task) -> Any:
    return task._fut_waiter  # type: ignore[attr-defined] # noqa: SLF001 - the only way to ask what a task awaits


def _waited_for(task: Task, by_index: dict[int, Task]) -> list[Task]:
    """The pending tasks that have to move before `task` can."""
    waiter = _waiter(task)
    candidates: Iterable[Any] = getattr(waiter, "_children", [waiter])  # a gather waits for its children
    found = [other for other in candidates if isinstance(other, asyncio.Task)]
    for frame in await_chain(task.get_coro()):
        found += _named_in(frame, by_index)
    return sorted({other for other in found if not other.done()}, key=creation_order)


def _named_in(frame: FrameType, by_index: dict[int, Task]) -> list[Task]:
    """The tasks that a frame of asyncio or anyio waits for, known from its variables."""
    name, variables = frame.f_code.co_qualname, frame.f_locals
    owner = variables.get("self")
    if name == "Lock.acquire":
        holder = getattr(owner, "_owner_task", None)  # anyio's lock knows
        index = getattr(owner, "holder_index", -1) if holder is None else creation_order(holder)
        return [by_index[index]] if index in by_index else []
    if name in ("TaskGroup.__aexit__", "TaskGroup._aexit"):
        return list(getattr(owner, "_tasks", ()))
    if name in ("_wait", "wait_for"):
        awaited = variables.get("fs", [variables.get("fut")])
        return [task for task in awaited if isinstance(task, asyncio.Task)]
    return []


def _ring(graph: dict[Task, list[Task]]) -> list[Task]:
    """The first ring in the graph, from its oldest task on; empty without one."""
    finished: dict[Task, None] = {}
    for start in graph:
        path: dict[Task, None] = {}
        branches = [iter([start])]
        while branches:
            task = next(branches[-1], None)
            if task is None:
                branches.pop()
                if path:
                    finished[path.popitem()[0]] = None
            elif task in path:
                steps = list(path)
                return _from_oldest(steps[steps.index(task) :])
            elif task in graph and task not in finished:
                path[task] = None
                branches.append(iter(graph[task]))
    return []


def _from_oldest(ring: list[Task]) -> list[Task]:
    oldest = ring.index(min(ring, key=creation_order))
    return ring[oldest:] + ring[:oldest]
