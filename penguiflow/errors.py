"""What can go wrong with a trace, as values and as exceptions (RUNTIME contract 1.17)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class FlowErrorCode(str, Enum):  # noqa: UP042 - a str mixin is part of the contract: codes compare equal to their text
    """Why a trace ended without the answer that it was sent for."""

    NODE_TIMEOUT = "NODE_TIMEOUT"
    NODE_EXCEPTION = "NODE_EXCEPTION"
    TRACE_CANCELLED = "TRACE_CANCELLED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    HOP_BUDGET_EXHAUSTED = "HOP_BUDGET_EXHAUSTED"
    TOKEN_BUDGET_EXHAUSTED = "TOKEN_BUDGET_EXHAUSTED"  # noqa: S105 - an error code, not a secret


class FlowError(Exception):
    """A terminal failure of one trace, delivered as a value by `fetch` where errors are wanted.

    Args:
        trace_id: the trace that failed; `None` for a bare payload.
        node_name: the node that gave up, if one did.
        code: the kind of failure.
        message: one line for people.
        original_exc: the exception behind it, if there is one.
        node_id: the node's id.
        metadata: further facts; the runtime gives `attempt` and `latency_ms`.

    """

    def __init__(
        self,
        *,
        trace_id: str | None,
        node_name: str | None,
        code: FlowErrorCode | str,
        message: str,
        original_exc: BaseException | None = None,
        node_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.trace_id = trace_id
        self.node_name = node_name
        self.node_id = node_id
        self.code = code.value if isinstance(code, FlowErrorCode) else code
        self.message = message
        self.original_exc = original_exc
        self.exception_type = type(original_exc).__name__ if original_exc is not None else None
        self.metadata = dict(metadata or {})

    @classmethod
    def from_exception(
        cls,
        *,
        trace_id: str | None,
        node_name: str | None,
        node_id: str | None,
        exc: BaseException,
        code: FlowErrorCode | str,
        message: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> FlowError:
        """Wrap `exc` as the failure of a node."""
        return cls(
            trace_id=trace_id,
            node_name=node_name,
            node_id=node_id,
            code=code,
            message=message or str(exc),
            original_exc=exc,
            metadata=metadata,
        )

    def unwrap(self) -> BaseException | None:
        """The exception behind this error, if there is one."""
        return self.original_exc

    def to_payload(self) -> dict[str, Any]:
        """The error as a JSON-able mapping; empty keys are left out."""
        payload: dict[str, Any] = {"code": self.code, "message": self.message}
        for key in ("trace_id", "node_name", "node_id", "exception_type", "metadata"):
            value = getattr(self, key)
            if value:
                payload[key] = value
        return payload

    def __str__(self) -> str:
        parts = [f"[{self.code}] {self.message}"]
        if self.trace_id:
            parts.append(f"trace={self.trace_id}")
        if self.node_name:
            parts.append(f"node={self.node_name}")
        return " ".join(parts)


class CycleError(RuntimeError):
    """The graph has a cycle that was not asked for."""


class TraceCancelled(Exception):  # noqa: N818 - the name is part of the contract
    """The trace was cancelled while its work was running."""

    def __init__(self, trace_id: str | None) -> None:
        super().__init__(f"trace {trace_id} was cancelled")
        self.trace_id = trace_id


class TraceEnded(TimeoutError):  # noqa: N818 - named after the state of the trace
    """A scoped fetch found that its trace has ended without a result to give.

    It is a `TimeoutError`, so that code that waits for a timeout takes the same branch, only sooner.

    Args:
        trace_id: the trace that was fetched.
        status: how it ended: `error`, `cancelled`, `deadline`, `no_result`, or `result` if every result was read.
        error: the failure behind it, if there is one.

    """

    def __init__(self, trace_id: str | None, status: str, error: FlowError | None = None) -> None:
        detail = f": {error}" if error is not None else ""
        name = "the trace" if trace_id is None else f"trace {trace_id}"
        super().__init__(f"{name} ended without a result to fetch ({status}){detail}")
        self.trace_id = trace_id
        self.status = status
        self.error = error


class TraceNotFound(LookupError):  # noqa: N818 - named after the state of the trace
    """The flow knows no trace of this id that the caller may see.

    A trace of another tenant looks exactly like one that does not exist.

    Args:
        trace_id: the id that was asked for.

    """

    def __init__(self, trace_id: str) -> None:
        super().__init__(
            f"trace {trace_id} is not known here: nothing was sent under this id, or its outcome was read already. "
            "Check the id, and read each outcome once"
        )
        self.trace_id = trace_id


class TenantViolation(RuntimeError):  # noqa: N818 - named after the event that goes with it
    """Somebody reached across the boundary between two tenants. Trying again does not help.

    Attributes:
        retryable: always false; no node is tried again after it.

    """

    retryable = False


class HookBacklogFull(RuntimeError):  # noqa: N818 - named after the state of the listener
    """A flow with `hook_policy="fail"` takes no work while a listener is too far behind.

    Args:
        hook: the listener.
        backlog: events that it has not taken in.

    """

    def __init__(self, hook: str, backlog: int) -> None:
        super().__init__(
            f"listener {hook} is {backlog} events behind, and hook_policy='fail' takes no new message until it has "
            "caught up. Try again later, or look at why it is slow"
        )
        self.hook = hook
        self.backlog = backlog


class StepUnknown(RuntimeError):  # noqa: N818 - named after the state of the step
    """A run-once step was begun before and did not finish, so it may or may not have happened.

    Ask the outside world (by the idempotency key) before doing it again.

    Args:
        key: the step's key.

    """

    def __init__(self, key: str) -> None:
        super().__init__(
            f"step {key} was begun before and its outcome is not known; it is not run again. "
            "Look up what happened under this key, then decide"
        )
        self.key = key


class StepNotExecuted(Exception):  # noqa: N818 - named after the state of the step
    """Raised by a run-once step that is sure that nothing happened; the step may run again."""
