"""Calls, events and a clock made by hand, and a way to drive a watcher without a flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penguiflow import Call, FlowEvent
from sim.model.service_call import ServiceCall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine


class Clock:
    """A clock that stands where it is put."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def event(event_type: str, **fields: Any) -> FlowEvent:
    known: dict[str, Any] = {
        "ts": 0.0, "node_name": "pay", "node_id": None, "trace_id": "load-1", "attempt": 0, "latency_ms": None,
        "queue_depth_in": 0, "queue_depth_out": 0, "outgoing_edges": 1, "queue_maxsize": 64,
        "trace_pending": 1, "trace_inflight": 0, "trace_cancelled": False,
    }  # fmt: skip
    return FlowEvent(event_type=event_type, **{**known, **fields})


def call(**fields: Any) -> Call:
    """A call of the tool `charge` at `pay`, for acme; of a service with `service=...`."""
    known: dict[str, Any] = {
        "act": "tool", "node": "pay", "name": "charge", "trace_id": "load-1",
        "tenant": "acme", "attempt": 0, "occurrence": 0,
    }  # fmt: skip
    return (ServiceCall if "service" in fields else Call)(**{**known, **fields})


async def answer() -> Any:
    """What the call behind a watcher gives."""
    return {"receipt": "yes"}


def done(step: Awaitable[Any]) -> Any:
    """The result of a coroutine that waits for nothing."""
    coroutine: Coroutine[Any, Any, Any] = step  # type: ignore[assignment]
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")
