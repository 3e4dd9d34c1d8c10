"""The outside of a program: calls whose answers a plan can hold back, and which all have an address."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sim.kernel.crash import die, inside, stand_outside
from sim.kernel.sleeping import Sleep
from sim.model.plan import DIES_AFTER, DIES_BEFORE, CallPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from sim.kernel.world import World
    from sim.model.plan import Plan

T = TypeVar("T")

_outside: Outside | None = None
_US = 1_000_000
_DEADLINES_KEPT = 8


class Outside:
    """Everything that the program of one run calls, and what the plan makes of it.

    Args:
        world: the world of the run.
        plan: which calls are late, fail, stall the loop or end the program.

    """

    def __init__(self, world: World, plan: Plan) -> None:
        self.calls: list[CallPoint] = []
        self._life: asyncio.Future[None] | None = None
        self._world = world
        self._plan = plan
        self._met: Counter[str] = Counter()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Answer the calls of this process, for the length of the block."""
        global _outside
        before, _outside = _outside, self
        try:
            yield
        finally:
            _outside = before

    async def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run `main` to its end, with its calls answered as planned; a planned crash starts it again."""
        with self.installed():
            if not self._plan.crash:
                return await main()
            stand_outside()
            while True:
                life = self._life = self._world.loop.create_future()
                work = inside(self._world.loop, main())
                work.add_done_callback(partial(_end, life))
                await life
                if work.done():
                    return work.result()

    async def answer(self, name: str, duration_s: float, parts: tuple[str, ...], fails: type[Exception] | None) -> None:
        """Let a call take its time, and end as planned."""
        call = self._begin(name, duration_s, parts, fails)
        plan, address = self._plan, call.address
        if stall_ms := plan.stall_ms.get(address):
            self._world.loop.advance(stall_ms / 1000)
        if plan.crash.get(address) == DIES_BEFORE:
            await self._crash()
        times = plan.late.get(address, plan.late.get(name, 1))
        planned_us = plan.takes_us.get(address)
        await asyncio.sleep(duration_s * times if planned_us is None else planned_us / _US)
        if plan.crash.get(address) == DIES_AFTER:
            await self._crash()
        failure = fails if plan.fail.get(address) else None
        self._world.digest.add(self._world.now_s, address, "fail" if failure else "answer")
        if failure is not None:
            raise failure(f"{address} fails, as planned")

    def _begin(self, name: str, duration_s: float, parts: tuple[str, ...], fails: type[Exception] | None) -> CallPoint:
        place = "/".join((name, *parts))
        self._met[place] += 1
        address, loop = f"{place}#{self._met[place]}", self._world.loop
        self._world.digest.add(loop.time(), address, "call")
        deadlines_us = pending_deadlines_us(loop) if self._plan.kind == "baseline" else ()
        call = CallPoint(address, name, round(duration_s * _US), deadlines_us, fails is not None)
        self.calls.append(call)
        return call

    async def _crash(self) -> None:
        await die(self._world.loop, partial(_end, self._life))


async def latency(name: str, duration_s: float, *parts: str, fails: type[Exception] | None = None) -> None:
    """Wait for an answer from outside; a plan can make it late. Without a running plan it is `asyncio.sleep`.

    Put it where the stand-in of a service (a database, a tool, a model) takes
    its time.

    Args:
        name: what is called, such as `charge`.
        duration_s: how long that takes when nothing is wrong, in seconds.
        parts: what else tells the call from others, such as its tenant; calls that share name and parts are counted.
        fails: the error that the caller has to expect; a plan can make the call raise it.

    """
    if _outside is None:
        await asyncio.sleep(duration_s)
    else:
        await _outside.answer(name, duration_s, parts, fails)


def _end(life: asyncio.Future[None] | None, _work: object = None) -> None:
    if life is not None and not life.done():
        life.set_result(None)


def pending_deadlines_us(loop: Any) -> tuple[int, ...]:
    """How far away the next timeouts are, in microseconds: whatever is due and is not somebody's sleep."""
    now, waiting = loop.time(), loop._scheduled  # noqa: SLF001 - the loop is ours
    due = {
        round((when - now) * _US)
        for when, _, timer in waiting
        if when > now and not _is_sleep(timer) and not timer.cancelled()
    }
    return tuple(sorted(due)[:_DEADLINES_KEPT])


def _is_sleep(timer: Any) -> bool:
    return type(timer) is Sleep or timer._callback is _END_OF_SLEEP  # noqa: SLF001 - the loop's timers are ours


_END_OF_SLEEP: Any = getattr(asyncio.futures, "_set_result_unless_cancelled")  # noqa: B009 - asyncio's own, private
