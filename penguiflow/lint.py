"""What is unwise about a flow, found by looking at its graph and its policies; nothing is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penguiflow.node import Node

F = TypeVar("F", bound="Callable[..., Any]")

Severity = Literal["error", "warning"]

_NO_IO = "__penguiflow_no_io__"
_DECLARATION = "__penguiflow_tool__"  # what `penguiflow.catalog.tool` leaves on a function


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is unwise.

    Args:
        rule: `no-egress`, `unbounded-queue`, `no-timeout`, `retried-write` or `several-egresses`.
        severity: `error` cannot be meant; `warning` may be.
        node: the node at fault; `None` for the flow as a whole.
        text: what is wrong, why it matters, and one thing to try.

    """

    rule: str
    severity: Severity
    node: str | None
    text: str

    def __str__(self) -> str:
        place = "flow" if self.node is None else f"node {self.node!r}"
        return f"{self.severity}: {place}: {self.text} [{self.rule}]"


class GraphView(Protocol):
    """Nodes and edges of a flow."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in the order in which they were written down."""
        ...

    @property
    def egress(self) -> tuple[Node, ...]:
        """Nodes whose results leave the flow."""
        ...


class Lintable(Protocol):
    """What of a flow is looked at."""

    @property
    def graph(self) -> GraphView:
        """Nodes and edges."""
        ...

    @property
    def queue_maxsize(self) -> int:
        """The bound of every edge; 0 or less is none."""
        ...


def no_io(func: F) -> F:
    """Mark a handler that only computes, so that nobody asks it for a timeout.

    Nothing in a handler's code shows reliably whether it waits for the outside
    world, so `lint` takes every node to do so, except those marked here and
    those declared as tools with `side_effects="pure"`.
    """
    setattr(func, _NO_IO, True)
    return func


def lint(flow: Lintable) -> list[Finding]:
    """What is unwise about `flow`: first the flow as a whole, then each node in order."""
    findings = list(_in_the_flow(flow))
    for node in flow.graph.nodes:
        findings.extend(_in_the_node(node))
    return findings


def _in_the_flow(flow: Lintable) -> Iterator[Finding]:
    egress = [node.label for node in flow.graph.egress]
    if flow.graph.nodes and not egress:
        text = (
            "no node's results leave the flow, so fetch gets a FinalAnswer at most. "
            "Add a node without successors"
        )  # fmt: skip
        yield Finding("no-egress", "error", None, text)
    if len(egress) > 1:
        text = (
            f"results leave at {len(egress)} nodes ({', '.join(egress)}), and a scoped fetch takes whichever is first. "
            "Join them, or fetch once for each"
        )
        yield Finding("several-egresses", "warning", None, text)
    if flow.queue_maxsize <= 0:
        text = (
            f"queue_maxsize={flow.queue_maxsize} lets edges grow without bound, "
            "so a slow node fills the memory instead of holding back its senders. Give a bound"
        )
        yield Finding("unbounded-queue", "warning", None, text)


def _in_the_node(node: Node) -> Iterator[Finding]:
    declaration = getattr(node.func, _DECLARATION, None)
    side_effects = None if declaration is None else declaration.side_effects
    computes_only = side_effects == "pure" or getattr(node.func, _NO_IO, False)
    if node.policy.timeout_s is None and not computes_only:
        text = (
            "it has no timeout_s, so one call that hangs holds the node for good. "
            "Give NodePolicy(timeout_s=...), or mark a handler that only computes with @no_io"
        )
        yield Finding("no-timeout", "warning", node.label, text)
    repeatable = declaration is None or side_effects in ("pure", "read") or declaration.idempotent
    if node.policy.max_retries > 0 and not repeatable:
        text = (
            f"it is retried (max_retries={node.policy.max_retries}) and declares side_effects={side_effects!r}, "
            "so an answer lost on the way does the effect twice. "
            "Pass ctx.idempotency_key(step) on and declare idempotent=True, or leave max_retries=0"
        )
        yield Finding("retried-write", "error", node.label, text)
