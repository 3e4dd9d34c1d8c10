"""Tasks whose place in a set follows their order of creation, so that a run repeats in any process.

asyncio and anyio keep tasks in sets. A set follows hashes, a stock task
hashes by its address in memory, and addresses differ from run to run.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator, MutableSet
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakSet

from anyio._backends._asyncio import CancelScope, TaskGroup

from sim.kernel.futures import REPEATABLE_FUTURES, StandsForPlain
from sim.kernel.patching import replaced
from sim.kernel.standins import register

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextvars import Context

T = TypeVar("T")


class SimTask(asyncio.Task[T], metaclass=StandsForPlain):
    """A task that hashes by its index.

    Args:
        coro: what the task runs.
        loop: its loop; the running one without one.
        index: the how-many-th task of its loop it is, from 1; the next one without one.
        name: its name; `task-<index>` without one.
        context: the context to run in; a copy of the current one without one.
        options: `eager_start`, where Python has it.

    """

    __slots__ = ("index",)

    def __init__(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        index: int | None = None,
        name: object = None,
        context: Context | None = None,
        **options: Any,
    ) -> None:
        if index is None:
            loop = asyncio.get_event_loop() if loop is None else loop
            index = _next_index(loop, self)
        self.index = index  # before the base class, which puts the task into a set
        name = f"task-{index}" if name is None else str(name)
        super().__init__(coro, loop=loop, name=name, context=context, **options)

    def __hash__(self) -> int:
        return self.index


def _next_index(loop: Any, task: object) -> int:
    """The index of a task that is made without the loop's help; any number on a loop of another kind."""
    index: int = loop.next_index() if hasattr(loop, "next_index") else object.__hash__(task)
    return index


class OrderedSet(MutableSet[T]):
    """A set that remembers the order in which its members came."""

    __slots__ = ("_members",)

    def __init__(self) -> None:
        self._members: dict[T, None] = {}

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __iter__(self) -> Iterator[T]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, value: T) -> None:
        """Put `value` at the end, unless it is there already."""
        self._members[value] = None

    def discard(self, value: T) -> None:
        """Take `value` out, if it is there."""
        self._members.pop(value, None)


register(asyncio.Task, SimTask)


def creation_order(task: asyncio.Task[Any]) -> int:
    """The index of a task; 0 for one that did not come from the loop's factory."""
    index: int = cast("Any", task).index if SimTask in type(task).__mro__ else 0
    return index


def pending_tasks(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    """The tasks of `loop` that are not done, in the order of their creation."""
    if _no_task_lives():
        return []
    return sorted(asyncio.all_tasks(loop), key=creation_order)


def repeatable_task_sets() -> replaced:
    """Keep the order in every set of tasks and futures that is handed out or walked, for the length of a run."""
    _check_anyio()
    return replaced(
        (CancelScope, "__init__", _ordered_scope),
        (TaskGroup, "__init__", _ordered_group),
        *REPEATABLE_FUTURES,
        *[(registry, "data", set()) for registry in _registries()],
    )


_eager_tasks: set[asyncio.Task[Any]] = getattr(asyncio.tasks, "_eager_tasks", set())  # since Python 3.12


@functools.cache
def _registries() -> tuple[WeakSet[asyncio.Task[Any]], ...]:
    """The process-wide registries behind `asyncio.all_tasks`; Python 3.14 keeps a list in C, in order, instead.

    A set's order depends on everything it ever held: each run gets a fresh one.
    """
    names = ("_all_tasks", "_scheduled_tasks")
    found = [getattr(asyncio.tasks, name, None) for name in names]
    return tuple(registry for registry in found if isinstance(registry, WeakSet))


def _no_task_lives() -> bool:
    """Whether there is no task for certain, which is quicker to see than by walking the registries."""
    registries = _registries()
    return bool(registries) and not any(map(len, registries)) and not _eager_tasks


@functools.cache
def _check_anyio() -> None:
    held = {
        "CancelScope._tasks": getattr(CancelScope(), "_tasks", None),
        "CancelScope._child_scopes": getattr(CancelScope(), "_child_scopes", None),
        "TaskGroup._tasks": getattr(TaskGroup(), "_tasks", None),
    }
    for name, value in held.items():
        if not isinstance(value, set):
            msg = (
                f"anyio {metadata.version('anyio')} keeps {name} in {type(value).__name__}; runs repeat only where it "
                "is a set that can be replaced by an ordered one; install anyio 4.9 to 4.16"
            )
            raise RuntimeError(msg)  # noqa: TRY004 - the wrong version is installed; nobody passed a wrong type


_plain_scope_init = CancelScope.__init__
_plain_group_init = TaskGroup.__init__


def _ordered_scope(scope: Any, *args: Any, **options: Any) -> None:
    _plain_scope_init(scope, *args, **options)
    scope._tasks = OrderedSet()  # noqa: SLF001 - anyio has no seam for the kind of set
    scope._child_scopes = OrderedSet()  # noqa: SLF001 - as above


def _ordered_group(group: Any) -> None:
    _plain_group_init(group)
    group._tasks = OrderedSet()  # noqa: SLF001 - as above
