"""Pictures of a flow as text: Mermaid and Graphviz DOT (RUNTIME contract 1.24).

Node names come from anywhere, so each is escaped for its language. The order
is the order in which the flow was written down.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penguiflow.core import OPEN_SEA, ROOKERY
from penguiflow.printable import printable

if TYPE_CHECKING:
    from penguiflow.core import Graph, PenguiFlow
    from penguiflow.node import Node

_MERMAID_DIRECTIONS = ("TD", "TB", "BT", "LR", "RL")
_DOT_DIRECTIONS = ("TB", "BT", "LR", "RL")

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Mermaid's own words, and names that every JavaScript object has: as the key of a box each breaks the picture.
_MERMAID_WORDS = (
    *("call", "class", "classdef", "click", "default", "direction", "end", "flowchart", "graph", "href"),
    *("interpolate", "linkstyle", "style", "subgraph"),
    *("constructor", "hasownproperty", "isprototypeof", "propertyisenumerable", "tolocalestring", "tostring"),
    *("valueof",),
)
_MERMAID_SPECIAL = re.compile(r"[^\w .-]")


@dataclass(frozen=True)
class _Box:
    """One box of the picture; `kind` is its class."""

    key: str
    label: str
    kind: str = ""


@dataclass(frozen=True)
class _Arrow:
    """One arrow of the picture, between the keys of two boxes."""

    source: str
    target: str
    label: str = ""


def flow_to_mermaid(flow: PenguiFlow, *, direction: str = "TD") -> str:
    """The flow as a Mermaid flowchart.

    Args:
        flow: the flow.
        direction: where arrows lead: `TD`, `TB`, `BT`, `LR` or `RL`.

    Raises:
        ValueError: another direction.

    """
    _require_one_of("direction", direction, _MERMAID_DIRECTIONS)
    boxes, arrows = _picture(flow.graph)
    lines = [f"graph {direction}"]
    lines += [f'    {box.key}["{_mermaid_text(box.label)}"]' for box in boxes]
    lines += [f"    {arrow.source} -->{_mermaid_label(arrow)} {arrow.target}" for arrow in arrows]
    lines.append("    classDef endpoint fill:#e0f2fe,stroke:#0369a1,color:#0c4a6e")
    lines.append("    classDef controller_loop fill:#fef3c7,stroke:#b45309,color:#78350f")
    lines += [f"    class {box.key} {box.kind}" for box in boxes if box.kind]
    return "\n".join(lines)


def flow_to_dot(flow: PenguiFlow, *, rankdir: str = "TB") -> str:
    """The flow as a Graphviz digraph.

    Args:
        flow: the flow.
        rankdir: where arrows lead: `TB`, `BT`, `LR` or `RL`.

    Raises:
        ValueError: another direction.

    """
    _require_one_of("rankdir", rankdir, _DOT_DIRECTIONS)
    boxes, arrows = _picture(flow.graph)
    lines = ["digraph PenguiFlow {", f"    rankdir={rankdir};", "    node [shape=box];"]
    lines += [f'    "{box.key}" [label="{_dot_text(box.label)}"{_DOT_STYLES[box.kind]}];' for box in boxes]
    lines += [f'    "{arrow.source}" -> "{arrow.target}"{_dot_label(arrow)};' for arrow in arrows]
    return "\n".join([*lines, "}"])


def _picture(graph: Graph) -> tuple[list[_Box], list[_Arrow]]:
    """What both languages draw: the two ends, the nodes, and every way between them."""
    keys = {node: _key(node.label, position) for position, node in enumerate(graph.nodes)}
    boxes = [_Box(OPEN_SEA.name, OPEN_SEA.name, "endpoint")]
    boxes += [_Box(keys[node], node.label, "controller_loop" if _loops(graph, node) else "") for node in graph.nodes]
    boxes.append(_Box(ROOKERY.name, ROOKERY.name, "endpoint"))
    arrows = [_Arrow(OPEN_SEA.name, keys[node], "ingress") for node in graph.ingress]
    arrows += [_Arrow(keys[one], keys[other], "loop" if one is other else "") for one, other in graph.edges]
    arrows += [_Arrow(keys[node], ROOKERY.name, "egress") for node in graph.egress]
    return boxes, arrows


def _loops(graph: Graph, node: Node) -> bool:
    return node.allow_cycle or node in graph.successors(node)


def _key(name: str, position: int) -> str:
    """The node's name where it can stand as it is; else `_<position>`, which is no plain name."""
    taken = name in (OPEN_SEA.name, ROOKERY.name) or name.lower() in _MERMAID_WORDS
    return name if _PLAIN_NAME.fullmatch(name) and not taken else f"_{position}"


def _mermaid_text(text: str) -> str:
    """Every character that could mean something to Mermaid, Markdown or HTML as a character code; never empty."""
    return _MERMAID_SPECIAL.sub(lambda match: f"#{ord(match[0])};", printable(text)) or " "


def _dot_text(text: str) -> str:
    """For a quoted label, in which DOT reads backslashes and HTML character names."""
    return printable(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')


def _mermaid_label(arrow: _Arrow) -> str:
    return f"|{arrow.label}|" if arrow.label else ""


def _dot_label(arrow: _Arrow) -> str:
    return f' [label="{arrow.label}"]' if arrow.label else ""


_DOT_STYLES = {
    "": "",
    "endpoint": ', class="endpoint", shape=oval, style=filled, fillcolor="#e0f2fe"',
    "controller_loop": ', class="controller_loop", style=filled, fillcolor="#fef3c7"',
}


def _require_one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")
