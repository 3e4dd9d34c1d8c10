"""Nodes and edges of a flow: who follows whom, where work enters and where it leaves (RUNTIME contract 1.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penguiflow.errors import CycleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from penguiflow.node import Node


@dataclass(frozen=True)
class Endpoint:
    """One of the two ends of every flow."""

    name: str


OPEN_SEA = Endpoint("OpenSea")
ROOKERY = Endpoint("Rookery")


class Graph:
    """A read-only view of a flow's structure, in the order in which it was written down.

    Args:
        adjacencies: each a node with its successors.
        allow_cycles: accept any cycle.

    Raises:
        CycleError: a cycle that was not allowed.
        ValueError: two nodes with one name.

    """

    def __init__(self, adjacencies: Sequence[tuple[Node, Sequence[Node]]], *, allow_cycles: bool) -> None:
        successors: dict[Node, dict[Node, None]] = {}
        for node, following in adjacencies:
            row = successors.setdefault(node, {})
            for target in following:
                row[target] = None
        for node in [target for row in successors.values() for target in row]:
            successors.setdefault(node, {})
        self._successors = {node: tuple(row) for node, row in successors.items()}
        _require_unique_names(self._successors)
        self.allow_cycles = allow_cycles
        if not allow_cycles:
            _require_acyclic(self._successors)
        self._ingress = tuple(node for node in self._successors if self._takes_from_outside(node))
        self._egress = tuple(node for node, row in self._successors.items() if all(target is node for target in row))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes."""
        return tuple(self._successors)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all nodes."""
        return tuple(node.label for node in self._successors)

    @property
    def edges(self) -> tuple[tuple[Node, Node], ...]:
        """All edges between nodes."""
        return tuple((node, target) for node, row in self._successors.items() for target in row)

    def successors(self, node: Node) -> tuple[Node, ...]:
        """The nodes that follow `node`."""
        return self._successors[node]

    def predecessors(self, node: Node) -> tuple[Node, ...]:
        """The nodes that `node` follows."""
        return tuple(source for source, target in self.edges if target is node)

    @property
    def ingress(self) -> tuple[Node, ...]:
        """Nodes that take work from outside: no parent, other than itself where that is allowed."""
        return self._ingress

    @property
    def egress(self) -> tuple[Node, ...]:
        """Nodes whose results leave the flow: no successor other than itself."""
        return self._egress

    def _takes_from_outside(self, node: Node) -> bool:
        return all(parent is node and node.allow_cycle for parent in self.predecessors(node))


def _require_unique_names(nodes: Iterable[Node]) -> None:
    seen: dict[str, Node] = {}
    for node in nodes:
        if node.label in seen:
            raise ValueError(
                f"two nodes are named {node.label!r}; names address nodes in routing, models and reports, "
                "so they must differ. Give one of them another name="
            )
        seen[node.label] = node


def _require_acyclic(successors: dict[Node, tuple[Node, ...]]) -> None:
    """Kahn's algorithm; a node may loop on itself where it says so."""
    parents = dict.fromkeys(successors, 0)
    for node, row in successors.items():
        for target in row:
            if not (target is node and node.allow_cycle):
                parents[target] += 1
    free = [node for node, count in parents.items() if count == 0]
    for node in free:
        for target in successors[node]:
            if target is not node:
                parents[target] -= 1
                if parents[target] == 0:
                    free.append(target)
    if len(free) < len(successors):
        raise CycleError("Flow contains a cycle; enable allow_cycles to bypass")
