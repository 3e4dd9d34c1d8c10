"""The interceptor that carries a plan to the seam: late answers, stalls of the whole loop, and deaths of the flow."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sim.model.plan import DIES_AFTER, DIES_BEFORE, CallPoint
from sim.model.service_call import ServiceCall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from penguiflow import Call
    from sim.kernel import World
    from sim.model.plan import Plan

_US = 1_000_000
RESTART_AFTER_S = 1.0
"""How long a flow that died by plan stays down."""


class PlanSeam:
    """Stands outside of every fault, around node attempts and tool calls.

    Only the answer of a call is late, so that everything that a plan does
    could be the work of a slow network. An attempt counts without the time
    that its late tool calls were held back.

    Args:
        plan: which calls are late.
        world: the world of the run.
        die: lets the flow die, and start again after so many seconds.

    Attributes:
        calls: every call that came to its end, with its own duration.
        timeouts_s: the timeout of each node that has one, in seconds.

    """

    acts = ("attempt", "tool")

    def __init__(self, plan: Plan, world: World, die: Callable[[float], Awaitable[None]]) -> None:
        self.calls: list[CallPoint] = []
        self.timeouts_s: Mapping[str, float] = {}
        self._plan = plan
        self._unmet = dict.fromkeys((*plan.late, *plan.takes_us, *plan.stall_ms, *plan.crash))
        self._world = world
        self._die = die
        self._ends_s: dict[tuple[str | None, str | None], float] = {}
        self._held_back_s: defaultdict[tuple[str | None, str | None], float] = defaultdict(float)

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out `call`, and let its answer or its error come when the plan says."""
        address = plan_address(call)
        self._unmet.pop(address, None)
        self._unmet.pop(family_of(call), None)
        if stall_ms := self._plan.stall_ms.get(address):
            self._world.loop.advance(stall_ms / 1000)
        dies = self._plan.crash.get(address)
        if dies == DIES_BEFORE:
            await self._die(RESTART_AFTER_S)
        start_s, held_s = self._begin(call)
        try:
            result = await proceed()
        except Exception:
            await self._hold_back(call, address, start_s, held_s)
            raise
        if dies == DIES_AFTER:
            await self._die(RESTART_AFTER_S)
        await self._hold_back(call, address, start_s, held_s)
        return result

    @property
    def unmet(self) -> tuple[str, ...]:
        """What the plan names, and no call was."""
        return tuple(self._unmet)

    def _begin(self, call: Call) -> tuple[float, float]:
        place, now_s = (call.node, call.trace_id), self._world.now_s
        timeout_s = self.timeouts_s.get(call.node or "")
        if call.act == "attempt" and timeout_s is not None:
            self._ends_s[place] = now_s + timeout_s
        return now_s, self._held_back_s[place]

    async def _hold_back(self, call: Call, address: str, start_s: float, held_s: float) -> None:
        place = (call.node, call.trace_id)
        own_s = self._world.now_s - start_s - (self._held_back_s[place] - held_s)
        self._write_down(call, address, start_s, own_s)
        extra_s = self._extra_s(address, family_of(call), own_s)
        if extra_s > 0:
            self._held_back_s[place] += extra_s
            await asyncio.sleep(extra_s)

    def _extra_s(self, address: str, family: str, own_s: float) -> float:
        planned_us = self._plan.takes_us.get(address)
        if planned_us is not None:
            return planned_us / _US - own_s
        return own_s * (self._plan.late.get(address, self._plan.late.get(family, 1)) - 1)

    def _write_down(self, call: Call, address: str, start_s: float, own_s: float) -> None:
        end_s = self._ends_s.get((call.node, call.trace_id))
        deadlines_us = () if end_s is None or end_s <= start_s else (round((end_s - start_s) * _US),)
        if call.act == "attempt" and own_s <= 0:
            deadlines_us = ()  # a handler that waits for nothing outside cannot be late
        self.calls.append(CallPoint(address, family_of(call), round(own_s * _US), deadlines_us))


def plan_address(call: Call) -> str:
    """The name of a call in a plan, such as `pay/charge@load-7#2`: the second charge of its trace at `pay`."""
    return f"{family_of(call)}@{call.trace_id or '-'}#{call.occurrence + 1}"


def family_of(call: Call) -> str:
    """What calls of one kind share: `pay` for the attempts of a node, `pay/charge` for its calls of a tool.

    Calls of a service are named with it: `pay/bank POST /charges`.
    """
    if isinstance(call, ServiceCall):
        return f"{call.node or ''}/{call.service} {call.name or ''}"
    return call.node or "" if call.act == "attempt" else f"{call.node or ''}/{call.name or ''}"
