"""The interceptor that carries a scenario's faults to the seam."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sim.faults.clocks import ClockSkew
from sim.faults.matching import address_of
from sim.faults.registry import call_fault
from sim.model.faults import ClockSkewFault
from sim.model.recording import FaultCount, Fire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from penguiflow import Call
    from sim.faults.base import CallFault, Setting
    from sim.model.faults import Fault
    from sim.model.recording import Recording


class FaultSeam:
    """Stands outermost around what the faults of a scenario hit.

    Args:
        faults: the scenario's faults.
        setting: what they act in.
        recording: where hits are written down.

    Raises:
        FactoryError: a custom fault cannot be made.

    Attributes:
        acts: the kinds of acts that any of them hits; a flow does the others as if nobody stood there.

    """

    def __init__(self, faults: Sequence[Fault], setting: Setting, recording: Recording) -> None:
        self._recording = recording
        self._faults: list[CallFault[Any]] = []
        for fault in faults:
            count = recording.fault_counts.setdefault(fault.id, FaultCount())
            made = call_fault(fault, setting, count)
            if made is not None:
                self._faults.append(made)
            elif isinstance(fault, ClockSkewFault):
                ClockSkew(fault, setting.world, count)
        self.acts = tuple(dict.fromkeys(fault.hits for fault in self._faults))

    def forget(self) -> None:
        """The flow has died: no call is under way any more."""
        for fault in self._faults:
            fault.forget()

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out `call` inside every fault that hits it; the first in the file stands outermost."""
        now_s = asyncio.get_running_loop().time()
        for fault in [fault for fault in reversed(self._faults) if fault.fires(call, now_s)]:
            address = "/".join(str(part) for part in address_of(call))
            self._recording.fires.append(Fire(fault.id, round(now_s, 9), address, fault.describe(call)))
            proceed = _inside(fault, call, proceed)
        return await proceed()


def _inside(fault: CallFault[Any], call: Call, proceed: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    def run() -> Awaitable[Any]:
        return fault.apply(call, proceed)

    return run
