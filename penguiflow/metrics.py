"""`FlowEvent`: what happened in a flow, as one immutable value (RUNTIME contract 1.18)."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_EXTRA: Mapping[str, Any] = MappingProxyType({})
"""The further facts of an event that has none."""
_SCALARS = (str, int, float, bool)
_OF_ONE_REQUEST = ("key", "args_digest")


@dataclass(frozen=True, slots=True)
class FlowEvent:
    """One thing that happened.

    Args:
        event_type: `node_start`, `node_success`, `node_error`, ...
        ts: Unix time in seconds.
        node_name: the node, or `OpenSea` / `Rookery` for the two ends of the flow.
        node_id: the node's id.
        trace_id: the trace, or `None` for a bare payload.
        attempt: which try of the node, counted from 0.
        latency_ms: how long the attempt took, where that means something.
        queue_depth_in: messages waiting before the node.
        queue_depth_out: messages waiting behind it.
        outgoing_edges: number of outgoing edges.
        queue_maxsize: bound of each edge; 0 is unbounded.
        trace_pending: messages of the trace not yet finished.
        trace_inflight: handlers of the trace running now.
        trace_cancelled: whether the trace was cancelled.
        extra: further facts; copied into a read-only mapping.
        tenant: the tenant that the trace belongs to.
        queue_wait_ms: `node_start` only: how long the message waited before the node.
        emit_wait_ms: `node_success` only: how long the result waited for room downstream.

    """

    event_type: str
    ts: float
    node_name: str | None
    node_id: str | None
    trace_id: str | None
    attempt: int
    latency_ms: float | None
    queue_depth_in: int
    queue_depth_out: int
    outgoing_edges: int
    queue_maxsize: int
    trace_pending: int | None
    trace_inflight: int
    trace_cancelled: bool
    extra: Mapping[str, Any] = field(default_factory=lambda: NO_EXTRA)
    tenant: str | None = None
    queue_wait_ms: float | None = None
    emit_wait_ms: float | None = None

    def __post_init__(self) -> None:
        if self.extra is not NO_EXTRA:
            object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))

    @property
    def queue_depth(self) -> int:
        """Messages waiting before and behind the node."""
        return self.queue_depth_in + self.queue_depth_out

    @property
    def error_payload(self) -> Mapping[str, Any] | None:
        """The `FlowError` of a `node_failed` event as a read-only mapping."""
        payload = self.extra.get("flow_error")
        return MappingProxyType(dict(payload)) if payload is not None else None

    def to_payload(self) -> dict[str, Any]:
        """The event as a flat mapping for logs; `extra` is merged in last."""
        payload: dict[str, Any] = {
            "ts": self.ts,
            "event": self.event_type,
            "node_name": self.node_name,
            "node_id": self.node_id,
            "trace_id": self.trace_id,
            "latency_ms": self.latency_ms,
            "q_depth_in": self.queue_depth_in,
            "q_depth_out": self.queue_depth_out,
            "q_depth_total": self.queue_depth,
            "outgoing": self.outgoing_edges,
            "queue_maxsize": self.queue_maxsize,
            "attempt": self.attempt,
            "trace_inflight": self.trace_inflight,
            "trace_cancelled": self.trace_cancelled,
        }
        if self.trace_pending is not None:
            payload["trace_pending"] = self.trace_pending
        for name in ("tenant", "queue_wait_ms", "emit_wait_ms"):
            value = getattr(self, name)
            if value is not None:
                payload[name] = value
        payload.update(self.extra)
        return payload

    def metric_samples(self) -> dict[str, float]:
        """The numbers of the event, ready for gauges and histograms.

        A `node_start` has no latency yet, so it gives no `latency_ms` sample.
        """
        samples = {
            "queue_depth_in": float(self.queue_depth_in),
            "queue_depth_out": float(self.queue_depth_out),
            "queue_depth_total": float(self.queue_depth),
            "attempt": float(self.attempt),
            "trace_inflight": float(self.trace_inflight),
            "trace_cancelled": 1.0 if self.trace_cancelled else 0.0,
        }
        if self.trace_pending is not None:
            samples["trace_pending"] = float(self.trace_pending)
        latency_ms = self.extra.get("latency_ms", self.latency_ms)
        for name in ("queue_wait_ms", "emit_wait_ms"):
            value = getattr(self, name)
            if value is not None:
                samples[name] = value
        if latency_ms is not None and self.event_type != "node_start":
            samples["latency_ms"] = float(latency_ms)
        return samples

    def tag_values(self) -> dict[str, str]:
        """Labels for metrics: never the trace id or an effect's key, which would make one series per request."""
        tags = {"event_type": self.event_type}
        if self.node_name is not None:
            tags["node_name"] = self.node_name
        if self.node_id is not None:
            tags["node_id"] = self.node_id
        for key, value in self.extra.items():
            if isinstance(value, _SCALARS) and key not in _OF_ONE_REQUEST:
                tags.setdefault(key, str(value))
        return tags


def format_flow_event(event: FlowEvent) -> dict[str, Any]:
    """`event.to_payload()` with the error spelled out as `flow_error_<key>` entries."""
    payload = event.to_payload()
    error = event.error_payload
    if error is not None:
        payload["flow_error"] = dict(error)
        for key, value in error.items():
            payload[f"flow_error_{key}"] = value
    return payload
