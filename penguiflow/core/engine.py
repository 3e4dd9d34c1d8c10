"""What happens to messages: the moves that workers, contexts and the public handle share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow import ambient
from penguiflow.core.events import Events
from penguiflow.core.floe import Delivery, Floe
from penguiflow.core.graph import OPEN_SEA, ROOKERY
from penguiflow.core.intercept import Call, run_through
from penguiflow.core.isolate import isolate
from penguiflow.core.rookery import Rookery
from penguiflow.core.station import stations_of
from penguiflow.core.traces import Ledger, Trace
from penguiflow.effects import OnceGuard
from penguiflow.errors import FlowError, FlowErrorCode, TraceCancelled
from penguiflow.types import FinalAnswer, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penguiflow.core.graph import Graph
    from penguiflow.core.intercept import Act, Interceptor
    from penguiflow.core.station import Station
    from penguiflow.node import Node

ACTS: tuple[Act, ...] = ("attempt", "send", "store", "tool")


class Engine:
    """The working parts of one flow.

    Args:
        graph: its structure.
        queue_maxsize: the bound of every edge.
        errors_to_rookery: hand out terminal failures as results.

    """

    def __init__(self, graph: Graph, *, queue_maxsize: int, errors_to_rookery: bool) -> None:
        self.graph = graph
        self.errors_to_rookery = errors_to_rookery
        self.stations = stations_of(graph)
        self.entrances: dict[Node, Floe] = {}
        self.events = Events(queue_maxsize, len(graph.ingress))
        self.ledger = Ledger()
        self.rookery = Rookery(self.ledger, max(queue_maxsize, 0) * len(graph.egress))
        self.once = OnceGuard()
        self.around: dict[Act, tuple[Interceptor, ...]] = dict.fromkeys(ACTS, ())
        self._connect(queue_maxsize)

    def _connect(self, queue_maxsize: int) -> None:
        for node in self.graph.ingress:
            station = self.stations[node]
            self.entrances[node] = Floe(OPEN_SEA, node, queue_maxsize, station.inbox)
            station.incoming.append(self.entrances[node])
        for node in self.graph.egress:
            self.stations[node].rookery = self.rookery
        for source, target in self.graph.edges:
            floe = Floe(source, target, queue_maxsize, self.stations[target].inbox)
            self.stations[source].connect(floe)
            self.stations[target].incoming.append(floe)

    # -- opening and closing traces ---------------------------------------------------------

    def trace_of(self, message: Any, default: Trace | None = None) -> Trace:
        """The trace that `message` belongs to: its own id's, else `default`, else a nameless one."""
        if isinstance(message, Message):
            if default is not None and default.trace_id == message.trace_id:
                trace = default
                if trace.tenant is None:
                    trace.tenant = message.headers.tenant
            else:
                trace = self.ledger.join(message.trace_id, message.headers.tenant)
            if message.deadline_s is not None and message.deadline_s != trace.deadline_s:
                self._set_deadline(trace, message.deadline_s)
            return trace
        trace_id = getattr(message, "trace_id", None)
        if default is not None and (not isinstance(trace_id, str) or trace_id == default.trace_id):
            return default
        return self.ledger.join(trace_id if isinstance(trace_id, str) else None, None)

    def _set_deadline(self, trace: Trace, deadline_s: float) -> None:
        """Hold the trace to its earliest deadline, on the monotonic clock: a step of the wall clock moves nothing."""
        if trace.closed is not None or (trace.deadline_s is not None and trace.deadline_s <= deadline_s):
            return
        trace.deadline_s = deadline_s
        if trace.deadline_timer is not None:
            trace.deadline_timer.cancel()
        loop = asyncio.get_running_loop()
        trace.deadline_timer = loop.call_later(max(deadline_s - ambient.wall(), 0.0), self.expire, trace)

    def skip_expired(self, delivery: Delivery) -> None:
        """A delivery was taken up after its deadline, before the timer could say so."""
        self.tell_dropped("deadline_skip", delivery, "queued")
        del delivery.trace.live[delivery]
        self.expire(delivery.trace, delivery.message)

    def expire(self, trace: Trace, message: Any = None) -> None:
        """The deadline has passed: end the trace with one answer that says so."""
        if trace.status is not None or trace.closed is not None:
            return
        if message is None:
            message = next((delivery.message for delivery in trace.live), None)
        trace.closed = "deadline"
        trace.error = FlowError(
            trace_id=trace.trace_id, node_name=None, code=FlowErrorCode.DEADLINE_EXCEEDED, message="Deadline exceeded"
        )
        self._withdraw(trace, "deadline_skip")
        self.rookery.put(trace, None, _deadline_answer(message))
        self.ledger.end(trace, "deadline")

    def cancel(self, trace: Trace) -> None:
        """End a trace at once: nothing of it waits any more, and what runs is interrupted."""
        trace.closed = "cancelled"
        trace.error = FlowError(
            trace_id=trace.trace_id, node_name=None, code=FlowErrorCode.TRACE_CANCELLED, message="Trace cancelled"
        )
        if self.events.wanted("trace_cancel_start"):
            self.events.emit("trace_cancel_start", OPEN_SEA, trace, extra={"pending": trace.pending})
        self.rookery.discard(trace)
        self._withdraw(trace, "trace_cancel_drop")
        trace.pass_turn()
        self.ledger.end(trace, "cancelled")
        if not trace.live:
            self.events.emit("trace_cancel_finish", ROOKERY, trace)

    def _withdraw(self, trace: Trace, event_type: str) -> None:
        for delivery in list(trace.live):
            if delivery.worker is not None:
                delivery.worker.interrupt(delivery, "closed")
                continue
            phase = "queued" if delivery.queued else "backoff"
            if delivery.queued:
                delivery.floe.discard(delivery)
            elif delivery.backoff is not None:
                delivery.backoff.cancel()
                delivery.floe.release()
            trace.live.pop(delivery, None)
            self.tell_dropped(event_type, delivery, phase)

    def tell_dropped(self, event_type: str, delivery: Delivery, phase: str) -> None:
        """Emit the event of work that ends because its trace did."""
        trace = delivery.trace
        if not self.events.wanted(event_type):
            return
        extra: dict[str, Any] = {"phase": phase}
        if event_type == "deadline_skip":
            extra["deadline_s"] = trace.deadline_s
        station = self.stations[delivery.floe.target]  # type: ignore[index]
        waited_ms = (ambient.monotonic() - delivery.since_s) * 1000 if phase == "queued" else None
        self.events.emit(
            event_type, station, trace, attempt=delivery.attempt, queue_wait_ms=waited_ms, extra=extra
        )

    def finish(self, delivery: Delivery) -> None:
        """A delivery is over; when it was the trace's last, so is the trace."""
        trace = delivery.trace
        trace.live.pop(delivery, None)
        for adopted in delivery.adopted or ():
            self.finish(adopted)
        if trace.live:
            return
        if trace.closed == "cancelled":
            self.events.emit("trace_cancel_finish", ROOKERY, trace)
        elif trace.status is None:
            status = "error" if trace.error is not None else "result" if trace.given else "no_result"
            self.ledger.end(trace, status)

    def fail(self, station: Station, delivery: Delivery, error: FlowError) -> None:
        """A delivery has failed for good."""
        delivery.trace.error = error
        if self.errors_to_rookery:
            self.rookery.put(delivery.trace, station.node, error)
        self.finish(delivery)

    def adopt(self, delivery: Delivery, taken: Delivery) -> Any:
        """Hand a message to a handler that fetched it; it ends with the handler's own."""
        if delivery.adopted is None:
            delivery.adopted = []
        delivery.adopted.append(taken)
        return taken.message

    def back_off(self, delivery: Delivery, delay_s: float) -> None:
        """Put a delivery aside until its retry is due; its worker goes on with others."""
        delivery.worker = None
        delivery.floe.occupy()
        delivery.backoff = asyncio.get_running_loop().call_later(delay_s, self._retry, delivery)

    def _retry(self, delivery: Delivery) -> None:
        delivery.backoff = None
        delivery.since_s = ambient.monotonic()
        delivery.floe.put_back(delivery)

    # -- sending ----------------------------------------------------------------------------

    async def route(self, station: Station, delivery: Delivery, result: Any) -> None:
        """Send what a handler returned where it belongs."""
        final = isinstance(result, Message) and isinstance(result.payload, FinalAnswer)
        await self._send_on(station, delivery, result, [] if final else station.forward)

    async def emit_from(
        self, station: Station, delivery: Delivery, attempt: int, message: Any, targets: tuple[Node, ...] | None
    ) -> None:
        """Send what a handler emits during `attempt`."""
        self._require_current(station, delivery, attempt)
        await self._send_on(station, delivery, message, self._floes_to(station, targets))

    async def _send_on(self, station: Station, delivery: Delivery, message: Any, floes: Sequence[Floe]) -> None:
        trace = self.trace_of(message, delivery.trace)
        try:
            if floes:
                await self._fan_out(floes, message, trace, station.node.label, delivery.attempt)
            else:
                await self._hand_out(trace, station, message)
        except BaseException:
            self.ledger.drop_unused(trace)
            raise

    def emit_nowait_from(
        self, station: Station, delivery: Delivery, attempt: int, message: Any, targets: tuple[Node, ...] | None
    ) -> None:
        """Send what a handler emits during `attempt`, or raise `asyncio.QueueFull` and send nothing."""
        self._require_current(station, delivery, attempt)
        floes = self._floes_to(station, targets)
        trace = self.trace_of(message, delivery.trace)
        if any(floe.full() for floe in floes) or (not floes and self.rookery.full_for(trace)):
            raise asyncio.QueueFull
        if not floes:
            self.rookery.put(trace, station.node, message)
        self.put_all(floes, message, trace)

    async def send(self, floes: Sequence[Floe], message: Any, trace: Trace) -> None:
        """Send what came from outside."""
        await self._fan_out(floes, message, trace, OPEN_SEA.name, 0)

    def put_all(self, floes: Sequence[Floe], message: Any, trace: Trace) -> None:
        """Queue `message` on every edge now; all but the first get a copy of their own."""
        for index, floe in enumerate(floes):
            self._put(floe, message if index == 0 else isolate(message), trace)

    async def _fan_out(self, floes: Sequence[Floe], message: Any, trace: Trace, source: str, attempt: int) -> None:
        if not self.around["send"] and not any(floe.full() for floe in floes):
            self.put_all(floes, message, trace)
            return
        copies = [message, *(isolate(message) for _ in floes[1:])]
        for floe, copy in zip(floes, copies, strict=True):
            await self._send_one(floe, copy, trace, source, attempt)

    async def _send_one(self, floe: Floe, message: Any, trace: Trace, source: str, attempt: int) -> None:
        async def proceed() -> None:
            await floe.room()
            if trace.closed is None:
                self._put(floe, message, trace)
                return
            floe.occupy()
            floe.release()  # pass the slot on
            if trace.closed == "cancelled":
                raise TraceCancelled(trace.trace_id)

        if not self.around["send"]:
            await proceed()
            return
        target = floe.target.name
        call = Call(
            act="send", node=source, name=target, trace_id=trace.trace_id, tenant=trace.tenant, attempt=attempt,
            occurrence=trace.next_occurrence("send", source, target), value=message,
        )  # fmt: skip
        await run_through(self.around["send"], call, proceed)

    async def _hand_out(self, trace: Trace, station: Station, value: Any) -> None:
        if self.rookery.full_for(trace):
            await self.rookery.room_for(trace)
        self.rookery.put(trace, station.node, value)
        if not trace.live and trace.status is None:
            self.ledger.end(trace, "result")  # a result under another trace id: nothing else will end that trace

    def _put(self, floe: Floe, message: Any, trace: Trace) -> None:
        delivery = Delivery(message, trace, floe)
        delivery.since_s = ambient.monotonic()
        trace.live[delivery] = None
        floe.put(delivery)

    def _floes_to(self, station: Station, targets: tuple[Node, ...] | None) -> list[Floe]:
        if targets is None:
            return station.forward
        by_target = {floe.target: floe for floe in station.outgoing}
        for target in targets:
            if target not in by_target:
                raise KeyError(f"Unknown target {target.name} for {station.node.label}")
        return [by_target[target] for target in targets]

    @staticmethod
    def _require_current(station: Station, delivery: Delivery, attempt: int) -> None:
        if delivery.worker is None or delivery.attempt != attempt:
            raise RuntimeError(
                f"this attempt of node {station.node.label!r} is over; it may not emit any more. "
                "Let the handler end when it is cancelled"
            )


def _deadline_answer(message: Any) -> Any:
    """The answer of a trace that ran out of time, in the envelope of what it was working on."""
    answer = FinalAnswer(text="Deadline exceeded")
    if not isinstance(message, Message):
        return answer
    if isinstance(message.payload, FinalAnswer):
        return message
    return message.model_copy(update={"payload": answer})
