"""Futures whose place in a set is the same in each run; what `tasks` does for tasks.

asyncio and `concurrent.futures` hand out sets of futures, and a stock future
hashes by its address in memory.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import tasks as asyncio_tasks
from concurrent import futures as pool_futures
from concurrent.futures import _base as pool_base
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar

from sim.kernel.locks import schedule_here
from sim.kernel.standins import register, stands_in_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

_PlainGatheringFuture: Any = asyncio_tasks._GatheringFuture  # type: ignore[attr-defined] # noqa: SLF001 - no public name


class StandsForPlain(type):
    """The type of a class that has asyncio's own as its only base, and takes that one's place during a run.

    Whatever is an instance or a subclass of asyncio's own is one of it, too.
    """

    def __instancecheck__(cls, instance: object) -> bool:
        if cls.__module__.startswith("sim.kernel."):
            return isinstance(instance, cls.__mro__[1])
        return super().__instancecheck__(instance)  # a class of somebody's, written while a run went on

    def __subclasscheck__(cls, subclass: type) -> bool:
        if cls.__module__.startswith("sim.kernel."):
            return issubclass(subclass, cls.__mro__[1])
        return super().__subclasscheck__(subclass)


class SimFuture(asyncio.Future[T], metaclass=StandsForPlain):
    """A future that gets a number from its loop when it is first hashed, and hashes by it."""

    __slots__ = ("_number",)

    def __hash__(self) -> int:
        return _number(self)


class _GatheringFuture(_PlainGatheringFuture):  # type: ignore[misc] # the base has no type
    def __hash__(self) -> int:
        return _number(self)


class _PoolFuture(pool_futures.Future[T]):
    """A future of a pool's work: numbered when it is made, because a set of them may outlive the run."""

    def __init__(self) -> None:
        super().__init__()
        schedule = schedule_here()
        self._number = object.__hash__(self) if schedule is None else schedule.next_number()

    def __hash__(self) -> int:
        return self._number


def _number(future: Any) -> int:
    try:
        number: int = future._number  # noqa: SLF001 - this function is the method of two classes
    except AttributeError:
        next_number = getattr(future.get_loop(), "next_number", None)  # a class that was kept may meet another loop
        number = future._number = object.__hash__(future) if next_number is None else next_number()  # noqa: SLF001
    return number


register(asyncio.Future, SimFuture)
REPEATABLE_FUTURES = ((asyncio_tasks, "_GatheringFuture", _GatheringFuture), (pool_base, "Future", _PoolFuture))
"""What to replace so that `asyncio.gather` and pools make numbered futures, too; a loop does so by itself."""


_plain_as_completed: Any = asyncio.as_completed


@stands_in_for(asyncio.as_completed)
def _as_completed(_world: object, fs: Any, *, timeout: float | None = None) -> Any:
    """Make tasks of all, in order: asyncio puts coroutines into a set, which they would leave by their addresses."""
    if isawaitable(fs):
        return _plain_as_completed(fs, timeout=timeout)  # which refuses it
    if sys.version_info >= (3, 13):
        return _plain_as_completed(_tasks(fs), timeout=timeout)
    return _when_asked(fs, timeout)


def _when_asked(fs: Iterable[Any], timeout_s: float | None) -> Iterator[Any]:
    """Before Python 3.13 the tasks begin when the first result is asked for."""
    yield from _plain_as_completed(_tasks(fs), timeout=timeout_s)


def _tasks(fs: Iterable[Any]) -> list[asyncio.Future[Any]]:
    return [asyncio.ensure_future(each) for each in dict.fromkeys(fs)]
