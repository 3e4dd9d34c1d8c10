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


def explain(loop: asyncio.AbstractEventLoop, at_s: float) -> recording.Stuck:
    """The story of a loop on which nothing can happen again.

    Args:
        loop: the loop; its tasks tell the story.
        at_s: when everything stopped, in virtual seconds.

    """
    tasks = pending_tasks(loop)
    graph = {task: _waited_for(task, tasks) for task in tasks}
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
    where = f" at {place(frames[user_depth(frames)])}" if frames else ""
    names = [other.get_name() for other in waited_for]
    what = _primitive(task, frames)
    if what == "Lock.acquire":
        return f"{task.get_name()}{where} waits for {what}" + (f", held by {names[0]}" if names else "")
    return f"{task.get_name()}{where} waits for {what}" + (f": {', '.join(names)}" if names else "")


def _primitive(task: Task, frames: list[FrameType]) -> str:
    """What the user's code called: the outermost public name below it, such as `Queue.get`."""
    below = [frame.f_code.co_qualname for frame in frames[user_depth(frames) + 1 :]]
    public = [name for name in below if not name.rpartition(".")[2].startswith("_")]
    if public or below:
        return (public or below)[0]
    waiter = _waiter(task)
    return "a task" if isinstance(waiter, asyncio.Task) else type(waiter).__name__.strip("_")


def _waiter(task: Task) -> Any:
    return task._fut_waiter  # type: ignore[attr-defined] # noqa: SLF001 - the only way to ask what a task awaits


def _waited_for(task: Task, tasks: list[Task]) -> list[Task]:
    """The pending tasks that have to move before `task` can."""
    waiter = _waiter(task)
    candidates: Iterable[Any] = getattr(waiter, "_children", [waiter])  # a gather waits for its children
    found = [other for other in candidates if isinstance(other, asyncio.Task)]
    for frame in await_chain(task.get_coro()):
        found += _named_in(frame, tasks)
    return sorted({other for other in found if not other.done()}, key=creation_order)


def _named_in(frame: FrameType, tasks: list[Task]) -> list[Task]:
    """The tasks that a frame of asyncio or anyio waits for, known from its variables."""
    name, variables = frame.f_code.co_qualname, frame.f_locals
    owner = variables.get("self")
    if name == "Lock.acquire":
        holder = getattr(owner, "_owner_task", None)  # anyio's lock knows
        index = getattr(owner, "holder_index", None)
        return [task for task in tasks if task is holder or creation_order(task) == index]
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
        path: list[Task] = []
        branches = [iter([start])]
        while branches:
            task = next(branches[-1], None)
            if task is None:
                branches.pop()
                if path:
                    finished[path.pop()] = None
            elif task in path:
                return _from_oldest(path[path.index(task) :])
            elif task in graph and task not in finished:
                path.append(task)
                branches.append(iter(graph[task]))
    return []


def _from_oldest(ring: list[Task]) -> list[Task]:
    oldest = ring.index(min(ring, key=creation_order))
    return ring[oldest:] + ring[:oldest]
