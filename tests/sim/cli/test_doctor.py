"""`sim doctor`: what keeps a flow from repeating itself."""

from __future__ import annotations

import pytest
from command import SCENARIOS, sim

FLOW = """\
import asyncio
import time

from penguiflow import Node, create

count = 0

async def sets(message, ctx):
    for word in {"alpha", "beta", "gamma", "delta", "omega"}:
        if word == "alpha":
            break
        await asyncio.sleep(0.001)
    return message

async def counts(message, ctx):
    global count
    count += 1
    await asyncio.sleep(0.001 * count)
    return message

async def blocks(message, ctx):
    print("to standard output")
    time.sleep(0.01)
    return message
""" + "".join(f"\ndef build_{name}():\n    return create(Node({name}).to())\n" for name in ("sets", "counts", "blocks"))
SCENARIO = (
    "schema: penguiflow.sim/1\nname: {name}\nflow: my_flow:build_{name}\n"
    "load: {{stages: [{{for: 2s, rate: 2/s}}]}}\n"
)  # fmt: skip


@pytest.fixture
def told(tmp_path):
    (tmp_path / "my_flow.py").write_text(FLOW)

    def examine(name):
        (tmp_path / f"{name}.sim.yaml").write_text(SCENARIO.format(name=name))
        return sim("doctor", tmp_path / f"{name}.sim.yaml", "--seeds", "2")

    return examine


def test_a_flow_that_repeats_itself_passes():
    """Exit 0, and what the system has is listed."""
    done = sim("doctor", SCENARIOS / "inbox-hardened.sim.yaml", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    assert "inbox-hardened, seeds 1, 2\n  ✓ PASS  the same bytes twice, and under another hash seed\n" in done.stdout
    assert "empty network: " in done.stdout
    assert "hypothesis" in done.stdout
    assert done.stdout.splitlines()[-1] == "exit 0: 1 of 1 scenarios repeat themselves"


def test_what_a_process_keeps_is_found(told):
    """A global that counts on from run to run gives another second run: exit 4, with where the runs part."""
    done = told("counts")
    assert done.returncode == 4
    assert "✗ FAIL  seed 1 gives another run in one process (2 of 2 seeds)\n          first run: " in done.stdout


def test_the_order_of_a_set_is_found(told):
    """What depends on the hash of a string differs under another hash seed: exit 4."""
    done = told("sets")
    assert done.returncode == 4
    assert "✗ FAIL  seed 1 gives another run under another hash seed" in done.stdout


def test_a_blocked_loop_is_told_and_is_no_failure(told):
    """A real sleep is named with its line; the runs are the same, also of a flow that prints."""
    done = told("blocks")
    assert done.returncode == 0, done.stderr
    assert "! WARNING  blocked loop: time.sleep at my_flow.py:" in done.stdout


def test_a_folder_without_scenarios_is_told(tmp_path):
    """Exit 5."""
    assert sim("doctor", tmp_path).returncode == 5
