"""What a handler has in hand besides its own message: what it fetched, what it collects, and its wait for a retry."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow import ambient

if TYPE_CHECKING:
    from penguiflow.core.floe import Delivery


def back_off(delivery: Delivery, delay_s: float) -> None:
    """Put a delivery aside until its retry is due; its worker goes on with others."""
    delivery.worker = None
    delivery.floe.occupy()
    delivery.backoff = asyncio.get_running_loop().call_later(delay_s, _retry, delivery)


def _retry(delivery: Delivery) -> None:
    delivery.backoff = None
    _queue_again(delivery)


def adopt(delivery: Delivery, taken: Delivery) -> Any:
    """Hand a message to a handler that fetched it; it ends with the handler's own."""
    if delivery.adopted is None:
        delivery.adopted = []
    delivery.adopted.append(taken)
    return taken.message


def collect(delivery: Delivery, count: int) -> list[Any] | None:
    """The `count` messages of one trace at one node, in order of arrival; `None`, and this one is held, until then."""
    node, trace = delivery.floe.target, delivery.trace
    if trace.held is None:
        trace.held = {}
    earlier = [held for held in trace.held.get(node, ()) if held is not delivery]
    if len(earlier) + 1 < count:
        trace.held[node] = [*earlier, delivery]
        delivery.held = count
        return None
    parts, rest = earlier[: count - 1], earlier[count - 1 :]
    trace.held[node] = rest
    return [*(adopt(delivery, part) for part in parts), delivery.message]


def let_go(delivery: Delivery) -> None:
    """Hold a delivery no longer: its attempt came to nothing."""
    held = delivery.trace.held
    if delivery.held and held is not None:
        delivery.held = 0
        held[delivery.floe.target].remove(delivery)


def give_back(delivery: Delivery) -> None:
    """Queue again what the handler had in hand: its attempt came to nothing."""
    let_go(delivery)
    adopted, delivery.adopted = delivery.adopted or (), None
    for taken in reversed(adopted):
        taken.held = 0
        if taken in taken.trace.live:
            taken.floe.occupy()
            _queue_again(taken)


def _queue_again(delivery: Delivery) -> None:
    delivery.since_s = ambient.monotonic()
    delivery.floe.put_back(delivery)
