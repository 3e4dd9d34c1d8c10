"""Sending: out of handlers, over edges, and out of the flow.

Each send has a way that never waits, for the common case of room everywhere,
and one that waits for its turn on each edge.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from penguiflow import ambient
from penguiflow.bus import envelope_of
from penguiflow.core.floe import Delivery
from penguiflow.core.graph import OPEN_SEA, ROOKERY
from penguiflow.core.intercept import Call, run_through
from penguiflow.core.loops import turn
from penguiflow.errors import TraceCancelled
from penguiflow.isolate import isolate
from penguiflow.types import WM, FinalAnswer, Message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from penguiflow.core.emissions import Emission
    from penguiflow.core.engine import Engine
    from penguiflow.core.floe import Floe
    from penguiflow.core.graph import Endpoint
    from penguiflow.core.hooks import Hook
    from penguiflow.core.station import Station
    from penguiflow.core.traces import Trace
    from penguiflow.node import Node

_logger = logging.getLogger("penguiflow.core")


class Dispatch:
    """Moves the messages of one flow.

    Args:
        engine: the flow's working parts.

    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._around = engine.around
        self._events = engine.events
        self.bus: Hook | None = None

    # -- what handlers return ----------------------------------------------------------------

    def route_now(self, station: Station, delivery: Delivery, result: Any) -> bool:
        """Send what a handler returned where it belongs; `False`, and nothing sent, if that has to wait."""
        way = _way(station, result)
        if way is None:
            return False
        return self._send_now(station, self._engine.trace_of(result, delivery.trace, station), result, way)

    def hand_over(self, station: Station, delivery: Delivery, result: Any) -> bool:
        """Send a result over the one edge that leads on, in the delivery that it came in: a new one costs a fifth more.

        `False`, and nothing done, where that is not all that there is to do.
        """
        floe = station.onward
        if floe is None or delivery.adopted is not None or delivery.emissions is not None or delivery.held:
            return False
        if self._around["send"] or self.bus is not None or floe.full() or _way(station, result) is not station.forward:
            return False
        trace = delivery.trace
        if self._engine.trace_of(result, trace, station) is not trace or trace.closed is not None:
            return False
        delivery.message = result
        delivery.floe = floe
        delivery.since_s = delivery.worker = None
        delivery.attempt = 0
        floe.put(delivery)
        return True

    async def route(self, station: Station, delivery: Delivery, result: Any) -> None:
        """Send what a handler returned where it belongs, as soon as there is room."""
        trace = self._engine.trace_of(result, delivery.trace, station)
        way = _way(station, result)
        if way is None:
            await self._loop(station, delivery, trace, result)
        else:
            await self._send(station, delivery, trace, result, way)

    async def _loop(self, station: Station, delivery: Delivery, trace: Trace, result: Message) -> None:
        """Hand working memory back to its own node, or end the loop with the answer that its budget is used up."""
        turned = turn(delivery.hops, result)
        if turned.exhausted is not None:
            self._engine.exhaust(station, delivery, turned, turned.exhausted)
            await self._send(station, delivery, trace, turned.message, ())
            return
        floes = self._floes_to(station, (station.node,))
        if turned.told:
            trace.echoed_hops = turned.message.payload.hops
            await self._send(station, delivery, trace, isolate(turned.message), ())
        await self._send(station, delivery, trace, turned.message, floes)

    # -- what handlers emit ------------------------------------------------------------------

    async def emit(
        self, station: Station, delivery: Delivery, attempt: int, message: Any, targets: Sequence[Node] | None
    ) -> None:
        """Send what a handler emits during `attempt`."""
        floes = self._floes_to(station, targets)
        trace = self._engine.trace_of(message, delivery.trace, station)
        if not station.node.policy.max_retries:
            if not self._send_now(station, trace, message, floes):
                await self._send_timed(station, delivery, trace, message, floes)
            return
        emission = delivery.sent_before().next(attempt, message)
        for way, copy in _missing(floes, message, emission):
            if not self._send_now(station, trace, copy, way):
                await self._send_timed(station, delivery, trace, copy, way)
            emission.note(_name(way))
        self._drop_unused(trace)

    async def _send_timed(
        self, station: Station, delivery: Delivery, trace: Trace, message: Any, floes: Sequence[Floe]
    ) -> None:
        """Send for a handler, and tell its worker how long it had to wait."""
        worker, since_s = delivery.worker, ambient.monotonic()
        try:
            await self._send(station, delivery, trace, message, floes)
        finally:
            if worker is not None:
                worker.blocked_s += ambient.monotonic() - since_s

    def emit_nowait(
        self, station: Station, delivery: Delivery, attempt: int, message: Any, targets: Sequence[Node] | None
    ) -> None:
        """Send what a handler emits during `attempt`, or raise `asyncio.QueueFull` and send nothing."""
        floes = self._floes_to(station, targets)
        trace = self._engine.trace_of(message, delivery.trace, station)
        emission = delivery.sent_before().next(attempt, message) if station.node.policy.max_retries else None
        missing = _missing(floes, message, emission)
        if any(self._full(way, trace) for way, _ in missing):
            self._drop_unused(trace)
            raise asyncio.QueueFull
        for way, copy in missing:
            if not self._send_now(station, trace, copy, way):  # there is room, so an interceptor stands in between
                self._in_transit(asyncio.create_task(self._send(station, delivery, trace, copy, way)), trace)
            if emission is not None:
                emission.note(_name(way))
        self._drop_unused(trace)

    def _full(self, way: Sequence[Floe], trace: Trace) -> bool:
        return any(floe.full() for floe in way) if way else self._engine.rookery.full_for(trace)

    @staticmethod
    def _floes_to(station: Station, targets: Sequence[Node] | None) -> Sequence[Floe]:
        if targets is None:
            return station.forward
        by_target = {floe.target: floe for floe in station.outgoing}
        for target in targets:
            if target not in by_target:
                raise KeyError(
                    f"Unknown target {target.name} for {station.node.label}; it follows no edge from there. "
                    "Name a successor, or add the edge to the graph"
                )
        return [by_target[target] for target in targets]

    # -- what comes from outside -------------------------------------------------------------

    async def enter(self, floes: Sequence[Floe], message: Any, trace: Trace) -> None:
        """Send what came from outside.

        Raises:
            TraceCancelled: the trace was cancelled while the message waited for room.

        """
        self._events.listen()
        if self._put_now(floes, message, trace):
            return
        await self._fan_out(floes, message, trace, OPEN_SEA.name, 0)
        if trace.closed == "cancelled":
            raise TraceCancelled(trace.trace_id)

    def put_all(self, floes: Sequence[Floe], message: Any, trace: Trace) -> None:
        """Queue `message` on every edge now; all but the first get a copy of their own."""
        since_s = ambient.monotonic() if self._events.hearing else None
        trace.started = True
        first = True
        for floe in floes:
            delivery = Delivery(message if first else isolate(message), trace, floe, since_s)
            trace.live[delivery] = None
            floe.put(delivery)
            first = False
            if self.bus is not None:
                self._publish(self.bus, floe.source, floe.target, trace, delivery.message)

    # -- private -----------------------------------------------------------------------------

    def _put_now(self, floes: Sequence[Floe], message: Any, trace: Trace) -> bool:
        """Send over all of `floes`, if that has to wait for nothing; `False`, and nothing sent, if it has to."""
        if self._around["send"]:
            return False
        for floe in floes:
            if floe.full():
                return False
        self.put_all(floes, message, trace)
        return True

    def _send_now(self, station: Station, trace: Trace, message: Any, floes: Sequence[Floe]) -> bool:
        if trace.closed is not None:
            return True  # nothing that comes out of a closed trace counts
        if floes or self._around["send"]:
            return bool(floes) and self._put_now(floes, message, trace)
        free = not self._engine.rookery.full_for(trace)
        if free:
            self._hand_out(trace, station, message)
        return free

    async def _send(
        self, station: Station, delivery: Delivery, trace: Trace, message: Any, floes: Sequence[Floe]
    ) -> None:
        if floes:
            await self._fan_out(floes, message, trace, station.node.label, delivery.attempt)
            return

        async def hand_out(copy: Any) -> None:
            await self._engine.rookery.room_for(trace)
            if trace.closed is None:
                self._hand_out(trace, station, copy)

        await self._intercepted(hand_out, message, trace, (station.node.label, ROOKERY.name), delivery.attempt)

    async def _fan_out(self, floes: Sequence[Floe], message: Any, trace: Trace, source: str, attempt: int) -> None:
        copies = [message, *(isolate(message) for _ in floes[1:])]
        trace.sending += 1
        try:
            for floe, copy in zip(floes, copies, strict=True):
                await self._send_one(floe, copy, trace, source, attempt)
        finally:
            trace.sending -= 1
            self._drop_unused(trace)

    async def _send_one(self, floe: Floe, message: Any, trace: Trace, source: str, attempt: int) -> None:
        async def put(copy: Any) -> None:
            if await floe.room(trace):
                self.put_all((floe,), copy, trace)

        await self._intercepted(put, message, trace, (source, floe.target.label), attempt)

    async def _intercepted(
        self, send: Callable[[Any], Awaitable[None]], message: Any, trace: Trace, way: tuple[str, str], attempt: int
    ) -> None:
        """Send through the interceptors; each further time that one of them sends, a copy goes."""
        if not self._around["send"]:
            await send(message)
            return
        source, target = way
        fresh = [message]

        async def proceed() -> None:
            await send(fresh.pop() if fresh else isolate(message))

        call = Call(
            act="send", node=source, name=target, trace_id=trace.trace_id, tenant=trace.tenant, attempt=attempt,
            occurrence=trace.next_occurrence("send", source, target), value=message,
        )  # fmt: skip
        trace.sending += 1
        try:
            goes_on = await run_through(self._around["send"], call, proceed)
        finally:
            trace.sending -= 1
        if isinstance(goes_on, asyncio.Task):
            self._in_transit(goes_on, trace)

    def _in_transit(self, task: asyncio.Task[Any], trace: Trace) -> None:
        """A message that is still on its way keeps its trace open."""
        trace.sending += 1

        def arrived(task: asyncio.Task[Any]) -> None:
            trace.sending -= 1
            self._drop_unused(trace)
            if not task.cancelled() and (error := task.exception()) is not None:
                _logger.error("send_failed", exc_info=error, extra={"event": "send_failed"})

        task.add_done_callback(arrived)

    def _hand_out(self, trace: Trace, station: Station, value: Any) -> None:
        trace.started = True
        self._engine.rookery.put(trace, station.node, value)
        if self.bus is not None:
            self._publish(self.bus, station.node, ROOKERY, trace, value)
        self._engine.end_if_over(trace)  # a result under another trace id: nothing else will end that trace

    @staticmethod
    def _publish(bus: Hook, source: Node | Endpoint, target: Node | Endpoint, trace: Trace, message: Any) -> None:
        bus.feed(envelope_of(source.name or "", target.name or "", trace.trace_id, message))

    def _drop_unused(self, trace: Trace) -> None:
        """A send is over: end its trace if it was the last of it, or forget it if nothing was ever sent."""
        if trace.live or trace.sending:
            return
        if trace.started or trace.closed is not None:
            self._engine.end_if_over(trace)
            return
        trace.stop_timer()
        trace.pass_turn()
        if not trace.awaited:
            self._engine.ledger.forget(trace)


def _way(station: Station, result: Any) -> Sequence[Floe] | None:
    """The edges that a result goes over: none for what leaves the flow; `None` for a turn of a controller loop."""
    if isinstance(result, Message) and isinstance(result.payload, (FinalAnswer, WM)):
        return () if isinstance(result.payload, FinalAnswer) else None
    return station.forward


def _missing(floes: Sequence[Floe], message: Any, emission: Emission | None) -> list[tuple[Sequence[Floe], Any]]:
    """Each way that no earlier attempt sent the same over, with a copy for it; the way out is one without edges."""
    ways: list[Sequence[Floe]] = [(floe,) for floe in floes] or [()]
    missing = [way for way in ways if emission is None or not emission.arrived(_name(way))]
    return [(way, isolate(message) if index else message) for index, way in enumerate(missing)]


def _name(way: Sequence[Floe]) -> str:
    return way[0].target.label if way else ROOKERY.name
