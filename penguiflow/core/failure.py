"""What is said about a node that has failed for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penguiflow.errors import FlowError, FlowErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from penguiflow.core.floe import Delivery
    from penguiflow.node import Node


def text_of(error: BaseException, render: Callable[[object], str] = repr) -> str:
    """`repr` of an exception, or what `render` makes of it; some exceptions cannot even be shown."""
    try:
        return render(error)
    except Exception:  # noqa: BLE001 - the exception's own code fails, and it must not take the worker down
        return f"<{type(error).__name__} that cannot be shown>"


def node_failure(
    node: Node,
    delivery: Delivery,
    error: BaseException,
    shown: BaseException,
    latency_ms: float,
    *,
    timed_out: bool,
) -> FlowError:
    """The terminal error of a delivery whose attempts are used up; its texts are those of `shown`, without secrets."""
    timeout_s = node.policy.timeout_s
    metadata: dict[str, Any] = {"attempt": delivery.attempt, "latency_ms": latency_ms}
    if timed_out:
        metadata["timeout_s"] = timeout_s
        limit = f" after {timeout_s:.2f}s" if timeout_s is not None else ""
        text = f"Node {node.label!r} timed out{limit}"
    else:
        metadata["exception_repr"] = text_of(shown)
        text = f"Node {node.label!r} raised {type(error).__name__}: {text_of(shown, str)}"
    return FlowError.from_exception(
        trace_id=delivery.trace.trace_id,
        node_name=node.label,
        node_id=node.node_id,
        exc=error,
        code=FlowErrorCode.NODE_TIMEOUT if timed_out else FlowErrorCode.NODE_EXCEPTION,
        message=text,
        metadata=metadata,
    )
