"""What a suspended task waits for, and which other tasks could end its wait."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.kernel.frames import await_chain, place, user_depth
from sim.kernel.tasks import creation_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import FrameType

Task = asyncio.Task[Any]

_WORKER = "penguiflow:"  # the runtime names the task of a worker after its node
_ORPHANS_LOOKED_FOR = 20  # each look goes through everything that the process holds


@dataclass(frozen=True, slots=True)
class Wait:
    """One task that waits.

    Args:
        task: the task.
        where: ` at file:line`; empty where no code of the user's waits.
        what: what its code called, such as `Queue.put (full, 1 of 1)`.
        relation: words between `what` and the names of the others.
        others: the tasks that have to move first, in the order of their creation.

    """

    task: Task
    where: str
    what: str
    relation: str
    others: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What one frame of a library gives away about a wait: words about its state, and who could end it."""

    state: str = ""
    relation: str = ": "
    others: tuple[Task, ...] = ()
    what: str = ""


def others_of(tasks: Sequence[Task]) -> Mapping[Task, tuple[Task, ...]]:
    """For which others each of `tasks` waits, in their order."""
    return {task: wait.others for task, wait in _waits(tasks, _chains(tasks)).items()}


def waits_of(tasks: Sequence[Task]) -> Mapping[Task, Wait]:
    """What each of `tasks` waits for, in their order; the words take a look at all that the process holds."""
    chains = _chains(tasks)
    waits = _waits(tasks, chains)
    orphans = [task for task, wait in waits.items() if wait.what == "Future"][:_ORPHANS_LOOKED_FOR]
    for task in orphans:
        if _is_orphan(task, chains[task]):
            wait = waits[task]
            what = "a Future that nothing else refers to: nobody can set it any more"
            waits[task] = Wait(task, wait.where, what, wait.relation, wait.others)
    return waits


def _chains(tasks: Sequence[Task]) -> Mapping[Task, list[FrameType]]:
    return {task: await_chain(task.get_coro()) for task in tasks}


def _waits(tasks: Sequence[Task], chains: Mapping[Task, list[FrameType]]) -> dict[Task, Wait]:
    by_index = {creation_order(task): task for task in tasks}
    return {task: _wait(task, chains, by_index) for task in tasks}


def _wait(task: Task, chains: Mapping[Task, list[FrameType]], by_index: Mapping[int, Task]) -> Wait:
    frames = chains[task]
    known = [found for frame in frames if (found := _known(frame, chains, by_index)) is not None]
    told = known[-1] if known else _Known()
    waiter = waiter_of(task)
    candidates: Iterable[Any] = getattr(waiter, "_children", [waiter])  # a gather waits for its children
    others = [other for other in candidates if isinstance(other, asyncio.Task)]
    others += [other for found in known for other in found.others if not _has_its_turn(waiter)]
    pending = sorted({other for other in others if not other.done()}, key=creation_order)
    depth = user_depth(frames)
    where = f" at {place(frames[depth])}" if depth >= 0 and not told.what else ""
    what = (told.what or _primitive(waiter, frames[depth + 1 :])) + told.state
    return Wait(task, where, what, told.relation, tuple(pending))


def waiter_of(task: Task) -> Any:
    """The future that a task awaits; nothing for one that is about to run."""
    return task._fut_waiter  # type: ignore[attr-defined] # noqa: SLF001 - the only way to ask what a task awaits


def _has_its_turn(waiter: Any) -> bool:
    return waiter is None or waiter.done()


def _primitive(waiter: Any, below: list[FrameType]) -> str:
    """What the user's code called: the outermost public name below it, such as `Queue.get`."""
    called = [_name(frame) for frame in below]
    public = [name for name in called if not name.rpartition(".")[2].startswith("_")]
    if called:
        return (public or called)[0]
    if isinstance(waiter, asyncio.Task):
        return "a task"
    if hasattr(waiter, "_children"):
        return "gather"
    return "Future" if isinstance(waiter, asyncio.Future) else type(waiter).__name__


def _name(frame: FrameType) -> str:
    """The name of the frame's function as users know it: a method of a base goes by the class of its object."""
    name, owner = frame.f_code.co_qualname, frame.f_locals.get("self")
    bases = [base.__qualname__ for base in type(owner).__mro__] if owner is not None else []
    base, _, method = name.rpartition(".")
    return f"{bases[0]}.{method}" if base in bases else name


def _known(frame: FrameType, chains: Mapping[Task, list[FrameType]], by_index: Mapping[int, Task]) -> _Known | None:
    """What a frame of asyncio, anyio or the runtime gives away, known from its name and its variables."""
    variables = frame.f_locals
    owner: Any = variables.get("self")
    match frame.f_code.co_qualname:
        case "Lock.acquire":
            known = _Known(relation=", held by ", others=_holder(owner, by_index))
        case "Queue.put":
            others = _users(owner, "takers", chains, by_index)
            known = _Known(f" (full, {owner.qsize()} of {owner.maxsize})", ", taken from by ", others)
        case "Queue.get":
            known = _Known(relation=", given to by ", others=_users(owner, "givers", chains, by_index))
        case "Barrier.wait":
            known = _Known(f" (holds {owner.n_waiting} of {owner.parties})")
        case "Floe.room":
            known = _edge(owner, chains)
        case "Inbox.wait_idle":
            known = _Known(what="a message")
        case "TaskGroup.__aexit__" | "TaskGroup._aexit":
            known = _Known(others=tuple(getattr(owner, "_tasks", ())))
        case "_wait" | "wait_for":
            awaited = variables.get("fs", [variables.get("fut")])
            known = _Known(others=tuple(task for task in awaited if isinstance(task, asyncio.Task)))
        case _:
            return None
    return known


def _holder(lock: Any, by_index: Mapping[int, Task]) -> tuple[Task, ...]:
    holder = getattr(lock, "_owner_task", None)  # anyio's lock knows
    index = getattr(lock, "holder_index", -1) if holder is None else creation_order(holder)
    return (by_index[index],) if index in by_index else ()


def _users(
    queue: Any, role: str, chains: Mapping[Task, list[FrameType]], by_index: Mapping[int, Task]
) -> tuple[Task, ...]:
    """The tasks that took from a queue, or gave to it, and do not wait on that side of it themselves.

    Where nobody has yet: those that wait at another queue and have this one in a variable. A task that only made
    it, and waits for those that use it, is none of them.
    """
    remembered = [by_index[index] for index in vars(queue).get(role, ()) if index in by_index]
    found = remembered or [task for task, frames in chains.items() if _at_queue(frames) and _mentions(queue, frames)]
    same_side = "Queue.put" if role == "takers" else "Queue.get"
    return tuple(task for task in found if not _waits_at(queue, same_side, chains[task]))


def _at_queue(frames: list[FrameType]) -> bool:
    return any(frame.f_code.co_qualname in ("Queue.put", "Queue.get") for frame in frames)


def _waits_at(queue: Any, side: str, frames: list[FrameType]) -> bool:
    return any(frame.f_code.co_qualname == side and frame.f_locals.get("self") is queue for frame in frames)


def _mentions(queue: Any, frames: list[FrameType]) -> bool:
    return any(value is queue for frame in frames for value in frame.f_locals.values())


def _edge(floe: Any, chains: Mapping[Task, list[FrameType]]) -> _Known:
    """A full edge of a flow, which the workers of its target empty."""
    source, target = (getattr(end, "label", None) or end.name for end in (floe.source, floe.target))
    workers = tuple(task for task in chains if task.get_name() == f"{_WORKER}{target}")
    what = f"room on the edge {source} -> {target} (full, {floe.qsize()} of {floe.maxsize})"
    return _Known(relation=", emptied by ", others=workers, what=what)


def _is_orphan(task: Task, frames: list[FrameType]) -> bool:
    """Whether only the task itself still holds the future that it awaits."""
    own: list[Any] = [task, *frames, *(frame.f_locals for frame in frames), *_suspended(task.get_coro())]
    return all(any(held is one for one in own) for held in gc.get_referrers(waiter_of(task)))


def _suspended(awaitable: Any) -> Iterator[Any]:
    """A suspended coroutine, what it awaits, and so on down to what iterates over the future."""
    while awaitable is not None:
        yield awaitable
        inner = getattr(awaitable, "cr_await", None)
        awaitable = getattr(awaitable, "gi_yieldfrom", None) if inner is None else inner
