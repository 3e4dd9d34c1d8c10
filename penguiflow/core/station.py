"""A node at work: its edges and its inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penguiflow.core.floe import Floe, Inbox

if TYPE_CHECKING:
    from penguiflow.core.graph import Graph
    from penguiflow.core.rookery import Rookery
    from penguiflow.node import Node


class Station:
    """Everything that one node has in one flow.

    Attributes:
        forward: outgoing edges that lead to other nodes; without any, results leave the flow here.
        onward: the one edge that leads on, where there is one only and nothing comes back.
        rookery: where results leave the flow, if they do so here.

    """

    __slots__ = ("forward", "inbox", "incoming", "node", "onward", "outgoing", "rookery")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.rookery: Rookery | None = None
        self.inbox = Inbox()
        self.incoming: list[Floe] = []
        self.outgoing: list[Floe] = []
        self.forward: list[Floe] = []
        self.onward: Floe | None = None

    def connect(self, floe: Floe) -> None:
        """Add an outgoing edge."""
        self.outgoing.append(floe)
        if floe.target is not self.node:
            self.forward.append(floe)

    def depth_in(self) -> int:
        """Messages that wait before the node."""
        return sum(map(Floe.qsize, self.incoming))

    def depth_out(self) -> int:
        """Messages that wait behind the node, and unread results where they leave the flow here."""
        unread = 0 if self.rookery is None else len(self.rookery)
        return unread + sum(map(Floe.qsize, self.outgoing))

    def outgoing_count(self) -> int:
        """Edges that lead away, one of them to the Rookery where results leave the flow here."""
        return len(self.outgoing) + (self.rookery is not None)


def stations_of(graph: Graph) -> dict[Node, Station]:
    """A station for every node, not yet connected."""
    return {node: Station(node) for node in graph.nodes}
