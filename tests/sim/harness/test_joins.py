"""A join that waits for a branch that says nothing: the run tells which join holds how many of how many."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from flows_for_tests import run, scenario

import sim
from penguiflow import Headers, Message, Node, NodePolicy, create, join_k
from sim.checks.evaluate import evaluate_seed
from sim.kernel import Stuck

ONE = {"stages": [{"for": "1s", "rate": "1/s"}]}


async def _echo(message: Any, _ctx: Any) -> Any:
    return message


async def _silent(_message: Any, _ctx: Any) -> None:
    """Give nothing on."""


async def _hanging(_message: Any, _ctx: Any) -> None:
    await asyncio.Event().wait()


def _fan_out(third: Any) -> Any:
    plain = NodePolicy(validate="none")
    start = Node(_echo, name="start", policy=plain)
    branches = [Node(act, name=name, policy=plain) for name, act in (("a", _echo), ("b", _echo), ("c", third))]
    merge = join_k("merge", 3)
    return create(start.to(*branches), *(branch.to(merge) for branch in branches))


def test_a_stuck_run_tells_what_its_join_holds() -> None:
    """One branch hangs: the story says that the join holds 2 of 3, and of which traces."""
    recording = run(lambda: _fan_out(_hanging), load={"stages": [{"for": "2s", "rate": "1/s"}]})
    assert recording.stuck is not None
    traces = [request.trace_id for request in recording.requests]
    assert recording.stuck.waits[0] == f"join merge holds 2 of 3 of trace {traces[0]} and {len(traces) - 1} more"
    assert any("penguiflow:c at" in wait for wait in recording.stuck.waits)


def test_a_request_without_a_result_tells_what_its_join_held() -> None:
    """One branch returns None: the request ends at once, and the finding names the join, 2 of 3 and a way out."""
    fields: Any = {"load": ONE, "checks": [{"id": "no-errors", "metric": "trace.errors", "max": 0}]}
    recording = run(lambda: _fan_out(_silent), **fields)
    assert recording.stuck is None
    assert [request.outcome for request in recording.requests] == ["no_result"] * len(recording.requests)
    judged = evaluate_seed(scenario(**fields), recording)
    causes = [finding.cause for outcome in judged.checks for finding in outcome.findings if finding.kind == "error"]
    assert causes
    assert causes[0].startswith("Join merge holds 2 of 3, and nothing else of the trace is on its way.")


@pytest.mark.parametrize("branch", [_silent, _hanging])
def test_a_program_of_its_own_is_told_too(branch: Any) -> None:
    """An unscoped fetch behind the join waits for ever, and `Stuck` says what the join holds."""

    async def main() -> None:
        flow = _fan_out(branch)
        flow.run()
        await flow.emit(Message(payload=1, headers=Headers(tenant="acme"), trace_id="t1"))
        await flow.emit(Message(payload=2, headers=Headers(tenant="acme"), trace_id="t2"))
        await flow.fetch()

    with pytest.raises(Stuck, match="join merge holds 2 of 3 of trace t1 and 1 more"):
        sim.run(main)
