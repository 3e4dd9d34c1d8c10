"""What a flow offers to nodes whose work goes on elsewhere, such as at a remote agent (RUNTIME contract 1.7)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from penguiflow.core.station import Station
from penguiflow.core.traces import Trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penguiflow.core.context import Context
    from penguiflow.core.engine import Engine
    from penguiflow.core.sinks import Sinks
    from penguiflow.node import Node
    from penguiflow.state.models import RemoteBinding


class Elsewhere:
    """The part of `PenguiFlow` that concerns work elsewhere."""

    _engine: Engine
    _sinks: Sinks

    def ensure_trace_event(self, trace_id: str) -> asyncio.Event:
        """An event that is set when the trace is cancelled, runs out of time, or is ended by `stop`.

        For a trace that is not known it is one that nobody sets.
        """
        trace = self._engine.ledger.find(trace_id)
        if trace is None:
            return asyncio.Event()
        if trace.ended is None:
            trace.ended = asyncio.Event()
            if trace.closed is not None:
                trace.ended.set()
        return trace.ended

    def register_external_task(self, trace_id: str, future: asyncio.Future[Any]) -> None:
        """Cancel `future`, which works for `trace_id`, when the flow stops; cancelling the trace leaves it alone."""
        self._engine.external[future] = trace_id
        future.add_done_callback(lambda done: self._engine.external.pop(done, None))

    async def save_remote_binding(self, binding: RemoteBinding) -> None:
        """Store which remote task works for which trace, where there is a store; a failure is logged, not raised."""
        await self._sinks.save_binding(binding)

    async def record_remote_event(
        self,
        *,
        event: str,
        node: Node,
        context: Context,
        trace_id: str | None,
        latency_ms: float | None,
        level: int = logging.INFO,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Emit an event of the application's own, as one of `node`.

        Args:
            event: its kind.
            node: the node that it happens at.
            context: the node's context; its attempt is the event's.
            trace_id: the trace that it belongs to.
            latency_ms: how long it took, in milliseconds.
            level: at which it is logged.
            extra: further facts.

        """
        trace = context.trace_of(trace_id) or (None if trace_id is None else Trace(trace_id))
        place = self._engine.stations.get(node) or Station(node)
        self._engine.events.emit(
            event, place, trace, attempt=context.attempt, latency_ms=latency_ms, extra=dict(extra or {}), level=level
        )
