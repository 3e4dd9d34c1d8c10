"""One node's loop: take a message, try it, send the result on, and survive whatever the handler does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from penguiflow.core.attempt import Suspended, begin, call_node, finish
from penguiflow.core.context import Context
from penguiflow.core.isolate import isolate
from penguiflow.errors import FlowError, FlowErrorCode, TraceCancelled

if TYPE_CHECKING:
    from penguiflow.core.engine import Engine
    from penguiflow.core.floe import Delivery
    from penguiflow.core.flow import PenguiFlow
    from penguiflow.core.station import Station
    from penguiflow.registry import ModelRegistry

Reason = Literal["timeout", "closed"]


class Worker:
    """Takes messages from one node's inbox, one at a time.

    A cancellation that the worker asked for itself (timeout, end of the trace)
    is told from one that the handler raised by `reason`; a handler that does
    not end within its grace is left behind, and another worker takes over.

    Args:
        flow: the public handle, for contexts.
        engine: the flow's working parts.
        station: the node at work.
        registry: models for the node, where it has any.

    """

    def __init__(self, flow: PenguiFlow, engine: Engine, station: Station, registry: ModelRegistry | None) -> None:
        self._flow = flow
        self._engine = engine
        self._station = station
        self._registry = registry
        self._policy = station.node.policy
        self._loop = asyncio.get_running_loop()
        self._reason: Reason | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._started_s = 0.0
        self.delivery: Delivery | None = None
        self.abandoned = False
        self.stopping = False
        self.task = self._loop.create_task(self._run(), name=f"penguiflow:{station.node.label}")

    async def _run(self) -> None:
        inbox = self._station.inbox
        while not (self.stopping or self.abandoned):
            delivery = inbox.take()
            if delivery is None:
                await inbox.wait()
            else:
                await self._handle(delivery)

    async def _handle(self, delivery: Delivery) -> None:
        timer = delivery.trace.deadline_timer
        if timer is not None and timer.when() < self._loop.time():
            self._engine.skip_expired(delivery)
            return
        delivery.worker = self
        self.delivery = delivery
        try:
            await self._attempt(delivery)
        except BaseException as error:  # noqa: BLE001 - the worker outlives whatever the handler raises
            self._ended_by(delivery, error)
        finally:
            self.delivery = None
            self._disarm()

    async def _attempt(self, delivery: Delivery) -> None:
        engine, station = self._engine, self._station
        self._reason = None
        self._started_s = started_s = self._loop.time()
        if engine.events.wanted("node_start"):
            waited_ms = (started_s - delivery.since_s) * 1000
            self._tell("node_start", delivery, latency_ms=0.0, queue_wait_ms=waited_ms)
        message = delivery.message
        if delivery.attempt < self._policy.max_retries:
            delivery.message = isolate(message)  # what this attempt does to its message is its own
        ctx = Context(station.node, self._flow)
        ctx.attach(engine, station, delivery)
        result = begin(call_node(engine, station.node, delivery, message, ctx, self._registry))
        if isinstance(result, Suspended):
            self._arm(delivery)
            result = await finish(result)
        self._require_in_time()
        handled_s = self._loop.time()
        if result is not None:
            self._disarm()
            await engine.route(station, delivery, result)
            if self._reason is not None:
                raise asyncio.CancelledError
        self._succeed(delivery, handled_s)

    def _arm(self, delivery: Delivery) -> None:
        if self._policy.timeout_s is not None:
            due_s = self._started_s + self._policy.timeout_s
            self._timer = self._loop.call_at(due_s, self.interrupt, delivery, "timeout")

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _require_in_time(self) -> None:
        """An answer that comes after its time is no answer, even if the handler swallowed its cancellation."""
        if self.abandoned or self._reason is not None:
            raise asyncio.CancelledError
        timeout_s = self._policy.timeout_s
        if timeout_s and self._loop.time() - self._started_s > timeout_s:
            self._reason = "timeout"
            raise asyncio.CancelledError

    def _succeed(self, delivery: Delivery, handled_s: float) -> None:
        if self._engine.events.wanted("node_success"):
            latency_ms = (handled_s - self._started_s) * 1000
            emit_wait_ms = (self._loop.time() - handled_s) * 1000
            self._tell("node_success", delivery, latency_ms=latency_ms, emit_wait_ms=emit_wait_ms)
        delivery.worker = None
        self._engine.finish(delivery)

    # -- interruption -----------------------------------------------------------------------

    def interrupt(self, delivery: Delivery, reason: Reason) -> None:
        """Cancel the handler of `delivery`, and leave it behind if it does not end within its grace."""
        if self.delivery is not delivery or self._reason is not None:
            return
        self._disarm()
        self._reason = reason
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
        self.abandoned = True
        self._flow.replace_worker(self, self._station, self._registry)
        self._settle(delivery, asyncio.CancelledError())

    def _ended_by(self, delivery: Delivery, error: BaseException) -> None:
        if self.abandoned:
            self._tell("node_late_finish", delivery, latency_ms=self._elapsed_ms())
            return
        if isinstance(error, asyncio.CancelledError):
            own_requests = 0 if self._reason is None else 1
            if self.stopping or self.task.cancelling() > own_requests:
                self._tell("node_cancelled", delivery)
                raise error
            self._forget_own_request()
        elif not isinstance(error, Exception):
            raise error
        self._settle(delivery, error)

    def _forget_own_request(self) -> None:
        """The worker asked for this cancellation to end the handler, not itself."""
        if self._reason is not None and self.task.cancelling():
            self.task.uncancel()

    # -- failure ----------------------------------------------------------------------------

    def _settle(self, delivery: Delivery, error: BaseException) -> None:
        """Decide what an attempt that did not succeed means; never waits."""
        trace = delivery.trace
        if trace.closed == "deadline":
            self._engine.tell_dropped("deadline_skip", delivery, "running")
        elif trace.closed == "cancelled" or isinstance(error, TraceCancelled):
            self._tell("node_trace_cancelled", delivery, attempt=0)
        else:
            self._retry_or_fail(delivery, error)
            return
        delivery.worker = None
        self._engine.finish(delivery)

    def _retry_or_fail(self, delivery: Delivery, error: BaseException) -> None:
        timed_out = self._reason == "timeout" or isinstance(error, TimeoutError)
        if self._reason == "timeout":
            error = TimeoutError(f"no answer within {self._policy.timeout_s} s")
        latency_ms = self._elapsed_ms()
        extra = {"exception": repr(error)}
        event_type = "node_timeout" if timed_out else "node_error"
        self._tell(event_type, delivery, latency_ms=latency_ms, extra=extra, error=error)
        if delivery.attempt < self._policy.max_retries:
            delivery.attempt += 1
            delay_s = self._policy.backoff_s(delivery.attempt)
            self._tell("node_retry", delivery, extra={"sleep_s": delay_s, **extra})
            self._engine.back_off(delivery, delay_s)
            return
        failure = self._flow_error(delivery, error, latency_ms, timed_out=timed_out)
        extra = {**extra, "flow_error": failure.to_payload()}
        self._tell("node_failed", delivery, latency_ms=latency_ms, extra=extra, error=error)
        delivery.worker = None
        self._engine.fail(self._station, delivery, failure)

    def _flow_error(
        self, delivery: Delivery, error: BaseException, latency_ms: float, *, timed_out: bool
    ) -> FlowError:
        node = self._station.node
        metadata: dict[str, Any] = {"attempt": delivery.attempt, "latency_ms": latency_ms}
        if timed_out:
            metadata["timeout_s"] = self._policy.timeout_s
            limit = f" after {self._policy.timeout_s:.2f}s" if self._policy.timeout_s is not None else ""
            text = f"Node {node.label!r} timed out{limit}"
        else:
            metadata["exception_repr"] = repr(error)
            text = f"Node {node.label!r} raised {type(error).__name__}: {error}"
        return FlowError.from_exception(
            trace_id=delivery.trace.trace_id, node_name=node.label, node_id=node.node_id, exc=error,
            code=FlowErrorCode.NODE_TIMEOUT if timed_out else FlowErrorCode.NODE_EXCEPTION,
            message=text, metadata=metadata,
        )  # fmt: skip

    def _elapsed_ms(self) -> float:
        return (self._loop.time() - self._started_s) * 1000

    def _tell(self, event_type: str, delivery: Delivery, *, attempt: int | None = None, **facts: Any) -> None:
        number = delivery.attempt if attempt is None else attempt
        self._engine.events.emit(event_type, self._station, delivery.trace, attempt=number, **facts)
