"""Locks of simulated threads: who waits for one hands the baton on, instead of stopping the whole process.

Everything in `threading`, `queue` and `concurrent.futures` waits, in the end,
in a lock. Replacing that one thing makes conditions, events, semaphores,
queues, pools and their timeouts work in virtual time, unchanged.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import ThreadPoolExecutor
    from types import TracebackType

_plain_lock = threading.Lock
_plain_monotonic = time.monotonic
_schedules: dict[int, Schedule] = {}


class Schedule(Protocol):
    """What locks and pools ask of the threads of one loop."""

    pools: dict[Any, ThreadPoolExecutor]
    """For each pool that is older than the run, the one that does its work."""

    def time(self) -> float:
        """Virtual seconds."""
        ...

    def acquire(self, lock: VirtualLock, timeout_s: float) -> bool:
        """Wait until `lock` is taken, or until `timeout_s` is over; a negative one means for ever."""
        ...

    def wake(self, waiter: Any) -> None:
        """Let `waiter` try again."""
        ...

    def sleep(self, duration_s: float, call: str) -> None:
        """Let virtual time pass; on the event loop, `call` is to blame."""
        ...

    def next_number(self) -> int:
        """A number for something that has to hash the same in each run."""
        ...


def schedule_here() -> Schedule | None:
    """The simulation that this thread belongs to; nothing for a thread that has nothing to do with one."""
    return _schedules.get(threading.get_ident())


@contextmanager
def belongs_to(schedule: Schedule) -> Iterator[None]:
    """Let this thread belong to `schedule`."""
    ident = threading.get_ident()
    before = _schedules.get(ident)
    _schedules[ident] = schedule
    try:
        yield
    finally:
        del _schedules[ident]
        if before is not None:
            _schedules[ident] = before


class VirtualLock:
    """A `threading.Lock`; who has to wait for it in a simulated thread waits in virtual time."""

    __slots__ = ("__weakref__", "_lock", "_waiters")

    def __init__(self) -> None:
        self._lock = _plain_lock()
        self._waiters: deque[tuple[Schedule, Any]] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - Lock's signature
        """Take the lock; as `threading.Lock.acquire`."""
        if self._lock.acquire(blocking=False):
            return True
        schedule = schedule_here()
        if schedule is None or not blocking or timeout == 0:
            return self.acquire_really(blocking, timeout)
        return schedule.acquire(self, timeout)

    def acquire_really(self, blocking: bool, timeout: float) -> bool:  # noqa: FBT001 - as above
        """Take the lock as a real one is taken."""
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        """Let the lock go; the first who waits for it may try again."""
        self._lock.release()
        if self._waiters:
            schedule, waiter = self._waiters.popleft()
            schedule.wake(waiter)

    def locked(self) -> bool:
        """Whether somebody has the lock."""
        return self._lock.locked()

    def enqueue(self, schedule: Schedule, waiter: Any) -> None:
        """Let `waiter` know when the lock is free."""
        self._waiters.append((schedule, waiter))

    def forget(self, schedule: Schedule, waiter: Any) -> None:
        """Take back `enqueue`, if it still stands."""
        if (schedule, waiter) in self._waiters:
            self._waiters.remove((schedule, waiter))

    def _at_fork_reinit(self) -> None:
        """What `threading` and `concurrent.futures` ask of their locks in a forked process."""
        self.__init__()  # type: ignore[misc]

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _monotonic() -> float:
    schedule = schedule_here()
    return _plain_monotonic() if schedule is None else schedule.time()


VIRTUAL_LOCKS: tuple[tuple[Any, str, object], ...] = (
    (threading, "Lock", VirtualLock),
    (threading, "_allocate_lock", VirtualLock),  # what Condition.wait waits in
    (threading, "_CRLock", None),  # threading has an RLock made of `_allocate_lock`
    (threading, "_time", _monotonic),
    (queue, "time", _monotonic),
    (queue, "SimpleQueue", queue._PySimpleQueue),  # type: ignore[attr-defined] # noqa: SLF001 - the one in C waits in C
)
"""What to replace so that locks wait in virtual time, whoever makes them.

Waiting for a condition, and so for an event or a queue, is virtual also
where the object is older than the replacement.
"""
