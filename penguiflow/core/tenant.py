"""`Tenant`: a flow as one tenant may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penguiflow.core.traces import Trace
from penguiflow.errors import TenantViolation, TraceNotFound
from penguiflow.types import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penguiflow.core.engine import Engine
    from penguiflow.core.flow import PenguiFlow
    from penguiflow.core.outcome import Outcome
    from penguiflow.node import Node
    from penguiflow.state.models import StoredEvent


class Tenant:
    """Sends and reads for one tenant; another one's traces look as if they did not exist.

    With `tenancy="observe"` what would be refused is only told, as a
    `tenant_violation` event; with `"off"` it is not even looked at.

    Args:
        flow: the flow.
        engine: its working parts.
        name: the tenant.

    """

    def __init__(self, flow: PenguiFlow, engine: Engine, name: str) -> None:
        self._flow = flow
        self._ledger = engine.ledger
        self._rookery = engine.rookery
        self._border = engine.border
        self.name = name

    async def emit(self, msg: Message, to: Node | Sequence[Node] | None = None, *, trace_id: str | None = None) -> None:
        """Send an envelope of this tenant into the flow, as `PenguiFlow.emit` does.

        Raises:
            TenantViolation: the envelope names another tenant.
            TraceNotFound: the trace is another tenant's.
            TypeError: `msg` is no envelope.

        """
        if not isinstance(msg, Message):
            raise TypeError(f"tenant {self.name!r} can only emit a Message; got {type(msg).__name__}. Wrap it in one")
        if msg.headers.tenant != self.name and self._crossed(_record(msg.trace_id, msg.headers.tenant), "emit"):
            raise TenantViolation(
                f"the handle of tenant {self.name!r} got an envelope of tenant {msg.headers.tenant!r}; "
                f"it sends its own only. Set headers.tenant, or use flow.tenant({msg.headers.tenant!r})"
            )
        await self._flow.emit(msg, to, trace_id=trace_id)

    async def fetch(self, from_: Node | None = None, *, trace_id: str | None = None) -> Any:
        """Take the next result of a trace of this tenant, or of any of its unscoped ones.

        Raises:
            TraceEnded: the trace has ended and has no result left.
            TraceNotFound: this tenant has no such trace.

        """
        if trace_id is None:
            return await self._rookery.fetch_of(self.name, from_)
        self._require_own(trace_id, "fetch")
        return await self._flow.fetch(from_, trace_id=trace_id)

    async def outcome(self, *, trace_id: str) -> Outcome:
        """How a trace of this tenant ended, as `PenguiFlow.outcome` tells it.

        Raises:
            TraceNotFound: this tenant has no such trace.

        """
        self._require_own(trace_id, "outcome")
        return await self._flow.outcome(trace_id=trace_id)

    async def cancel(self, trace_id: str, *, drain: bool = False) -> bool:
        """End a trace of this tenant, as `PenguiFlow.cancel` does; whether there was one to end."""
        return self._owns(trace_id, "cancel") and await self._flow.cancel(trace_id, drain=drain)

    async def load_history(self, trace_id: str) -> Sequence[StoredEvent]:
        """What is stored of this tenant's trace, oldest first; empty if it has none of that id."""
        stored = await self._flow.load_history(trace_id)
        own = [event for event in stored if event.tenant == self.name]
        if stored and not own and not self._crossed(_record(trace_id, stored[0].tenant), "load_history"):
            return stored
        return [event for event in own if event.kind != "tenant_violation"]  # who else tried is the operator's to know

    def _require_own(self, trace_id: str, act: str) -> None:
        if not self._owns(trace_id, act):
            raise TraceNotFound(trace_id)

    def _owns(self, trace_id: str, act: str) -> bool:
        trace = self._ledger.find(trace_id)
        if trace is None or not trace.accepted:
            return False
        return trace.tenant == self.name or not self._crossed(trace, act)

    def _crossed(self, trace: Trace, act: str) -> bool:
        return self._border.crossed(trace, self.name, act)


def _record(trace_id: str, tenant: str | None) -> Trace:
    """The record of a trace that the ledger does not have, for the event that tells of it."""
    trace = Trace(trace_id)
    trace.tenant = tenant
    return trace
