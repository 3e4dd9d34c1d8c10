"""RUNTIME 1.24 and row W2: a flow as a picture, in one order, whatever its nodes are called."""

import os
import re
import subprocess
import sys

import pytest
from runtime_samples import echo, node

from penguiflow import create
from penguiflow.viz import flow_to_dot, flow_to_mermaid

HOSTILE = {
    'say "hi"': ("say #34;hi#34;", r"say \"hi\""),
    "a]b[c": ("a#93;b#91;c", "a]b[c"),
    "<b>x</b>&co": ("#60;b#62;x#60;#47;b#62;#38;co", "<b>x</b>&amp;co"),
    "line\nend": ("line#92;nend", r"line\\nend"),
    "back\\slash": ("back#92;slash", r"back\\slash"),
    "left\u202eright": ("left#92;u202eright", r"left\\u202eright"),
    "\ud800": ("#92;ud800", r"\\ud800"),
    "Füße 企鵝 🐧": ("Füße 企鵝 #128039;", "Füße 企鵝 🐧"),
    "`code` $$x$$ |;": ("#96;code#96; #36;#36;x#36;#36; #124;#59;", "`code` $$x$$ |;"),
    "&lt;#35;": ("#38;lt#59;#35;35#59;", "&amp;lt;#35;"),
    "": (" ", ""),
    "fetch-page v2.1": ("fetch-page v2.1", "fetch-page v2.1"),
}


def small_flow():
    loop = node(echo, "controller", allow_cycle=True)
    worker = node(echo, "worker")
    return create(loop.to(loop, worker), worker.to(node(echo, "last step")))


def test_a_flow_is_a_mermaid_chart():
    """The chart shows both ends, every node and every way between them, in the order of the flow."""
    assert flow_to_mermaid(small_flow(), direction="LR").splitlines() == [
        "graph LR",
        '    OpenSea["OpenSea"]',
        '    controller["controller"]',
        '    worker["worker"]',
        '    _2["last step"]',
        '    Rookery["Rookery"]',
        "    OpenSea -->|ingress| controller",
        "    controller -->|loop| controller",
        "    controller --> worker",
        "    worker --> _2",
        "    _2 -->|egress| Rookery",
        "    classDef endpoint fill:#e0f2fe,stroke:#0369a1,color:#0c4a6e",
        "    classDef controller_loop fill:#fef3c7,stroke:#b45309,color:#78350f",
        "    class OpenSea endpoint",
        "    class controller controller_loop",
        "    class Rookery endpoint",
    ]


def test_a_flow_is_a_dot_graph():
    """The graph shows the same in Graphviz's language."""
    endpoint = 'class="endpoint", shape=oval, style=filled, fillcolor="#e0f2fe"'
    assert flow_to_dot(small_flow(), rankdir="LR").splitlines() == [
        "digraph PenguiFlow {",
        "    rankdir=LR;",
        "    node [shape=box];",
        f'    "OpenSea" [label="OpenSea", {endpoint}];',
        '    "controller" [label="controller", class="controller_loop", style=filled, fillcolor="#fef3c7"];',
        '    "worker" [label="worker"];',
        '    "_2" [label="last step"];',
        f'    "Rookery" [label="Rookery", {endpoint}];',
        '    "OpenSea" -> "controller" [label="ingress"];',
        '    "controller" -> "controller" [label="loop"];',
        '    "controller" -> "worker";',
        '    "worker" -> "_2";',
        '    "_2" -> "Rookery" [label="egress"];',
        "}",
    ]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_is_shown_as_it_is_and_never_read_as_the_language(name):
    """Quotes, brackets, line ends, markup and marks of direction in a name stay text in both languages."""
    flow = create(node(echo, name).to())
    in_mermaid, in_dot = HOSTILE[name]

    assert f'    _0["{in_mermaid}"]' in flow_to_mermaid(flow).splitlines()
    assert f'    "_0" [label="{in_dot}"];' in flow_to_dot(flow).splitlines()


@pytest.mark.parametrize("name", ["end", "Graph", "subgraph", "call", "constructor", "OpenSea", "Rookery", "_1", "2nd"])
def test_a_name_that_means_something_else_is_no_key(name):
    """Words of the language, the names of the two ends and other nodes' keys never address a node."""
    other = node(echo, "other")
    chart = flow_to_mermaid(create(other.to(node(echo, name))))

    assert f'    _1["{name}"]' in chart.splitlines()
    assert "    other --> _1" in chart.splitlines()


def test_the_defaults_lead_downwards():
    """Without a direction the picture runs from top to bottom."""
    assert flow_to_mermaid(small_flow()).startswith("graph TD\n")
    assert "    rankdir=TB;" in flow_to_dot(small_flow()).splitlines()


def test_a_direction_is_one_of_the_languages_own():
    """Any other text is refused, so that it cannot carry statements into the picture."""
    with pytest.raises(ValueError, match=re.escape("direction must be one of TD, TB, BT, LR, RL; got 'TD\\nclick a'")):
        flow_to_mermaid(small_flow(), direction="TD\nclick a")
    with pytest.raises(ValueError, match=re.escape("rankdir must be one of TB, BT, LR, RL; got 'TD'")):
        flow_to_dot(small_flow(), rankdir="TD")


def test_a_flow_without_an_entrance_shows_that_it_has_none():
    """In a pure cycle nothing leads in from `OpenSea` and nothing out to `Rookery`."""
    a, b = node(echo, "a"), node(echo, "b")
    chart = flow_to_mermaid(create(a.to(b), b.to(a), allow_cycles=True))

    assert [line.strip() for line in chart.splitlines() if "-->" in line] == ["a --> b", "b --> a"]


def test_w2_pictures_are_the_same_in_every_process():
    """Two processes with different hash seeds draw one flow byte for byte alike."""
    program = """
from penguiflow import Node, create
from penguiflow.viz import flow_to_dot, flow_to_mermaid
async def echo(message, ctx): return message
one, *others = [Node(echo, name=f"step{number}") for number in range(30)]
print(flow_to_mermaid(create(one.to(*others))), flow_to_dot(create(one.to(*others))))
"""

    def drawn(seed):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=environment, capture_output=True, check=True).stdout  # noqa: S603 - our own words

    assert drawn("1") == drawn("2")
