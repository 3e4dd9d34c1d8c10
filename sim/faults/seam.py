"""The interceptor that carries a scenario's faults to the seam."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from sim.faults.calls import CallError, Latency
from sim.faults.matching import address_of
from sim.model.recording import FaultCount, Fire
from sim.model.scenario import LatencyFault, RetryStormFault, ToolErrorFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from penguiflow import Call
    from sim.kernel.draws import Draws
    from sim.model.recording import Recording
    from sim.model.scenario import Fault


class CallFault(Protocol):
    """A fault that hits single calls."""

    id: str

    def fires(self, call: Call, now_s: float) -> bool:
        """Whether it hits this call."""
        ...

    def describe(self, call: Call) -> str:
        """What it does to the call, for the record."""
        ...

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry the call out, spoilt."""
        ...


class FaultSeam:
    """Stands outermost around node attempts and tool calls.

    Args:
        faults: the scenario's faults; those that hit no calls are passed over.
        draws: the run's source of chance.
        recording: where hits are written down.
        errors: exception factories by the text of `error`, for those that name a class.

    """

    acts = ("attempt", "tool")

    def __init__(
        self,
        faults: Sequence[Fault],
        draws: Draws,
        recording: Recording,
        errors: Mapping[str, Callable[[str], Exception]],
    ) -> None:
        self._recording = recording
        self._faults: list[CallFault] = []
        for fault in faults:
            count = recording.fault_counts.setdefault(fault.id, FaultCount())
            if isinstance(fault, LatencyFault):
                self._faults.append(Latency(fault, draws, count))
            elif isinstance(fault, (ToolErrorFault, RetryStormFault)):
                self._faults.append(CallError(fault, draws, count, errors))

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out `call` inside every fault that hits it; the first in the file stands outermost."""
        now_s = asyncio.get_running_loop().time()
        for fault in [fault for fault in reversed(self._faults) if fault.fires(call, now_s)]:
            address = "/".join(str(part) for part in address_of(call))
            self._recording.fires.append(Fire(fault.id, now_s, address, fault.describe(call)))
            proceed = _inside(fault, call, proceed)
        return await proceed()


def _inside(fault: CallFault, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    def run() -> Awaitable[Any]:
        return fault.apply(call, proceed)

    return run
