"""The message bus: a copy of what was sent over an edge, for whoever listens outside (RUNTIME contract 1.21)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from penguiflow.isolate import isolate
from penguiflow.types import Message

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class BusEnvelope:
    """One message that was put on an edge, as it was at that moment.

    Args:
        edge: source and target as one text, such as `OpenSea->a`.
        source: the node that sent it, or `OpenSea`.
        target: the node that it waits before.
        trace_id: the trace, or `None` for a bare payload without one.
        payload: a copy of the message.
        headers: the message's headers, or `None` for a bare payload.
        meta: a copy of the message's meta; empty for a bare payload.

    """

    edge: str
    source: str | None
    target: str | None
    trace_id: str | None
    payload: Any
    headers: Mapping[str, Any] | None
    meta: Mapping[str, Any]


@runtime_checkable
class MessageBus(Protocol):
    """Takes a copy of every message that was really sent; nothing comes back from it."""

    async def publish(self, envelope: BusEnvelope) -> None:
        """Pass `envelope` on; what is raised here is logged as `message_bus_publish_failed`, and holds up nobody."""
        ...


def envelope_of(source: str, target: str, trace_id: str | None, message: Any) -> BusEnvelope:
    """What a bus gets of `message` on its way from `source` to `target`: a snapshot, never the live message."""
    snapshot = isolate(message)
    headers = snapshot.headers.model_dump() if isinstance(snapshot, Message) else None
    meta = dict(snapshot.meta) if isinstance(snapshot, Message) else {}
    return BusEnvelope(
        edge=f"{source}->{target}", source=source, target=target, trace_id=trace_id,
        payload=snapshot, headers=headers, meta=meta,
    )  # fmt: skip
