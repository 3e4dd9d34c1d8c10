"""Faults that hit single calls: late answers, answers that never come, errors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sim.faults.base import CallFault
from sim.faults.delays import sample_delay_s
from sim.faults.errors import maker_of
from sim.faults.matching import address_of
from sim.model.faults import HangFault, LatencyFault, RetryStormFault, StoreErrorFault, ToolErrorFault
from sim.model.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penguiflow import Call
    from sim.faults.base import Setting
    from sim.model.recording import FaultCount


class Latency(CallFault[LatencyFault]):
    """The call is carried out in time, and its answer comes late (or the request, with `side: request`)."""

    def describe(self, call: Call) -> str:
        """How late."""
        return f"{self.fault.side} late by {format_duration(self._delay_s(call))}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Wait on the chosen side of the call; a failure comes as late as an answer, a message is on its way."""
        delay_s = self._delay_s(call)
        if call.act == "send":
            return asyncio.create_task(_later(delay_s, proceed))
        if self.fault.side == "request":
            return await _later(delay_s, proceed)
        try:
            result = await proceed()
        except Exception:
            await asyncio.sleep(delay_s)
            raise
        await asyncio.sleep(delay_s)
        return result

    def _delay_s(self, call: Call) -> float:
        return sample_delay_s(self.fault.delay, self.draws.uniform("delay", self.id, *address_of(call)))


async def _later(delay_s: float, proceed: Callable[[], Awaitable[Any]]) -> Any:
    await asyncio.sleep(delay_s)
    return await proceed()


class Hang(CallFault[HangFault]):
    """The call does not answer."""

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every hit of this fault is alike
        """For how long."""
        release_s = self.fault.release
        return "never answers" if release_s is None else f"hangs for {format_duration(release_s)}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ARG002 - as above
        """Hang before the call or after it, until the release, or until somebody gives up."""
        if self.fault.side == "request":
            await self._hang()
            return await proceed()
        result = await proceed()
        await self._hang()
        return result

    async def _hang(self) -> None:
        if self.fault.release is None:
            await asyncio.get_running_loop().create_future()
        else:
            await asyncio.sleep(self.fault.release)


class CallError(CallFault[ToolErrorFault | RetryStormFault]):
    """The call fails: instead of being carried out, or after it with the answer lost."""

    def __init__(self, fault: ToolErrorFault | RetryStormFault, setting: Setting, count: FaultCount) -> None:
        if isinstance(fault, RetryStormFault):
            self._error, self._after_effect, self.share = "unavailable", False, fault.share
        else:
            self._error, self._after_effect = fault.error, fault.after_effect
        super().__init__(fault, setting, count)
        self._make = maker_of(self._error, setting.errors)

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every hit of this fault is alike
        """What the caller sees."""
        return f"{self._error}, answer lost after the effect" if self._after_effect else self._error

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Raise, after the effect where that is asked."""
        if self._after_effect:
            await proceed()
        raise self._make(f"injected by fault {self.id} at {call.name or call.node}")


class StoreError(CallFault[StoreErrorFault]):
    """An operation of the store or the bus fails, and nothing is stored."""

    act = "store"

    def fires(self, call: Call, now_s: float) -> bool:
        """Whether it is the operation that is meant."""
        return self.fault.op in ("any", call.name) and super().fires(call, now_s)

    def describe(self, call: Call) -> str:
        """Which operation fails, and how."""
        return f"{call.name} fails: {self.fault.error}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ARG002 - nothing is stored
        """Raise instead of storing."""
        raise maker_of(self.fault.error, self.setting.errors)(f"injected by fault {self.id} at {call.name}")
