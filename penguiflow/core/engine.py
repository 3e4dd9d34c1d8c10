"""The working parts of one flow, and how its traces end."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from penguiflow import ambient
from penguiflow.core.dispatch import Dispatch
from penguiflow.core.events import Events
from penguiflow.core.floe import Floe
from penguiflow.core.graph import OPEN_SEA, ROOKERY
from penguiflow.core.intercept import ACTS
from penguiflow.core.ledger import Ledger
from penguiflow.core.rookery import Rookery
from penguiflow.core.station import stations_of
from penguiflow.core.tenancy import Border
from penguiflow.effects import OnceGuard
from penguiflow.errors import FlowError, FlowErrorCode, TenantViolation, TraceNotFound
from penguiflow.types import FinalAnswer, Message

if TYPE_CHECKING:
    from penguiflow.core.events import Place
    from penguiflow.core.floe import Delivery
    from penguiflow.core.graph import Endpoint, Graph
    from penguiflow.core.hooks import HookPolicy
    from penguiflow.core.intercept import Act, Interceptor
    from penguiflow.core.loops import Turn
    from penguiflow.core.station import Station
    from penguiflow.core.tenancy import Tenancy
    from penguiflow.core.traces import Status, Trace
    from penguiflow.node import Node


class Engine:
    """The working parts of one flow.

    Args:
        graph: its structure.
        queue_maxsize: the bound of every edge.
        errors_to_rookery: hand out terminal failures as results.
        tenancy: how strictly tenants are kept apart.
        hook_policy: what happens when too many events wait for a listener.
        hook_backlog: how many may.

    """

    def __init__(
        self,
        graph: Graph,
        *,
        queue_maxsize: int,
        errors_to_rookery: bool,
        tenancy: Tenancy,
        hook_policy: HookPolicy,
        hook_backlog: int,
    ) -> None:
        self.queue_maxsize = queue_maxsize
        self.errors_to_rookery = errors_to_rookery
        self.stations = stations_of(graph)
        self.entrances: dict[Node, Floe] = {}
        self.events = Events(queue_maxsize, len(graph.ingress), hook_policy, hook_backlog)
        self.ledger = Ledger()
        self.rookery = Rookery(self.ledger, max(queue_maxsize, 0) * len(graph.egress))
        self.border = Border(tenancy, self.events, self.ledger, self.rookery)
        self.once = OnceGuard()
        self.external: dict[asyncio.Future[Any], str] = {}
        self.around: dict[Act, tuple[Interceptor, ...]] = dict.fromkeys(ACTS, ())
        self.dispatch = Dispatch(self)
        self._connect(graph, queue_maxsize)

    def _connect(self, graph: Graph, queue_maxsize: int) -> None:
        for node in graph.ingress:
            station = self.stations[node]
            self.entrances[node] = Floe(OPEN_SEA, node, queue_maxsize, station.inbox)
            station.incoming.append(self.entrances[node])
        for node in graph.egress:
            self.stations[node].rookery = self.rookery
        for source, target in graph.edges:
            floe = Floe(source, target, queue_maxsize, self.stations[target].inbox)
            self.stations[source].connect(floe)
            self.stations[target].incoming.append(floe)
        for station in self.stations.values():
            if len(station.forward) == 1 and not graph.allow_cycles:
                station.onward = station.forward[0]

    def bound(self, queue_maxsize: int) -> None:
        """Give every edge another bound; nothing may wait on any."""
        self.queue_maxsize = self.events.queue_maxsize = queue_maxsize
        self.rookery.bound = max(queue_maxsize, 0) * sum(
            station.rookery is not None for station in self.stations.values()
        )
        for station in self.stations.values():
            for floe in station.incoming:
                floe.limit(queue_maxsize)

    # -- traces begin ------------------------------------------------------------------------

    def trace_of(self, message: Any, default: Trace | None = None, place: Place | Endpoint = OPEN_SEA) -> Trace:
        """The trace that `message` belongs to: its own id's, else `default`, else a nameless one.

        Raises:
            TenantViolation: a handler at `place` sends an envelope under a trace of another tenant.
            TraceNotFound: somebody outside does.

        """
        if isinstance(message, Message):
            return self._trace_of_envelope(message, default, place)
        trace_id = getattr(message, "trace_id", None)
        if not isinstance(trace_id, str):
            return default or self.ledger.open(None)
        if default is not None and trace_id == default.trace_id:
            return default
        return self.ledger.join(trace_id)

    def _trace_of_envelope(self, message: Message, default: Trace | None, place: Place | Endpoint) -> Trace:
        tenant = message.headers.tenant
        if default is not None and default.trace_id == message.trace_id:
            trace = default
            if trace.tenant != tenant and place is not OPEN_SEA:  # outside it was looked at before the trace opened
                self.require_own(trace, tenant, place)
        else:
            self.require_own(self.ledger.find(message.trace_id), tenant, place)
            trace = self.ledger.join(message.trace_id)
        if trace.tenant is None:
            trace.tenant = tenant
            if not trace.scoped:
                self.border.share(tenant)
        if message.deadline_s is not None and message.deadline_s != trace.deadline_s:
            self._set_deadline(trace, message, message.deadline_s)
        return trace

    def require_own(self, trace: Trace | None, tenant: str, place: Place | Endpoint = OPEN_SEA) -> None:
        """Let `tenant` send under a trace only if it is new, its own, or ended with nothing left to read."""
        if trace is None or trace.tenant is None or trace.tenant == tenant:
            return
        if trace.status is not None and not trace.results:
            return
        if not self.border.crossed(trace, tenant, "emit", place):
            return
        if place is OPEN_SEA:
            raise TraceNotFound(trace.trace_id or "")
        raise TenantViolation(
            f"a handler sends an envelope of tenant {tenant!r} in trace {trace.trace_id}, which belongs to another. "
            "Keep the headers of the message that it handles, or start a trace of its own"
        )

    def _set_deadline(self, trace: Trace, message: Message, deadline_s: float) -> None:
        """Hold the trace to its earliest deadline, on the monotonic clock: a step of the wall clock moves nothing."""
        sooner = trace.deadline_s is None or deadline_s < trace.deadline_s
        if trace.closed is not None or not sooner or not math.isfinite(deadline_s):
            return
        trace.stop_timer()
        trace.deadline_s = deadline_s
        loop = asyncio.get_running_loop()
        trace.deadline_timer = loop.call_at(loop.time() + deadline_s - ambient.wall(), self.expire, trace, message)

    # -- traces end --------------------------------------------------------------------------

    def finish(self, delivery: Delivery) -> None:
        """A delivery is over; when it was the trace's last, so is the trace."""
        trace = delivery.trace
        trace.live.pop(delivery, None)
        if delivery.adopted is not None:
            for taken in delivery.adopted:
                self.finish(taken)
        if not trace.live or trace.watched:
            trace.make_room()
            self.end_if_over(trace)

    def hold(self, delivery: Delivery) -> None:
        """A delivery waits at its node for others of its trace."""
        delivery.worker = None
        delivery.trace.watched = True
        self.end_if_over(delivery.trace)

    def end_if_over(self, trace: Trace) -> None:
        """Close the books on a trace of which nothing waits, runs or is on its way in."""
        if trace.sending or len(trace.live) > trace.holding:
            return
        if trace.live:
            if not trace.scoped:
                return  # others of an unscoped trace may still be sent
            self._give_up_held(trace)
        if trace.settled is not None:
            trace.settled.ring()
        if trace.closed == "cancelled":
            self.events.emit("trace_cancel_finish", ROOKERY, trace)
        elif trace.status is None:
            status: Status = "error" if trace.error is not None else "result" if trace.given else "no_result"
            self.ledger.end(trace, status)

    def fail(self, station: Station, delivery: Delivery, error: FlowError) -> None:
        """A delivery has failed for good, and with it what its handler had fetched."""
        for failed in (delivery, *(delivery.adopted or ())):
            failed.trace.error = error
        if self.errors_to_rookery:
            delivery.trace.told = True
            self.rookery.put(delivery.trace, station.node, error)
        self.finish(delivery)

    def exhaust(self, station: Station, delivery: Delivery, turn: Turn, code: FlowErrorCode) -> None:
        """A controller loop has used up its budget: its last answer says so, and so does the outcome."""
        node, trace, text = station.node, delivery.trace, turn.message.payload.text
        error = FlowError(trace_id=trace.trace_id, node_name=node.label, node_id=node.node_id, code=code, message=text)
        trace.error, trace.told = error, True
        extra = {"flow_error": error.to_payload()}
        self.events.emit("budget_exhausted", station, trace, attempt=delivery.attempt, extra=extra)

    def cancel(self, trace: Trace) -> None:
        """End a trace at once: nothing of it waits any more, and what runs is interrupted."""
        self._close(trace, "cancelled", FlowErrorCode.TRACE_CANCELLED, "Trace cancelled")
        self.events.emit("trace_cancel_start", OPEN_SEA, trace, extra={"pending": trace.pending})
        self.rookery.discard(trace)
        self._withdraw(trace, "trace_cancel_drop")
        trace.pass_turn()
        self.ledger.end(trace, "cancelled")
        self.end_if_over(trace)

    def expire(self, trace: Trace, message: Any) -> None:
        """The deadline has passed: end the trace with one answer that says so, in the envelope of `message`."""
        if trace.status is not None or trace.closed is not None:
            return
        self._close(trace, "deadline", FlowErrorCode.DEADLINE_EXCEEDED, "Deadline exceeded")
        self._withdraw(trace, "deadline_skip")
        trace.told = True
        self.rookery.put(trace, None, _deadline_answer(message))
        self.ledger.end(trace, "deadline")

    def skip_expired(self, delivery: Delivery) -> None:
        """A delivery was taken up after its deadline, before the timer could say so."""
        self.tell_dropped("deadline_skip", delivery, "queued")
        del delivery.trace.live[delivery]
        self.expire(delivery.trace, delivery.message)

    def tell_all_ended(self) -> None:
        """The flow stops: tell whoever asked."""
        for trace in self.ledger.open_traces():
            self._tell_ended(trace)

    def end_external(self) -> None:
        """Cancel what is done on the side for this flow's traces."""
        for future in list(self.external):
            future.cancel()

    def end_at_stop(self, trace: Trace) -> None:
        """The flow has stopped: what waits is dropped without a word, what was handed out stays readable."""
        for delivery in trace.live:
            self._take_back(delivery)
            delivery.worker = None  # a handler that has not ended yet may not emit any more
        trace.live.clear()
        trace.held = None
        trace.closed = trace.closed or "cancelled"
        self._tell_ended(trace)
        trace.unblock()
        trace.pass_turn()
        self.ledger.end(trace, "result" if trace.results else "cancelled")

    def _close(self, trace: Trace, status: Status, code: FlowErrorCode, text: str) -> None:
        trace.closed = status
        self._tell_ended(trace)
        trace.error = FlowError(trace_id=trace.trace_id, node_name=None, code=code, message=text)

    @staticmethod
    def _tell_ended(trace: Trace) -> None:
        if trace.ended is not None:
            trace.ended.set()

    def _give_up_held(self, trace: Trace) -> None:
        """Nothing is left that could complete what its nodes wait for."""
        for node, row in (trace.held or {}).items():
            if row:
                extra = {"held": len(row), "needed": row[-1].held}
                self.events.emit("join_incomplete", self.stations[node], trace, extra=extra)
            for delivery in row:
                del trace.live[delivery]
        trace.held = None

    def _withdraw(self, trace: Trace, event_type: str) -> None:
        """Take back what waits, and interrupt what runs."""
        trace.unblock()
        for delivery in list(trace.live):
            if delivery.worker is not None:
                delivery.worker.interrupt(delivery, "closed")
                continue
            phase = self._take_back(delivery)
            del trace.live[delivery]
            self.tell_dropped(event_type, delivery, phase)
        trace.held = None

    @staticmethod
    def _take_back(delivery: Delivery) -> str:
        """Take a delivery from where it waits; the phase that it was in."""
        if delivery.queued:
            delivery.floe.discard(delivery)
            return "queued"
        if delivery.backoff is not None:
            delivery.backoff.cancel()
            delivery.backoff = None
            delivery.floe.release()
            return "backoff"
        return "held" if delivery.held else "running"

    def tell_dropped(self, event_type: str, delivery: Delivery, phase: str) -> None:
        """Emit the event of work that ends because its trace did."""
        if not self.events.wanted(event_type):
            return
        trace = delivery.trace
        extra: dict[str, Any] = {"phase": phase}
        if event_type == "deadline_skip":
            extra["deadline_s"] = trace.deadline_s
        waited_ms = delivery.waited_ms(ambient.monotonic()) if phase == "queued" else None
        station = self.stations[delivery.floe.target]
        self.events.emit(event_type, station, trace, attempt=delivery.attempt, queue_wait_ms=waited_ms, extra=extra)


def _deadline_answer(message: Any) -> Any:
    """The answer of a trace that ran out of time, in the envelope of what it was working on."""
    answer = FinalAnswer(text="Deadline exceeded")
    if not isinstance(message, Message):
        return answer
    if isinstance(message.payload, FinalAnswer):
        return message
    return message.model_copy(update={"payload": answer})
