"""Middlewares: async functions that get every `FlowEvent` (RUNTIME contract 1.19)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from penguiflow.metrics import FlowEvent

LatencyCallback = Callable[[str, float, "FlowEvent"], None]


class Middleware(Protocol):
    """An async function of one event; a plain `observe(event)` beside it is called directly instead."""

    def __call__(self, event: FlowEvent) -> Awaitable[None]:
        """Take in one event."""
        ...


_FAILURES = (
    "node_error",
    "node_timeout",
    "node_failed",
    "node_abandoned",
    "node_late_finish",
    "node_worker_replaced",
    "budget_exhausted",
    "join_incomplete",
    "tenant_violation",
)
_SUCCESSES = ("node_success",)
_STEPS = (
    "node_retry",
    "deadline_skip",
    "node_trace_cancelled",
    "trace_cancel_start",
    "trace_cancel_drop",
    "trace_cancel_finish",
)


class _FlowEventLogger:
    """Writes one log record for each event that an operator wants to read."""

    def __init__(
        self, logger: logging.Logger, levels: dict[str, int], latency_callback: LatencyCallback | None
    ) -> None:
        self._logger = logger
        self._levels = levels
        self._latency_callback = latency_callback

    async def __call__(self, event: FlowEvent) -> None:
        self.observe(event)

    def logs(self, event_type: str) -> bool:
        """Whether this middleware writes events of this type, so that nobody else has to."""
        level = self._levels.get(event_type)
        return level is not None and self._logger.isEnabledFor(level)

    def wants(self, event_type: str) -> bool:
        """Whether this middleware has any use for events of this type."""
        return self._latency_callback is not None or self.logs(event_type)

    def observe(self, event: FlowEvent) -> None:
        """Write `event`, and tell its latency to the callback."""
        level = self._levels.get(event.event_type)
        if level is None:
            return
        if self._logger.isEnabledFor(level):
            extra = event.to_payload()
            if event.error_payload is not None:
                extra["error_payload"] = dict(event.error_payload)
            self._logger.log(level, event.event_type, extra=extra)
        if self._latency_callback is not None and event.event_type in ("node_success", "node_error"):
            self._call_back(self._latency_callback, event)

    def _call_back(self, callback: LatencyCallback, event: FlowEvent) -> None:
        try:
            callback(event.event_type, event.latency_ms or 0.0, event)
        except Exception:
            self._logger.exception("log_flow_events_latency_callback_error")


def log_flow_events(
    logger: logging.Logger | None = None,
    *,
    start_level: int = logging.INFO,
    success_level: int = logging.INFO,
    error_level: int = logging.ERROR,
    latency_callback: LatencyCallback | None = None,
) -> Middleware:
    """A middleware that logs what happens to nodes and traces.

    Starts, successes and failures (errors, timeouts, giving up) have their own
    level; retries, deadline skips and cancellations are logged at `start_level`.

    Args:
        logger: where to write; `penguiflow.flow` if left out.
        start_level: level of `node_start`, retries, skips and cancellations.
        success_level: level of `node_success`.
        error_level: level of failures.
        latency_callback: gets `(event_type, latency_ms, event)` for every success and error.

    """
    levels: dict[str, int] = dict.fromkeys(("node_start", *_STEPS), start_level)
    levels.update(dict.fromkeys(_SUCCESSES, success_level))
    levels.update(dict.fromkeys(_FAILURES, error_level))
    return _FlowEventLogger(logger or logging.getLogger("penguiflow.flow"), levels, latency_callback)
