"""One node's loop: take a message, try it, send the result on, and survive whatever the handler does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from penguiflow import ambient
from penguiflow.core.attempt import Suspended, begin, call_node, finish
from penguiflow.core.context import Context
from penguiflow.core.custody import back_off, give_back, let_go
from penguiflow.core.failure import node_failure, text_of
from penguiflow.core.loops import hops_of
from penguiflow.errors import TraceCancelled
from penguiflow.isolate import isolate
from penguiflow.redaction import default_redactor

if TYPE_CHECKING:
    from penguiflow.core.crew import Crew
    from penguiflow.core.engine import Engine
    from penguiflow.core.floe import Delivery
    from penguiflow.core.flow import PenguiFlow
    from penguiflow.core.station import Station
    from penguiflow.registry import ModelRegistry

Reason = Literal["timeout", "closed"]

MESSAGES_IN_A_ROW = 64
"""A worker whose handlers never wait lets others have the loop after this many messages."""


class Worker:
    """Takes messages from one node's inbox, one at a time; a node has as many workers as its policy's `concurrency`.

    A cancellation that the worker asked for itself (timeout, end of the trace)
    is told by `reason` from one that the handler raised and from one that came
    from outside. A handler that does not end within its grace is left behind,
    and another worker takes over.

    Args:
        flow: the public handle, for contexts.
        engine: the flow's working parts.
        crew: the other workers.
        station: the node at work.
        registry: models for the node, where it has any.

    Attributes:
        delivery: what is worked on now.
        started_s: when its attempt began, in seconds on the loop's clock.
        blocked_s: for how long its handler waited for room on its edges.
        over: the attempt under way is over, though its handler has not ended yet.
        stopping: the flow stops, and the worker with it.

    """

    def __init__(
        self, flow: PenguiFlow, engine: Engine, crew: Crew, station: Station, registry: ModelRegistry | None
    ) -> None:
        self._flow = flow
        self._crew = crew
        self._registry = registry
        self._policy = station.node.policy
        self._loop = asyncio.get_running_loop()
        self._reason: Reason | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._attempt = 0
        self._loops = any(floe.target is station.node for floe in station.outgoing)
        self.started_s = 0.0
        self.blocked_s = 0.0
        self._abandoned = False
        self._dispatch = engine.dispatch
        self._events = engine.events
        self._around = engine.around
        self.engine = engine
        self.station = station
        self.delivery: Delivery | None = None
        self.over = False
        self.stopping = False
        self.task = self._loop.create_task(self._run(), name=f"penguiflow:{station.node.label}")

    # -- the loop ----------------------------------------------------------------------------

    async def _run(self) -> None:
        inbox = self.station.inbox
        in_a_row = 0
        self._events.listen()
        while not (self.stopping or self._abandoned):
            if self._events.strict:
                await self._events.room()
            delivery = inbox.take()
            if delivery is None:
                in_a_row = 0
                await inbox.wait_idle()
                continue
            await self._handle(delivery)
            in_a_row += 1
            if self.task.cancelling() or in_a_row >= MESSAGES_IN_A_ROW:
                in_a_row = 0
                await self._breathe()

    async def _breathe(self) -> None:
        """Let others have the loop, and leave behind what the last handler did to its task."""
        requests = self.task.cancelling()
        for _ in range(requests):
            self.task.uncancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            if self.stopping or not requests:
                raise
        self._events.listen()

    async def _handle(self, delivery: Delivery) -> None:
        timer = delivery.trace.deadline_timer
        if timer is not None and timer.when() < self._loop.time():
            self.engine.skip_expired(delivery)
            return
        self.delivery, delivery.worker = delivery, self
        self._reason = None
        self.over = False
        self._attempt = delivery.attempt
        try:
            result = self._begin(delivery)
            if type(result) is Suspended:
                self._arm(delivery)
                result = await finish(result)
            if self.over or self._policy.timeout_s:
                self._require_in_time()
            hearing = self._events.hearing
            if not hearing and result is not None and self._dispatch.hand_over(self.station, delivery, result):
                return
            handled_s = self._loop.time() if hearing else 0.0
            if result is not None and not self._dispatch.route_now(self.station, delivery, result):
                self._disarm()
                await self._dispatch.route(self.station, delivery, result)
                self._require_current()
            delivery.worker = None
            if hearing:
                self._tell_success(delivery, handled_s)
            if delivery.held:
                self.engine.hold(delivery)
            else:
                self.engine.finish(delivery)
        except BaseException as error:  # noqa: BLE001 - the worker outlives whatever the handler raises
            self._ended_by(delivery, error)
        finally:
            self.delivery = None
            if self._timer is not None:
                self._disarm()

    def _begin(self, delivery: Delivery) -> Any:
        """Start an attempt: the result, or the handler that waits for something."""
        self.started_s = self._loop.time()
        self.blocked_s = 0.0
        if self._events.hearing:
            waited_ms = delivery.waited_ms(self.started_s)
            self._tell("node_start", delivery, latency_ms=0.0, queue_wait_ms=waited_ms)
        message = delivery.message
        if self._loops:
            delivery.hops = hops_of(message)
        if delivery.attempt < self._policy.max_retries:
            delivery.message = isolate(message)  # what this attempt does to its message is its own
        ctx = Context(self.station.node, self._flow, self, delivery)
        if self._registry is None and not self._around["attempt"]:
            return begin(self.station.node.func(message, ctx))
        return begin(call_node(self.engine, delivery, message, ctx, self._registry))

    def _tell_success(self, delivery: Delivery, handled_s: float) -> None:
        latency_ms = (handled_s - self.started_s - self.blocked_s) * 1000
        emit_wait_ms = (self._loop.time() - handled_s + self.blocked_s) * 1000
        self._tell("node_success", delivery, latency_ms=latency_ms, emit_wait_ms=emit_wait_ms)

    # -- interruption ------------------------------------------------------------------------

    def stop(self) -> None:
        """Whatever happens from now on, nothing of it counts; the loop ends with the handler under way."""
        self.stopping = self.over = True

    def _arm(self, delivery: Delivery) -> None:
        if self._policy.timeout_s is not None:
            due_s = self.started_s + self._policy.timeout_s
            self._timer = self._loop.call_at(due_s, self.interrupt, delivery, "timeout")

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _require_current(self) -> None:
        """An answer that comes after its attempt was ended is no answer, even if the handler swallowed that."""
        if self.over:
            raise asyncio.CancelledError

    def _require_in_time(self) -> None:
        """Nor is one that comes after its time: a handler that blocks the loop cannot be interrupted."""
        self._require_current()
        timeout_s = self._policy.timeout_s
        if timeout_s and self._loop.time() - self.started_s > timeout_s:
            self._reason = "timeout"
            raise asyncio.CancelledError

    def interrupt(self, delivery: Delivery, reason: Reason) -> None:
        """Cancel the handler of `delivery`, and leave it behind if it does not end within its grace."""
        if self.delivery is not delivery or self._reason is not None:
            return
        self._disarm()
        self._reason = reason
        self.over = True
        self._timer = self._loop.call_later(self._policy.cancel_grace_s, self._leave_behind, delivery)
        if asyncio.current_task() is self.task:
            # The handler ends its own trace: it may return before a cancellation could reach it.
            self._loop.call_soon(self._cancel_current, delivery)
        else:
            self.task.cancel()

    def _cancel_current(self, delivery: Delivery) -> None:
        if self.delivery is delivery:
            self.task.cancel()

    def _leave_behind(self, delivery: Delivery) -> None:
        """The handler ignores its cancellation: settle the attempt without it, and let another worker go on."""
        self._timer = None
        self._tell("node_abandoned", delivery, latency_ms=self._elapsed_ms())
        self._abandoned = self.over = True
        self._crew.replace(self)
        self._settle(delivery, asyncio.CancelledError())

    # -- failure -----------------------------------------------------------------------------

    def _ended_by(self, delivery: Delivery, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        if self._abandoned:
            self._tell("node_late_finish", delivery, latency_ms=self._elapsed_ms())
        elif self.stopping or self._cancelled_from_outside(error):
            self._tell("node_cancelled", delivery)
            delivery.worker = None
            if not self.stopping:  # else the flow ends the whole trace
                self.engine.finish(delivery)
            raise asyncio.CancelledError
        else:
            self._settle(delivery, error)

    def _cancelled_from_outside(self, error: BaseException) -> bool:
        """Whether somebody else, such as the end of `asyncio.run`, asked for the worker itself to be cancelled."""
        own_requests = 0 if self._reason is None else 1
        return isinstance(error, asyncio.CancelledError) and self.task.cancelling() > own_requests

    def _settle(self, delivery: Delivery, error: BaseException) -> None:
        """Decide what an attempt that did not succeed means; never waits."""
        trace = delivery.trace
        if trace.closed == "deadline":
            self.engine.tell_dropped("deadline_skip", delivery, "running")
        elif trace.closed is not None or isinstance(error, TraceCancelled):
            self._tell("node_trace_cancelled", delivery, attempt=0)
        else:
            self._retry_or_fail(delivery, error)
            return
        delivery.worker = None
        give_back(delivery)
        self.engine.finish(delivery)

    def _retry_or_fail(self, delivery: Delivery, error: BaseException) -> None:
        timed_out = self._reason == "timeout" or isinstance(error, TimeoutError)
        if self._reason == "timeout":
            error = TimeoutError(f"no answer within {self._policy.timeout_s} s")
        shown = default_redactor().exception(error, getattr(delivery.message, "payload", delivery.message))
        latency_ms = self._elapsed_ms()
        extra: dict[str, Any] = {"exception": text_of(shown)}
        event_type = "node_timeout" if timed_out else "node_error"
        blocked_ms = self.blocked_s * 1000 or None
        self._tell(event_type, delivery, latency_ms=latency_ms, emit_wait_ms=blocked_ms, extra=extra, error=shown)
        if delivery.attempt < self._policy.max_retries and self._policy.retries(error):
            self._retry(delivery, extra)
            return
        failure = node_failure(self.station.node, delivery, error, shown, latency_ms, timed_out=timed_out)
        extra["flow_error"] = failure.to_payload()
        self._tell("node_failed", delivery, latency_ms=latency_ms, extra=extra, error=shown)
        delivery.worker = None
        let_go(delivery)
        self.engine.fail(self.station, delivery, failure)

    def _retry(self, delivery: Delivery, extra: dict[str, Any]) -> None:
        delivery.attempt += 1
        delay_s = self._policy.backoff_s(delivery.attempt)
        if self._policy.jitter:
            address = (self.station.node.label, delivery.trace.trace_id or "", delivery.attempt)
            delay_s *= 1 - self._policy.jitter * ambient.uniform("backoff", *address)
        self._tell("node_retry", delivery, attempt=delivery.attempt, extra={"sleep_s": delay_s, **extra})
        give_back(delivery)
        back_off(delivery, delay_s)

    def _elapsed_ms(self) -> float:
        return (self._loop.time() - self.started_s - self.blocked_s) * 1000

    def _tell(self, event_type: str, delivery: Delivery, *, attempt: int | None = None, **facts: Any) -> None:
        number = self._attempt if attempt is None else attempt
        self._events.emit(event_type, self.station, delivery.trace, attempt=number, **facts)
