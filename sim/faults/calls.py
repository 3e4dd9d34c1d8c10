"""Faults that hit single calls: late answers and errors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sim.faults.delays import sample_delay_s
from sim.faults.errors import ERRORS
from sim.faults.matching import Trigger, address_of
from sim.model.scenario import RetryStormFault
from sim.model.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from penguiflow import Call
    from sim.kernel.draws import Draws
    from sim.model.recording import FaultCount
    from sim.model.scenario import LatencyFault, ToolErrorFault


class Latency:
    """The call is carried out in time, and its answer comes late (or the request, with `side: request`)."""

    def __init__(self, fault: LatencyFault, draws: Draws, count: FaultCount) -> None:
        self.id = fault.id
        self._fault = fault
        self._draws = draws
        self.fires = Trigger(fault, draws, count).fires

    def describe(self, call: Call) -> str:
        """How late."""
        return f"{self._fault.side} late by {format_duration(self._delay_s(call))}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Wait on the chosen side of the call; a failure comes as late as an answer."""
        if self._fault.side == "request":
            await asyncio.sleep(self._delay_s(call))
            return await proceed()
        try:
            result = await proceed()
        except Exception:
            await asyncio.sleep(self._delay_s(call))
            raise
        await asyncio.sleep(self._delay_s(call))
        return result

    def _delay_s(self, call: Call) -> float:
        return sample_delay_s(self._fault.delay, self._draws.uniform("delay", self.id, *address_of(call)))


class CallError:
    """The call fails: instead of being carried out, or after it with the answer lost."""

    def __init__(
        self,
        fault: ToolErrorFault | RetryStormFault,
        draws: Draws,
        count: FaultCount,
        errors: Mapping[str, Callable[[str], Exception]],
    ) -> None:
        self.id = fault.id
        if isinstance(fault, RetryStormFault):
            self._error, self._after_effect, share = "unavailable", False, fault.share
        else:
            self._error, self._after_effect, share = fault.error, fault.after_effect, 1.0
        self._make = errors.get(self._error) or ERRORS[self._error]
        self.fires = Trigger(fault, draws, count, share=share).fires

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every hit of this fault is alike
        """What the caller sees."""
        return f"{self._error}, answer lost after the effect" if self._after_effect else self._error

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Raise, after the effect where that is asked."""
        if self._after_effect:
            await proceed()
        raise self._make(f"injected by fault {self.id} at {call.name or call.node}")
