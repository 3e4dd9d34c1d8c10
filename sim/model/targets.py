"""What a scenario can point at in what it tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.model.limits import NodeLimits


@dataclass(frozen=True, slots=True)
class Targets:
    """What a scenario can point at.

    Args:
        nodes: names of the nodes.
        bounds: for each node, how many messages may wait before it; 0 is any number.
        edges: pairs of nodes, each where one sends to the other.
        tools: names of the tools, as far as they are known before a run.
        store: whether there is a store whose operations can be hit.
        timeouts_s: the timeout of each node that has one, in seconds.
        limits: how each node is run, where there is a policy.

    """

    nodes: tuple[str, ...]
    bounds: Mapping[str, int]
    edges: tuple[tuple[str, str], ...] = ()
    tools: tuple[str, ...] = ()
    store: bool = False
    timeouts_s: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, NodeLimits] = field(default_factory=dict)
