"""Every example of docs/faults.md runs and hits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.loader import load_scenario
from sim.model.scenario import FAULT_KINDS
from sim.prepare import prepare
from sim.sweep import run_scenario

PAGE = (Path(__file__).parents[3] / "docs" / "faults.md").read_text()
EXAMPLES = {
    heading: re.search(r"```yaml\n(.*?)```", text, re.DOTALL).group(1)
    for heading, text in re.findall(r"### (\w+)\n(.*?)(?=\n##|\Z)", PAGE, re.DOTALL)
}
PYTHON = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)
FLOW = """\
from penguiflow import Node, NodePolicy, create


async def search(message, ctx):
    return message.model_copy(update={"payload": {**message.payload, "price": 7}})


async def pay(message, ctx):
    async def charge():
        return {"paid": True}

    await ctx.effect("charge_card", charge)
    return message


def build(world):
    first = Node(search, name="search", policy=NodePolicy(timeout_s=2, max_retries=1, backoff_base=0.1))
    second = Node(pay, name="pay", policy=NodePolicy(timeout_s=2, max_retries=1, backoff_base=0.1))
    return create(first.to(second), second.to(), state_store=world.store)


async def stream(message, ctx):
    for number in range(4):
        await ctx.emit_chunk(parent=message, text=str(number), done=number == 3)


def build_stream(world):
    return create(Node(stream, name="search").to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: page
flow: my_flow:{builder}
horizon: 300s
seeds: {{first: 1, count: 3}}
tenants: {{acme: {{}}, globex: {{}}}}
load: {{deadline: 20s, stages: [{{for: 20s, rate: 4/s}}]}}
faults:
{fault}
"""


def test_the_page_has_an_example_of_each_kind():
    """No kind is without a section, and no section is of a kind that there is not."""
    assert sorted(EXAMPLES) == sorted(FAULT_KINDS)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_example_of_each_kind_hits(kind, tmp_path):
    """A scenario with the example as its only fault is accepted, runs, and shows that it was hit."""
    (tmp_path / "faults_of_mine.py").write_text(PYTHON)
    (tmp_path / "my_flow.py").write_text(FLOW)
    builder = "build_stream" if kind == "slow_stream" else "build"
    fault = "".join(f"  {line}\n" for line in EXAMPLES[kind].splitlines())
    file = tmp_path / "page.sim.yaml"
    file.write_text(SCENARIO.format(builder=builder, fault=fault))
    loaded = load_scenario(file)
    (found,) = run_scenario(loaded, prepare(loaded), [1, 2, 3]).faults
    assert found.kind == kind
    assert found.fired >= found.must_fire >= 1
