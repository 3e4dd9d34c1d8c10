"""How a trace ended, and what is left when a flow stops taking messages: plain values for callers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penguiflow.core.traces import Status, Trace
    from penguiflow.errors import FlowError


@dataclass(frozen=True, slots=True)
class Outcome:
    """The definite end of one trace.

    Args:
        trace_id: the trace.
        tenant: whom it belonged to; `None` for bare values.
        status: `result`, `error`, `cancelled`, `deadline`, or `no_result` if its nodes gave none.
        error: the failure behind it, if there is one.
        results: what came out of it and nobody had fetched, in order.

    """

    trace_id: str | None
    tenant: str | None
    status: Status
    error: FlowError | None
    results: tuple[Any, ...] = ()

    @property
    def result(self) -> Any:
        """The first result, or `None`."""
        return self.results[0] if self.results else None


@dataclass(frozen=True, slots=True)
class OpenTrace:
    """A trace that has not ended.

    Args:
        trace_id: its id; `None` for a bare payload.
        tenant: whom it belongs to.
        pending: its messages that wait, run, back off or were not fetched.
        inflight: its handlers that run now.
        age_s: seconds since it was opened.

    """

    trace_id: str | None
    tenant: str | None
    pending: int
    inflight: int
    age_s: float


@dataclass(frozen=True, slots=True)
class Drained:
    """What `drain` came to.

    Args:
        left: the traces that had not ended in time, oldest first.

    """

    left: tuple[OpenTrace, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every accepted trace ended."""
        return not self.left


def describe(trace: Trace, now_s: float) -> OpenTrace:
    """What can be told of an open trace at `now_s`, in seconds on the loop's clock."""
    return OpenTrace(trace.trace_id, trace.tenant, trace.pending, trace.inflight, now_s - trace.opened_s)
