"""Faults that end something from outside: the flow's process, a request, or one attempt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sim.faults.base import CallFault
from sim.model.faults import CancelFault, CrashFault
from sim.model.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penguiflow import Call

_CANCEL = "penguiflow:cancel"


class Crash(CallFault[CrashFault]):
    """The flow dies when the call begins, or when it has taken effect and its answer is not seen yet."""

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every death is alike
        """When it comes back."""
        moment = "after the effect" if self.fault.after_effect else "before the call"
        return f"the flow dies {moment}, restart after {format_duration(self.fault.restart_after)}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ARG002 - as above
        """Die; whoever called never learns of it."""
        if self.fault.after_effect:
            await proceed()
        await self.setting.die(self.fault.restart_after)


class Cancel(CallFault[CancelFault]):
    """The request of the call, or the attempt that makes it, is cancelled from outside."""

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every hit of this fault is alike
        """What is cancelled, and when."""
        moment = "after the effect" if self.fault.after_effect else "before the call"
        return f"{'request' if self.fault.what == 'trace' else 'attempt'} cancelled {moment}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Cancel on the chosen side of the call; what is not cancelled by that goes on."""
        if not self.fault.after_effect:
            await self._cancel(call)
            return await proceed()
        result = await proceed()
        await self._cancel(call)
        return result

    async def _cancel(self, call: Call) -> None:
        if self.fault.what == "node":
            raise asyncio.CancelledError(f"injected by fault {self.id} at {call.name or call.node}")
        if call.trace_id is not None:
            # By somebody else: whoever makes the call is about to be cut off in this wait.
            await asyncio.wait([asyncio.create_task(self.setting.subject.cancel(call.trace_id), name=_CANCEL)])
