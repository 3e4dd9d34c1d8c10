"""An asyncio event loop on virtual time: when nothing is ready, the clock jumps exactly to the next timer."""
# ruff: noqa: SLF001 - an event loop drives handles through the private protocol that asyncio's own loops use

from __future__ import annotations

import asyncio
import math
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from sim.kernel.digest import CALLBACK, FULL
from sim.kernel.ends import BudgetExhausted, HorizonReached, Spinning, Stuck
from sim.kernel.frames import spinning_at
from sim.kernel.futures import SimFuture
from sim.kernel.handles import ReadyHandle, Timer
from sim.kernel.lookout import Lookout
from sim.kernel.networked import Networked
from sim.kernel.refusals import RealWorldError
from sim.kernel.sleeping import Sleep
from sim.kernel.stuck import explain
from sim.kernel.tasks import SimTask
from sim.kernel.threads import DEFAULT_POOL_SIZE, Threads

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Coroutine, Generator, Iterator
    from concurrent.futures import Executor
    from weakref import WeakSet

    from sim.kernel.digest import Digest

T = TypeVar("T")
M = TypeVar("M")
Ts = TypeVarTuple("Ts")

FAIR_ROUNDS = 10_000
"""Rounds of the ready queue at one instant after which the clock moves on all the same: somebody spins.

Rounds, not callbacks: a burst of many requests at one instant is no spin.
"""
FOREVER_S = sys.float_info.max
"""The horizon of a loop without one: a timer at infinity lies behind it, and never goes off."""
_SPINS = 20  # times FAIR_ROUNDS without a timer to jump to: whatever still runs will run for ever
_FAIR_ROUNDS_AGAIN = 100  # while the ready queue has not been empty since the last forced jump
_NO_TIMER = (math.inf, 0, Timer(math.inf, print, (), None, Context()))
_COMPACT_FROM = 100  # timers; below, cancelled ones are not worth the effort


class SimLoop(Networked, asyncio.BaseEventLoop):
    """An event loop whose time is simulated.

    Ready callbacks run first in, first out, as asyncio promises. Timers run
    at exactly their time, those of one instant in the order in which they
    were set. A task that spins cannot stop the clock (`FAIR_ROUNDS`).

    Args:
        horizon_s: virtual time that the clock may not pass.
        event_budget: how many callbacks may run.

    Raises:
        Stuck: out of `run_forever` and `run_until_complete`, when nothing can ever happen again, or when tasks wait
            for each other while only others go on (`sim.kernel.lookout`).
        HorizonReached: the same way, when the next timer lies behind the horizon.
        BudgetExhausted: the same way, when the budget is used up.

    """

    _ready: deque[Any]
    _asyncgens: WeakSet[Any]
    _scheduled: list[tuple[float, int, Any]]  # time, order of setting, handle or sleep
    _timer_cancelled_count: int  # since the last compaction
    _check_closed: Callable[[], None]
    _default_executor: Executor | None
    _task_factory: Callable[..., asyncio.Task[Any]] | None
    _thread_id: int | None
    _stopping: bool
    _closed: bool
    _debug: bool

    def __init__(self, *, horizon_s: float = FOREVER_S, event_budget: float = math.inf) -> None:
        self._now = 0.0
        super().__init__()
        self.horizon_s = min(horizon_s, FOREVER_S)
        self.event_budget = event_budget
        self.events = 0
        self.forced_jumps = 0
        self.buried: list[asyncio.Task[Any]] = []  # tasks of a process that was killed (sim.kernel.crash)
        self.digest: Digest | None = None
        self.threads = Threads(self)
        self._lookout = Lookout()
        self._many_rounds = False
        self.takes_sleeps = type(self) is SimLoop  # a class of somebody's may do something else with timers
        self._timer_order: Iterator[int] = count()
        self._task_order = count(1)
        self._future_order = count(1)

    def __del__(self) -> None:
        """Nothing to warn about: the loop holds nothing of the operating system."""

    # Time

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def advance(self, duration_s: float) -> None:
        """Let time pass inside a callback, as a call that blocks the loop does.

        Raises:
            HorizonReached: when time would pass the horizon.

        """
        self.advance_to(self._now + duration_s)

    def advance_to(self, when: float) -> None:
        """The same, up to the moment `when`."""
        self._now = min(when, self.horizon_s)
        if when > self.horizon_s:
            raise HorizonReached(self.horizon_s)

    # Scheduling

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Run `callback` in the next round, after everything that is ready by now."""
        if self._debug or self._closed:
            return _made_by_caller(super().call_soon(callback, *args, context=context), own_frames=1)
        handle = ReadyHandle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """The same as `call_soon`; refused from a real thread, whose timing nobody can repeat."""
        if self._thread_id in (None, threading.get_ident()):
            return _made_by_caller(self.call_soon(callback, *args, context=context), own_frames=1)
        if not self.threads.has_baton:
            call = f"loop.call_soon_threadsafe() from thread {threading.current_thread().name!r}"
            raise RealWorldError(call, "run the work with asyncio.to_thread, which is simulated")
        self._check_closed()
        handle = ReadyHandle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `callback` after exactly `delay` virtual seconds."""
        when = self._now + delay
        if self._debug or self._closed:
            return self._traced_timer(when, callback, args, context)
        timer = Timer(when, callback, args, self, context)
        heappush(self._scheduled, (when, next(self._timer_order), timer))
        return timer

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `callback` at exactly `when`."""
        if self._debug or self._closed or when is None:
            return self._traced_timer(when, callback, args, context)
        timer = Timer(when, callback, args, self, context)
        heappush(self._scheduled, (when, next(self._timer_order), timer))
        return timer

    def resume_at(self, when: float, callback: Callable[[*Ts], object], *args: *Ts) -> asyncio.TimerHandle:
        """The same as `call_at` for a simulated thread, also where debug mode would take it for a foreign one."""
        timer = Timer(when, callback, args, self, Context())
        heappush(self._scheduled, (when, next(self._timer_order), timer))
        return timer

    def _traced_timer(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> asyncio.TimerHandle:
        """In debug mode the base class checks the call and remembers where it was made; only its heap is ours."""
        timers, self._scheduled = self._scheduled, []
        try:
            timer = super().call_at(when, callback, *args, context=context)
        finally:
            self._scheduled = timers
        heappush(timers, (when, next(self._timer_order), timer))
        return _made_by_caller(timer, own_frames=2)

    def _timer_handle_cancelled(self, handle: Any) -> None:
        """Called by a timer that is cancelled; most timers are timeouts, and most of those end here."""
        if handle._scheduled:
            self._timer_cancelled()

    def _timer_cancelled(self) -> None:
        """Throw cancelled timers out once they may be more than half of all."""
        self._timer_cancelled_count += 1
        timers = self._scheduled
        if len(timers) >= _COMPACT_FROM and self._timer_cancelled_count * 2 > len(timers):
            timers[:] = [entry for entry in timers if not _is_cancelled(entry[2])]
            heapify(timers)
            self._timer_cancelled_count = 0

    # Running

    def run_forever(self) -> None:
        """Run until `stop` is called; threads that are started meanwhile are simulated."""
        self._many_rounds = True  # one call of _run_once does them all: a call for each round is dear
        try:
            with self.threads.installed():
                super().run_forever()
        finally:
            self._many_rounds = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing is ready to run, and no asynchronous generator is open."""
        return not (self._ready or self._asyncgens)

    def close(self) -> None:
        """Close the loop, and end its threads."""
        super().close()
        self.threads.close()

    def _run_once(self) -> None:  # noqa: C901, PLR0912, PLR0915 - one loop, kept in one piece for the sake of speed
        """Run what is ready; under `run_forever` also what that makes ready, and so on, until asked to stop."""
        # Everything here is inline that happens for each callback: the call of a method is dear at this place.
        ready, timers = self._ready, self._scheduled
        next_ready = ready.popleft
        rounds_left, spins_left = FAIR_ROUNDS, _SPINS
        only_this_round = not self._many_rounds
        pause_at = min(self.event_budget, self.events + self._lookout.interval)
        digest, told_s = self.digest, -1.0
        words = [] if digest is None else digest.words
        note = None if digest is None else words.append
        while True:
            if not ready:
                when, _, timer = timers[0] if timers else _NO_TIMER
                is_over = timer.done() if type(timer) is Sleep else timer._cancelled
                if self._now < when <= self.horizon_s and not is_over:
                    self._now = when
                else:
                    self._jump()
                rounds_left, spins_left = FAIR_ROUNDS, _SPINS
            elif rounds_left:
                rounds_left -= 1
            elif timers:
                before_s = self._now
                self._jump()
                self.forced_jumps += self._now > before_s
                rounds_left = _FAIR_ROUNDS_AGAIN
            elif spins_left:
                spins_left -= 1
                rounds_left = FAIR_ROUNDS
            else:
                raise Spinning(self._now, spinning_at(ready))
            now = self._now
            while timers and timers[0][0] <= now:
                timer = heappop(timers)[2]
                if type(timer) is not Sleep:
                    timer._scheduled = False
                ready.append(timer)
            if self.events >= pause_at:
                pause_at = self._look(now)
            if now != told_s and digest is not None and note is not None:
                if len(words) >= FULL:
                    digest.flush()
                note(-now)
                told_s = now
            waiting = len(ready)
            self.events += waiting
            for _ in range(waiting):
                handle = next_ready()
                if type(handle) is Sleep:
                    if handle.done():
                        self.events -= 1
                        continue
                    if note is not None:
                        note(CALLBACK)
                    handle.set_result(None)
                    continue
                if handle._cancelled:
                    self.events -= 1
                    continue
                if note is not None:
                    owner = None if type(handle) is Timer else getattr(handle._callback, "__self__", None)
                    note(owner.index if type(owner) is SimTask else CALLBACK)
                try:
                    handle._context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - a callback's error goes to the loop's handler
                    self._report(handle, error)
            if self._stopping or only_this_round:
                return

    def _look(self, now: float) -> float:
        """Look whether the run may go on, and give the count of callbacks at which to look again."""
        if self.events >= self.event_budget:
            raise BudgetExhausted(now, int(self.event_budget))
        story = self._lookout.look(self)
        if story is not None:
            raise Stuck(story)
        return min(self.event_budget, self.events + self._lookout.interval)

    def _report(self, handle: Any, error: BaseException) -> None:
        problem = {"message": f"Exception in callback {handle!r}", "exception": error, "handle": handle}
        if handle._source_traceback:
            problem["source_traceback"] = handle._source_traceback
        self.call_exception_handler(problem)

    def _jump(self) -> None:
        """Move the clock to the next timer that is not cancelled, or say why it cannot move."""
        timers = self._scheduled
        while timers and _is_cancelled(timers[0][2]):
            timer = heappop(timers)[2]
            if type(timer) is not Sleep:
                timer._scheduled = False
        when = timers[0][0] if timers else math.inf
        if when <= self.horizon_s:
            self._now = max(self._now, when)
        elif when != math.inf:
            self._now = self.horizon_s
            raise HorizonReached(self.horizon_s)
        elif not (self._ready or self._stopping):
            raise Stuck(explain(self, self._now))

    def _write_to_self(self) -> None:
        """No selector sleeps here that would have to be woken up."""

    # Futures, tasks and threads

    def create_future(self) -> asyncio.Future[Any]:
        """Make a future that hashes by a number, which it gets when it is first hashed."""
        return SimFuture(loop=self)

    def next_number(self) -> int:
        """The next number for a future to hash by."""
        return next(self._future_order)

    def next_index(self) -> int:
        """The index of the next task."""
        return next(self._task_order)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[T]:
        """Make a task that hashes by its index in the loop; `eager_start` works where Python has it."""
        self._check_closed()
        if self._task_factory is None:
            return self._new_task(coro, loop=self, name=name, context=context, **options)
        if context is not None:
            options["context"] = context
        task = self._task_factory(self, coro, **options)
        if name is not None:
            task.set_name(str(name))
        return task

    def _new_task(self, coro: Any, *, loop: asyncio.AbstractEventLoop, **options: Any) -> asyncio.Task[Any]:
        task = SimTask(coro, loop=loop, index=next(self._task_order), **options)
        return _made_by_caller(task, own_frames=3) if self._debug else task

    def set_task_factory(self, factory: Any) -> None:
        """Use `factory` for tasks; asyncio's eager factory makes tasks that hash by their index too."""
        if factory is not None and factory is getattr(asyncio, "eager_task_factory", None):
            factory = getattr(asyncio, "create_eager_task_factory")(self._new_task)  # noqa: B009 - since Python 3.12
        super().set_task_factory(factory)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Call `func` in a simulated thread; without an executor in one of `DEFAULT_POOL_SIZE`."""
        with self.threads.installed():  # a program may hand work over before it runs the loop
            if executor is None and self._default_executor is None:
                self.set_default_executor(ThreadPoolExecutor(DEFAULT_POOL_SIZE, thread_name_prefix="asyncio"))
            return super().run_in_executor(executor, func, *args)


def _is_cancelled(timer: Any) -> bool:
    """Whether what stands among the timers will do nothing any more."""
    return timer.done() if type(timer) is Sleep else timer._cancelled


def _made_by_caller(made: M, *, own_frames: int) -> M:
    """In debug mode a handle or task remembers where it was made: at the call of the loop, not inside of it."""
    source: Any = getattr(made, "_source_traceback", None)
    if source:
        del source[-own_frames:]
    return made
