"""The same flow under other limits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from flows_for_tests import echo, run

from penguiflow import Node, NodePolicy, create
from sim.subject.limits import NoLimitsError

ONE = {"stages": [{"for": "1s", "rate": "1/s"}]}
SLOW = {"id": "slow", "kind": "latency", "delay": "10s"}
KEPT = Node(echo, name="echo", policy=NodePolicy(timeout_s=1.0, max_retries=2, backoff_base=0.1))


def build() -> Any:
    """A new flow around a node that the module keeps."""
    return create(KEPT.to(), queue_maxsize=8)


def attempts(**override: Any) -> list[tuple[float, float]]:
    """When the attempts of one request start and end, while every answer is 10 s late."""
    recording = run(build, inject=[SLOW], load=ONE, override=override)
    return [(span.start_s, span.end_s) for span in recording.spans if span.kind == "running"]


def test_a_node_runs_under_the_limits_of_the_file():
    """Timeouts and retries are those of the file where it gives any, and the node's own otherwise."""
    assert attempts() == [(0.0, 1.0), (1.1, 2.1), (2.3, 3.3)]
    assert attempts(nodes={"echo": {"timeout_s": 2}}) == [(0.0, 2.0), (2.1, 4.1), (4.3, 6.3)]
    assert attempts(nodes={"echo": {"max_retries": 0}}) == [(0.0, 1.0)]
    assert attempts(nodes={"echo": {"backoff_base": 3, "max_backoff": 4}}) == [(0.0, 1.0), (4.0, 5.0), (9.0, 10.0)]


def test_a_node_has_its_own_policy_back_after_the_run():
    """What one scenario changes is not seen in the next, although both build with the same node."""
    before = KEPT.policy

    attempts(nodes={"echo": {"timeout_s": 2, "concurrency": 3}})

    assert KEPT.policy is before


def test_a_node_has_its_own_policy_back_after_a_run_that_gets_stuck():
    """However a run ends, nodes that a module keeps are as they were."""

    async def wait_forever(message: Any, ctx: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    node = Node(wait_forever, name="wait")
    before = node.policy

    recording = run(lambda: create(node.to()), load=ONE, override={"nodes": {"wait": {"concurrency": 2}}})

    assert recording.stuck is not None
    assert node.policy is before


def test_queues_have_the_bound_of_the_file():
    """The bound of the file stands in every depth that is recorded."""
    bounds = {depth.bound for depth in run(build, override={"queue_maxsize": 3}).depths}

    assert bounds == {3}


def test_a_subject_that_is_no_flow_has_no_limits_to_change():
    """An async function cannot run under other limits, and says so instead of ignoring them."""

    async def handle(request: Any) -> Any:
        return request

    assert [one.outcome for one in run(lambda: handle, load=ONE).requests] == ["ok"]
    with pytest.raises(NoLimitsError, match="what is built here is no flow"):
        run(lambda: handle, load=ONE, override={"queue_maxsize": 3})
