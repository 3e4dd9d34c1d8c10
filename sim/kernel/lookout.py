"""A look, every now and then, at a run that goes on: whether tasks in it wait for each other and never will go on.

A ring of tasks ends a run at once where nothing else moves. Where a heartbeat
beats on, only a second look tells: nobody in the ring has moved meanwhile.
"""
# ruff: noqa: SLF001 - the loop's timers are ours

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any
from weakref import ref

from sim.kernel.frames import await_chain
from sim.kernel.sleeping import Sleep
from sim.kernel.stuck import locked, ring_in, stalled
from sim.kernel.tasks import creation_order, pending_tasks
from sim.kernel.waits import waiter_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.kernel.loop import SimLoop
    from sim.model import recording

Task = asyncio.Task[Any]

LOOK_EVERY = 10_000
"""Callbacks from one look to the next, where there are few tasks."""
_CALLBACKS_PER_TASK = 40  # looking at a task takes a third of a callback's time,
_CALLBACKS_PER_STILL_TASK = 400  # and asking what it waits for that of ten callbacks


class Lookout:
    """What was seen at the last look.

    Attributes:
        interval: callbacks until the next look, so many that looking takes a few hundredths of the run at most.

    """

    def __init__(self) -> None:
        self.interval = LOOK_EVERY
        self._waiters: Mapping[int, ref[Any]] = {}
        self._ring: tuple[int, ...] = ()
        self._timers: Sequence[ref[Any]] = ()

    def look(self, loop: SimLoop) -> recording.Stuck | None:
        """The story of a ring of tasks that stood at the last look too and that nothing in sight can end.

        Whatever was in the ready queue or among the timers at the last look has had its chance by then: a ring is
        left alone as long as one of those timers is still to come, and as long as a task that moves has one of its
        tasks in a variable, which it may cancel.
        """
        tasks = pending_tasks(loop)
        still = [task for task in tasks if self._stands_still(task)]
        self._waiters = {creation_order(task): ref(waiter) for task in tasks if (waiter := waiter_of(task)) is not None}
        self.interval = max(LOOK_EVERY, _CALLBACKS_PER_TASK * len(tasks), _CALLBACKS_PER_STILL_TASK * len(still))
        ring = ring_in(locked(tasks)) if locked(still) else []
        known, self._ring = self._ring, tuple(map(creation_order, ring))
        if not ring or self._ring != known:
            self._timers = [ref(timer) for when, _, timer in loop._scheduled if ring and when <= loop.horizon_s]
        elif not any(map(_is_to_come, self._timers)) and not _is_in_hands(ring, tasks, still):
            return stalled(loop, loop.time())
        return None

    def _stands_still(self, task: Task) -> bool:
        waiter, before = waiter_of(task), self._waiters.get(creation_order(task))
        return waiter is not None and not waiter.done() and before is not None and before() is waiter


def _is_to_come(timer_before: ref[Any]) -> bool:
    timer = timer_before()
    if type(timer) is Sleep:
        return not timer.done()
    return timer is not None and timer._scheduled and not timer._cancelled


def _is_in_hands(ring: Sequence[Task], tasks: Sequence[Task], still: Sequence[Task]) -> bool:
    """Whether a task that moves has one of the ring in a variable, or in a list or the like that is one."""
    asleep = dict.fromkeys(still)
    awake = [task for task in tasks if task not in asleep]
    values = [value for task in awake for frame in await_chain(task.get_coro()) for value in frame.f_locals.values()]
    return any(held is one for held in (*values, *gc.get_referents(*values)) for one in ring)
