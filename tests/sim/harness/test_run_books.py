"""The books of real runs balance: messages, limits, what is left, and every second of every request."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from flows_for_tests import charging, run, scenario

from penguiflow import Node, NodePolicy, call_playbook, create, join_k
from sim.checks.evaluate import evaluate_seed
from sim.checks.metrics import measure
from sim.checks.whereabouts import life_of
from sim.checks.windows import WHOLE
from sim.model.scenario import CheckWhere

if TYPE_CHECKING:
    from sim.model.recording import Recording

INVARIANTS = (
    "invariants.executions",
    "invariants.conservation",
    "invariants.deadline_bound",
    "invariants.timeout_bound",
)
BOOKS = [
    {"id": f"c{position}", "metric": metric, "max": 0} for position, metric in enumerate((*INVARIANTS, "state.residue"))
]
BUSY = {"arrival": "poisson", "stages": [{"for": "20s", "rate": "12/s"}], "deadline": "1s"}
LATE = {"id": "late", "kind": "latency", "delay": {"dist": "exponential", "median": "200ms"}, "chance": 0.4}


async def work(message: Any, ctx: Any) -> Any:
    await asyncio.sleep(0.05)
    return message


async def merge(batch: Any, ctx: Any) -> Any:
    return batch.model_copy(update={"payload": batch.payload[0]})


async def fail_first(message: Any, ctx: Any) -> Any:
    await asyncio.sleep(0.02)
    if ctx.attempt == 0:
        raise ValueError(message.trace_id)
    return message


def chain() -> Any:
    policy = NodePolicy(timeout_s=0.3, max_retries=2, backoff_base=0.1)
    first, second, third = (Node(work, name=name, policy=policy) for name in ("first", "second", "third"))
    return create(first.to(second), second.to(third), third.to(), queue_maxsize=1)


def fan() -> Any:
    start, left, right = (
        Node(work, name=name, policy=NodePolicy(timeout_s=0.4)) for name in ("start", "left", "right")
    )
    join, end = join_k("join", 2), Node(merge, name="end")
    return create(start.to(left, right), left.to(join), right.to(join), join.to(end), end.to())


def retrying() -> Any:
    policy = NodePolicy(timeout_s=2.0, max_retries=1, backoff_base=0.2, concurrency=2)
    return create(Node(fail_first, name="shaky", policy=policy).to())


def calling() -> Any:
    def inner() -> Any:
        return create(Node(work, name="inner").to()), None

    async def call(message: Any, ctx: Any) -> Any:
        return await call_playbook(inner, message)

    return create(Node(call, name="call", policy=NodePolicy(timeout_s=0.5)).to())


@pytest.mark.parametrize("build", [chain, fan, retrying, calling, partial(charging, retries=2)])
@pytest.mark.parametrize("faults", [[], [LATE]])
def test_the_books_of_every_flow_balance(build, faults):
    """Full queues, joins, retries, subflows and deadlines lose nothing, leave nothing and keep every limit."""
    for seed in range(1, 4):
        recording = run(build, seed, inject=faults, load=BUSY, checks=BOOKS)
        assert sum((recording.messages_in or {}).values()) >= len(
            [one for one in recording.requests if one.outcome == "ok"]
        )
        outcome = evaluate_seed(scenario(checks=BOOKS), recording)
        told = {check.id: (check.verdict, check.headline) for check in outcome.checks}
        # `surroundings` looks at the whole process, and other tests leave things in there.
        assert {name: told[name] for name in told if told[name][0] != "pass" and name != "surroundings"} == {}, seed


@pytest.mark.parametrize("build", [chain, fan, retrying, calling])
def test_every_second_of_a_request_is_explained(build):
    """The spans of a request cover it from its arrival to its end; only a join holds what no node has."""
    recording = run(build, inject=[LATE], load=BUSY)
    by_trace: dict[str, list[Any]] = {}
    for span in recording.spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    for request in recording.requests:
        life = life_of(request, by_trace.get(request.trace_id, []), recording.end_s)
        assert sum(stay.seconds for stay in life) == pytest.approx(request.latency_s, abs=1e-6)
        unseen = [stay for stay in life if stay.kind == "unseen" and stay.seconds > 1e-6]
        assert all("join" in stay.node for stay in unseen), unseen


def metric(recording: Recording, name: Any, **where: Any) -> list[float]:
    return list(measure(name, recording, CheckWhere(**where), WHOLE).values)


def test_tool_calls_count_even_where_they_fail():
    """A call that a fault refuses before it acts arrived all the same: two attempts are two calls for one order."""
    refused = {"id": "down", "kind": "tool_error", "where": {"tool": "charge", "attempt": 1}}
    checks = [{"id": "a", "metric": "attempts.per_request", "stat": "max", "where": {"tool": "charge"}, "max": 1}]
    recording = run(charging, inject=[refused], checks=checks)
    assert metric(recording, "attempts.per_request", tool="charge") == [2.0]


def subflow_that_retries(tries: int) -> Any:
    """A caller with `tries` attempts, around a subflow whose charging node has as many."""
    policy = NodePolicy(max_retries=tries - 1, backoff_base=0.1)

    async def charge(message: Any, ctx: Any) -> Any:
        async def act() -> None:
            raise ConnectionError("the bank is down")

        return await ctx.effect("charge", act)

    async def call(message: Any, ctx: Any) -> Any:
        return await ctx.call_playbook(lambda: (create(Node(charge, name="charge", policy=policy).to()), None), message)

    return create(Node(call, name="call", policy=policy).to())


def test_retries_multiply_through_subflows():
    """Three attempts of a caller around three of its subflow are nine calls of the tool for one order."""
    checks = [{"id": "a", "metric": "attempts.per_request", "stat": "max", "where": {"tool": "charge"}, "max": 1}]
    recording = run(partial(subflow_that_retries, 3), checks=checks)
    assert metric(recording, "attempts.per_request", tool="charge") == [9.0]


def test_nothing_is_counted_that_no_check_asks_for():
    """Without such a check neither messages nor calls of tools are kept."""
    recording = run(charging)
    assert (recording.messages_in, recording.tool_calls) == (None, [])


def test_a_handler_that_goes_on_is_left():
    """What a handler started and never ended is found when all has come to rest."""

    async def hold(message: Any, ctx: Any) -> Any:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    policy = NodePolicy(timeout_s=0.2, cancel_grace_s=0.1)
    load = {"stages": [{"for": "1s", "rate": "1/s"}]}
    recording = run(lambda: create(Node(hold, name="hold", policy=policy).to()), load=load)
    assert (recording.residue or {})["handlers left behind"] == 1
    assert sum(metric(recording, "state.residue")) == 1
