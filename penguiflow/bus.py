"""The message bus: a copy of what was sent over an edge, for whoever listens outside (RUNTIME contract 1.21)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

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
    snapshot = _message_snapshot(message) if isinstance(message, Message) else _snapshot(message)
    headers = snapshot.headers.model_dump() if isinstance(snapshot, Message) else None
    meta = dict(snapshot.meta) if isinstance(snapshot, Message) else {}
    return BusEnvelope(
        edge=f"{source}->{target}", source=source, target=target, trace_id=trace_id,
        payload=snapshot, headers=headers, meta=meta,
    )  # fmt: skip


def _message_snapshot(message: Message) -> Message:
    parts = {"payload": message.payload, "headers": message.headers, "meta": message.meta}
    return message.model_copy(update={name: _snapshot(part) for name, part in parts.items()})


def _snapshot(value: Any) -> Any:
    """A deep copy; of a list or dict that holds something uncopyable (a lock, a socket), only that is shared."""
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - whatever a payload raises while it is copied, the flow goes on
        if type(value) is dict:
            return {key: _copied(item) for key, item in value.items()}
        return [_copied(item) for item in value] if type(value) is list else value


def _copied(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - see above
        return value
