"""Threads in virtual time: exactly one of them, or the loop, has the baton at any moment.

A simulated thread is a real one that runs only while it has the baton: until
it sleeps, waits or ends. So what comes after `time.sleep(30)` in it happens 30
virtual seconds later, also when nobody waits for it any more, and the order of
everything is the same in each run. `asyncio.to_thread`, executors and anyio's
worker threads are the standard library's and anyio's own code on top of this.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import thread as pool_threads
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import count
from logging import getLogger
from typing import TYPE_CHECKING, Any

from sim.kernel.blocking import Blocked
from sim.kernel.ends import Stuck
from sim.kernel.frames import place
from sim.kernel.locks import VIRTUAL_LOCKS, VirtualLock, belongs_to, schedule_here
from sim.kernel.patching import replaced
from sim.kernel.pools import POOLS
from sim.kernel.sleeping import SHORT_SLEEP
from sim.kernel.whereabouts import actor, line_of_user, user_frame
from sim.model import recording

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import AbstractContextManager

    from sim.kernel.loop import SimLoop

DEFAULT_POOL_SIZE = 12
"""Threads of a loop's default executor: what asyncio takes on a machine of 8 cores, on every machine."""
HUNG_S = 60.0
"""Real seconds after which a thread that keeps the baton is given up: it waits for something outside of the run."""
_LAST_WORDS = 100  # waits that a thread may still begin after it was told to end

_plain_start = threading.Thread.start
_plain_join = threading.Thread.join
_raw_lock = threading.Lock


class ThreadEnded(BaseException):
    """The run is over: raised in a simulated thread out of what it waits for."""


class ThreadHungError(RuntimeError):
    """A simulated thread keeps the baton for a minute of real time.

    Args:
        name: the thread's name.
        where: `file:line` of where it stands.

    """

    def __init__(self, name: str, where: str) -> None:
        super().__init__(name, where)
        self.name, self.where = name, where

    def __str__(self) -> str:
        return (
            f"thread {self.name!r} runs for {HUNG_S:g} s of real time at {self.where}; a simulated thread may only "
            "wait for what the run itself does; make the lock that it waits for inside the run, or give it less work"
        )


class _Thread:
    """What the schedule knows of one thread."""

    __slots__ = ("dead", "ending", "finished", "go", "last_words", "lost", "order", "real", "timer")

    def __init__(self, real: threading.Thread) -> None:
        self.real = real
        self.go = _raw_lock()
        self.go.acquire()
        self.timer: asyncio.TimerHandle | None = None
        self.order = 0
        self.finished = VirtualLock()
        self.finished.acquire()
        self.dead = self.ending = self.lost = False
        self.last_words = _LAST_WORDS


class Threads:
    """The simulated threads of one loop, and who of them goes on when.

    Args:
        loop: whose virtual time they live in.

    """

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._threads: dict[threading.Thread, _Thread] = {}
        self._running: _Thread | None = None
        self._starting = False
        self._back = _raw_lock()
        self._back.acquire()
        self._orders = count()
        self.blocked: list[Blocked] = []
        self.pools: dict[Any, ThreadPoolExecutor] = {}

    # What the loop and the world ask

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._loop.time()

    def next_number(self) -> int:
        """A number for a future that a thread or the loop makes."""
        return self._loop.next_number()

    @property
    def has_baton(self) -> bool:
        """Whether the caller is the simulated thread whose turn it is."""
        return self._running is not None and self._running.real is threading.current_thread()

    @property
    def busy(self) -> bool:
        """Whether one of the threads has the baton."""
        return self._running is not None

    @property
    def at_work(self) -> int:
        """How many threads have a time at which they go on; idle ones of a pool have none."""
        return sum(thread.timer is not None for thread in self._threads.values())

    def installed(self) -> AbstractContextManager[None]:
        """Let every thread that is started inside be a simulated one."""
        return _NOTHING if schedule_here() is self else self._installed()

    @contextmanager
    def _installed(self) -> Iterator[None]:
        with belongs_to(self), replaced(*_INSTALLED):
            try:
                yield
            finally:
                for thread in self._threads:
                    _exit_without(thread)

    def finish(self, until_s: float) -> None:
        """Let threads come to their end as a process does that exits: it waits for them, daemons excepted."""
        if not self._threads:
            return
        with self.installed():
            while self._must_be_waited_for() and self._step(until_s):
                pass

    def _must_be_waited_for(self) -> bool:
        return any(thread.timer is not None and not thread.real.daemon for thread in self._threads.values())

    def kill(self) -> None:
        """Let no thread go on that there is now, as when a process is killed."""
        for thread in self._threads.values():
            _cancel(thread)
            thread.dead = True
        self.pools.clear()

    def close(self) -> None:
        """End all threads: what they wait for raises, and their `finally` blocks run."""
        if not self._threads:
            return
        with self.installed(), replaced((getLogger("concurrent.futures"), "disabled", True)):
            while self._threads:
                thread = next(iter(self._threads.values()))
                thread.ending = True
                self._resume(thread)
                if self._threads.get(thread.real) is thread:  # it did not end
                    self._lose(thread)

    # What threads ask

    def start(self, thread: threading.Thread) -> None:
        """Start `thread`; its first turn comes once the caller waits."""
        known = _Thread(thread)
        known_run = thread.run
        thread.run = partial(self._carry, known, known_run)  # type: ignore[method-assign]
        thread.daemon, daemon = True, thread.daemon
        self._starting = True  # the standard library waits here until the system has made the thread
        try:
            _plain_start(thread)
        finally:
            self._starting = False
            thread._daemonic = daemon  # type: ignore[attr-defined] # noqa: SLF001 - the setter refuses a started thread
        self._threads[thread] = known
        self._go_on_at(known, self.time())

    def join(self, thread: threading.Thread, timeout_s: float | None) -> bool:
        """Wait until `thread` has ended, or until `timeout_s` is over; gives whether it is one of ours."""
        known = self._threads.get(thread)
        if known is None:
            return False
        if known.finished.acquire(timeout=-1 if timeout_s is None else max(timeout_s, 0.0)):
            known.finished.release()
        return True

    def sleep(self, duration_s: float, call: str) -> None:
        """Let virtual time pass for this thread; on the loop, for everything."""
        target_s = self.time() + duration_s
        if self.has_baton:
            self._wait(target_s)
            return
        if self._loop.is_running():
            self.note(call, duration_s)
        while self._step(target_s):
            pass
        self._loop.advance_to(target_s)

    def acquire(self, lock: VirtualLock, timeout_s: float) -> bool:
        """Take `lock`, waiting in virtual time."""
        if self._starting:
            return lock.acquire_really(True, timeout_s)
        deadline_s = None if timeout_s < 0 else self.time() + timeout_s
        wait = self._wait_in_thread if self.has_baton else self._wait_on_loop
        return wait(lock, deadline_s)

    def wake(self, waiter: _Thread) -> None:
        """Let a thread go on now."""
        self._go_on_at(waiter, self.time())

    # The baton

    def _resume(self, thread: _Thread) -> None:
        """Hand the baton to `thread`, and wait until it comes back. Only the loop's own thread does this."""
        _cancel(thread)
        self._running = thread
        thread.go.release()
        try:
            returned = self._back.acquire(timeout=HUNG_S)
        except KeyboardInterrupt:
            self._back.acquire(timeout=HUNG_S)  # two must not run at once, not even now
            raise
        finally:
            self._running = None
        if not returned:
            where = _stands_at(thread)
            self._lose(thread)
            raise ThreadHungError(thread.real.name, where)
        if thread.real not in self._threads:
            _plain_join(thread.real)  # what Python does behind `run` is over too

    def _wait(self, until_s: float | None) -> None:
        """Give the baton back, until `until_s` or until somebody wakes this thread."""
        thread = self._running
        assert thread is not None  # noqa: S101 - only who has the baton waits
        if thread.ending:
            thread.last_words -= 1
            if thread.last_words:
                raise ThreadEnded
        if until_s is not None and not thread.ending:
            self._go_on_at(thread, until_s)
        self._back.release()
        thread.go.acquire()
        if thread.ending:
            raise ThreadEnded

    def _carry(self, thread: _Thread, run: Callable[[], object]) -> None:
        """What a simulated thread does: wait for its first turn, run, hand the baton back."""
        thread.go.acquire()
        with belongs_to(self):
            try:
                if not thread.ending:
                    run()
            except (ThreadEnded, SystemExit):
                pass
            except BaseException:  # noqa: BLE001 - as `threading` does it, but while it is this thread's turn
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), thread.real)))
            finally:
                del thread.real.run
                if not thread.lost:
                    del self._threads[thread.real]
                    thread.finished.release()
                    self._back.release()

    def _lose(self, thread: _Thread) -> None:
        """Give a thread up that does not give the baton back; the process can end without it."""
        thread.lost = thread.ending = True
        thread.last_words = 0
        thread.real._daemonic = True  # type: ignore[attr-defined] # noqa: SLF001 - nobody waits for it at exit
        _exit_without(thread.real)
        self._threads.pop(thread.real, None)

    # Time

    def _go_on_at(self, thread: _Thread, when_s: float) -> None:
        _cancel(thread)
        if thread.dead:
            return
        thread.order = next(self._orders)
        thread.timer = self._loop.resume_at(when_s, self._resume, thread)

    def _step(self, until_s: float) -> bool:
        """Let the next thread go on while the loop itself is held up; false where none does by `until_s`."""
        due = [thread for thread in self._threads.values() if thread.timer is not None]
        thread = min(due, key=_turn, default=None)
        if thread is None or thread.timer is None or thread.timer.when() > until_s:
            return False
        self._loop.advance_to(max(thread.timer.when(), self.time()))
        self._resume(thread)
        return True

    def _wait_in_thread(self, lock: VirtualLock, deadline_s: float | None) -> bool:
        thread = self._running
        while not lock.acquire(blocking=False):
            if deadline_s is not None and self.time() >= deadline_s:
                return False
            lock.enqueue(self, thread)
            try:
                self._wait(deadline_s)
            finally:
                lock.forget(self, thread)
        return True

    def _wait_on_loop(self, lock: VirtualLock, deadline_s: float | None) -> bool:
        """The loop waits for a lock that a thread has: threads go on, and everything else stands still."""
        started_s = self.time()
        horizon_s = self._loop.horizon_s if deadline_s is None else deadline_s
        taken = lock.acquire(blocking=False)
        while not taken and self._step(horizon_s):
            taken = lock.acquire(blocking=False)
        if not taken and deadline_s is None:
            raise Stuck(_nobody_releases(self.time()))
        if not taken and deadline_s is not None:
            self._loop.advance_to(deadline_s)
        if self.time() > started_s:
            self.note("waiting for a thread", self.time() - started_s, at_s=started_s)
        return taken

    def note(self, call: str, duration_s: float, *, at_s: float | None = None) -> None:
        """Write down what holds up the loop, from `at_s` or from now on."""
        at_s = self.time() if at_s is None else at_s
        file, _, line = line_of_user().rpartition(":")
        self.blocked.append(Blocked(call, file, int(line), duration_s, actor(), at_s))


def _start(thread: threading.Thread) -> None:
    schedule = schedule_here()
    if isinstance(schedule, Threads):
        schedule.start(thread)
    else:
        _plain_start(thread)


def _join(thread: threading.Thread, timeout: float | None = None) -> None:
    schedule = schedule_here()
    if not isinstance(schedule, Threads) or not schedule.join(thread, timeout):
        _plain_join(thread, timeout)


def _exit_without(thread: threading.Thread) -> None:
    """Let the process end without a thread of a pool: it has no turn any more, and would be waited for."""
    pool_threads._threads_queues.pop(thread, None)  # type: ignore[attr-defined] # noqa: SLF001 - its only register


_NOTHING = nullcontext()
_INSTALLED = (
    *VIRTUAL_LOCKS,
    *SHORT_SLEEP,
    *POOLS,
    (threading.Thread, "start", _start),
    (threading.Thread, "join", _join),
)


def _cancel(thread: _Thread) -> None:
    if thread.timer is not None:
        thread.timer.cancel()
        thread.timer = None


def _turn(thread: _Thread) -> tuple[float, int]:
    timer: Any = thread.timer
    return timer.when(), thread.order


def _stands_at(thread: _Thread) -> str:
    frame = sys._current_frames().get(thread.real.ident or 0)  # noqa: SLF001 - its only name
    return "an unknown line" if frame is None else place(user_frame(frame))


def _nobody_releases(at_s: float) -> recording.Stuck:
    waits = f"{actor()} at {line_of_user()} waits for a lock or a thread, and holds up the event loop"
    return recording.Stuck(at_s=at_s, reason="no thread can go on that would end the wait", waits=(waits,))
