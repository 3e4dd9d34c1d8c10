"""What callers do: users who wait, callers who give up, call off and ask again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from flows_for_tests import echoing, run

from penguiflow import Node, NodePolicy, create

ONE = {"stages": [{"for": "1s", "rate": "1/s"}]}


def slow_flow() -> Any:
    """A flow that takes 2 s and then has an effect."""

    async def work(message: Any, ctx: Any) -> Any:
        await asyncio.sleep(2)
        await ctx.effect("charge", key=str(message.payload))
        return message

    return create(Node(work, name="work", policy=NodePolicy(validate="none", concurrency=50)).to())


def failing_flow() -> Any:
    """A flow that changes what it was given, then fails."""

    async def work(message: Any, ctx: Any) -> Any:
        await ctx.effect("charge", key=str(message.payload))
        message.payload["seen"] = True
        raise ValueError

    return create(Node(work, name="work", policy=NodePolicy(validate="none")).to(), emit_errors_to_rookery=True)


def asked(recording: Any) -> list[tuple[str, str, int, float, str]]:
    return [(one.trace_id, one.order, one.client_attempt, one.arrival_s, one.outcome) for one in recording.requests]


def test_a_user_of_a_closed_load_waits_for_the_answer_and_thinks():
    """One user whose answers take 2 s and who thinks for 1 s asks every 3 s, until its stage is over."""
    load = {"model": "closed", "think": "1s", "stages": [{"for": "8s", "users": 1}]}

    recording = run(slow_flow, load=load)

    assert [one.arrival_s for one in recording.requests] == [0.0, 3.0, 6.0]
    assert [one.trace_id for one in recording.requests] == ["load-0-0", "load-0-1", "load-0-2"]
    assert recording.never_arrived == 0


def test_a_stage_says_how_many_users_are_there():
    """Users come with the stage that has them, those who stay go on, and those who are too many begin nothing more."""
    stages = [{"for": "10s", "users": 1}, {"for": "10s", "users": 3}, {"for": "10s", "users": 0}]
    load = {"model": "closed", "think": "1s", "stages": stages}

    recording = run(slow_flow, load=load)

    by_user = Counter(one.trace_id.split("-")[1] for one in recording.requests)
    assert by_user == {"0": 7, "1": 4, "2": 4}
    assert max(one.arrival_s for one in recording.requests) < 20


def test_a_user_has_its_own_requests_whatever_the_others_do():
    """What a user's n-th request carries does not depend on how many users there are."""

    def carried(users: int) -> list[str]:
        load = {
            "model": "closed", "think": {"dist": "exponential", "median": "1s"},
            "stages": [{"for": "20s", "users": users}],
        }  # fmt: skip
        return [effect.key for effect in run(slow_flow, load=load).effects if effect.trace_id.startswith("load-0-")]

    assert carried(1) == carried(3)[: len(carried(1))]
    assert len(carried(1)) > 3


def test_a_slow_flow_gets_less_of_a_closed_load_and_all_of_an_open_one():
    """Latency in an open load counts from the intended arrival: a flow that falls behind cannot hide it."""
    policy = NodePolicy(validate="none")

    def build() -> Any:
        async def work(message: Any, ctx: Any) -> Any:
            await asyncio.sleep(2)
            return message

        return create(Node(work, name="work", policy=policy).to(), queue_maxsize=1)

    recording = run(build, load={"stages": [{"for": "10s", "rate": "1/s"}]})

    assert [one.arrival_s for one in recording.requests] == [float(second) for second in range(10)]
    assert [one.latency_s for one in recording.requests] == [2.0 + second for second in range(10)]


def test_a_caller_that_gives_up_is_told_no_and_what_happens_later_is_a_zombie():
    """The flow is told nothing, works on, and its effect finds nobody waiting."""
    recording = run(slow_flow, load={**ONE, "client": {"give_up_after": "500ms"}})

    assert asked(recording) == [("load-0", "order-0", 1, 0.0, "deadline")]
    assert recording.requests[0].ended_s == 0.5
    assert [(effect.at_s, effect.gone) for effect in recording.effects] == [(2.0, "gave_up")]


def test_a_deadline_before_the_end_of_patience_decides():
    """A caller waits no longer than its deadline, however patient it is."""
    recording = run(slow_flow, load={**ONE, "deadline": "1s", "client": {"give_up_after": "5s"}})

    assert recording.requests[0].ended_s == pytest.approx(1.0, abs=0.002)
    assert recording.effects == []


def test_a_caller_asks_again_for_the_same_order_in_a_new_trace():
    """Each further request has the same order and payload, a trace of its own, and comes after a longer wait."""
    client = {"give_up_after": "500ms", "resubmit": {"times": 2, "after": "1s", "factor": 3}}

    recording = run(slow_flow, load={**ONE, "client": client})

    assert asked(recording) == [
        ("load-0", "order-0", 1, 0.0, "deadline"),
        ("load-0.2", "order-0", 2, 1.5, "deadline"),
        ("load-0.3", "order-0", 3, 5.0, "deadline"),
    ]
    assert len({effect.key for effect in recording.effects}) == 1
    assert len(recording.effects) == 3


def test_what_a_handler_changes_in_its_payload_does_not_reach_the_next_request():
    """A caller sends what it sent before, not what the flow made of it."""
    recording = run(failing_flow, load={**ONE, "client": {"resubmit": {"times": 1}}})

    assert [effect.key for effect in recording.effects] == ["{'request': 0}"] * 2


def test_a_caller_with_its_answer_does_not_ask_again():
    """Only failures are asked again."""
    recording = run(echoing, load={**ONE, "client": {"resubmit": {"times": 3}}})

    assert [one.client_attempt for one in recording.requests] == [1]


def test_full_jitter_spreads_the_waits():
    """Callers that fail together come back at different times, no later than the wait says."""
    resubmit = {"times": 1, "after": "10s", "jitter": "full"}
    load = {"arrival": "burst", "stages": [{"for": "1s", "size": 20, "every": "1s"}], "client": {"resubmit": resubmit}}

    back_s = [one.arrival_s for one in run(failing_flow, load=load).requests if one.client_attempt == 2]

    assert len(set(back_s)) == 20
    assert 0 <= min(back_s) < 2
    assert 8 < max(back_s) <= 10


def test_a_request_that_is_called_off_is_cancelled_in_the_flow():
    """The caller is gone at once, does not ask again, and the flow stops working on it."""
    client = {"cancel": {"after": "500ms"}, "resubmit": {"times": 3}}

    recording = run(slow_flow, load={**ONE, "client": client})

    assert asked(recording) == [("load-0", "order-0", 1, 0.0, "cancelled")]
    assert recording.requests[0].ended_s == 0.5
    assert recording.effects == []


def test_some_callers_cancel_by_chance():
    """A chance of one half calls off about half of the requests, the same ones for the same seed."""
    load = {"stages": [{"for": "100s", "rate": "1/s"}], "client": {"cancel": {"after": "500ms", "chance": 0.5}}}

    recording = run(slow_flow, load=load, horizon="400s")
    outcomes = Counter(one.outcome for one in recording.requests)

    assert 30 < outcomes["cancelled"] < 70
    assert outcomes["cancelled"] + outcomes["ok"] == 100
    assert run(slow_flow, load=load, horizon="400s").digest == recording.digest


def test_a_tenant_may_have_a_deadline_of_its_own():
    """The deadline of a tenant stands in for that of the load."""
    tenants = {"hasty": {"deadline": "1s"}, "patient": {}}
    load = {"deadline": "5s", "stages": [{"for": "10s", "rate": "1/s"}]}

    recording = run(echoing, load=load, tenants=tenants)
    allowed = {(one.tenant, round(one.deadline_s - one.arrival_s, 6)) for one in recording.requests}

    assert allowed == {("hasty", 1.0), ("patient", 5.0)}
