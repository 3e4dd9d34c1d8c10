"""Properties that code states about itself: in scenarios, in plain programs, and where nobody looks."""

from __future__ import annotations

import asyncio

import pytest

import sim
from sim.alone import PropertyError
from sim.loader import load_scenario
from sim.model.exploration import ExplorationFailed
from sim.prepare import prepare
from sim.sweep import run_scenario

FLOW = """\
import asyncio

from penguiflow import Node, NodePolicy, create
import sim
from sim import sometimes as now_and_then


async def work(message, ctx):
    sim.always(message.payload["request"] < {limit}, "requests stay small")
    now_and_then(ctx.attempt == 1, name="a retry is needed")
    if ctx.attempt == 2:
        sim.reachable("the last attempt")
    if message.payload["request"] == {forbidden}:
        sim.unreachable("a forbidden request")
    await asyncio.sleep(0.1)
    return message


def build():
    return create(Node(work, name="work", policy=NodePolicy(max_retries=2, backoff_base=0.1)).to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: stated
flow: my_flow:build
load: {{stages: [{{for: 5s, rate: 2/s}}]}}
faults:
  - {{id: down, kind: tool_error, where: {{node: work}}, chance: {chance}}}
"""


@pytest.fixture
def judge(tmp_path):
    def run(*, limit=100, forbidden=-1, chance=0.5, seeds=range(1, 9)):
        (tmp_path / "my_flow.py").write_text(FLOW.format(limit=limit, forbidden=forbidden))
        file = tmp_path / "stated.sim.yaml"
        file.write_text(SCENARIO.format(chance=chance))
        loaded = load_scenario(file)
        return run_scenario(loaded, prepare(loaded), list(seeds))

    return run


def row(result):
    return next(check for check in result.checks if check.id == "properties")


def test_statements_that_hold_are_one_row_that_passes(judge):
    """A flow whose statements are all true has them counted in one check that passes."""
    result = judge()
    assert (row(result).verdict, row(result).samples > 0, result.verdict) == ("pass", True, "pass")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"limit": 9}, "always 'requests stay small' did not hold 1 time, first in node work"),
        ({"forbidden": 3}, "unreachable 'a forbidden request' did not hold 1 time, first in node work"),
    ],
)
def test_a_broken_statement_fails_with_node_and_time(judge, changes, told):
    """An `always` that is false, or an `unreachable` that is reached, is a finding of the run."""
    result = judge(**changes, chance=0, seeds=[1])
    (finding,) = row(result).findings
    assert row(result).verdict == result.verdict == "fail"
    assert finding.summary.startswith(told)
    assert finding.at_s == {"limit": 4.5, "forbidden": 1.5}[next(iter(changes))]


def test_what_never_held_in_a_whole_sweep_leaves_it_inconclusive(judge):
    """A `sometimes` that was never true and a `reachable` whose line never ran are told with their places."""
    result = judge(chance=0)
    assert result.verdict == "inconclusive"
    assert "sometimes 'a retry is needed' (my_flow.py:10) never held" in result.reason
    assert "reachable 'the last attempt' (my_flow.py:12) never held: its line never ran" in result.reason


def test_a_plain_program_fails_by_its_own_statement():
    """`sim.run` raises what the program states and does not keep, also where the program goes on."""

    async def main():
        await asyncio.sleep(1)
        sim.always(False, "sums match")

    with pytest.raises(PropertyError, match=r"always 'sums match' did not hold at 1 s in task task-1"):
        sim.run(main)


def test_an_exploration_fails_where_it_never_got_to():
    """A `sometimes` that held in no run of an exploration makes its check fail."""

    async def main():
        await sim.latency("call", 0.1)
        sim.sometimes(False, "the call times out")

    explored = sim.explore(main, seeds=range(5))
    assert explored.never == ("the call times out",)
    with pytest.raises(ExplorationFailed, match="sometimes 'the call times out' never held"):
        explored.check()


def test_an_exploration_that_gets_there_once_passes():
    """One run in which a `sometimes` holds is enough."""

    async def main():
        async with asyncio.timeout(0.3) as limit:
            await sim.latency("call", 0.1)
        sim.sometimes(limit.when() > 0.2, "time is left")

    sim.explore(main, seeds=[0]).check()


def test_statements_do_nothing_where_nobody_looks():
    """Outside of a run no statement raises or keeps anything."""
    sim.always(False, "nobody looks")
    sim.unreachable("nobody looks")
    assert sim.sometimes(True, "nobody looks") is sim.reachable("nobody looks") is None
