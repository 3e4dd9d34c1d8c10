"""Which calls a fault may hit."""

from __future__ import annotations

from typing import Any

import pytest

from penguiflow import Call
from sim.faults.matching import Trigger, address_of, where_matches
from sim.kernel import Draws
from sim.model.recording import FaultCount
from sim.model.scenario import LatencyFault, Where


def call(**fields: Any) -> Call:
    known: dict[str, Any] = {
        "act": "attempt", "node": "pay", "name": None, "trace_id": "load-1",
        "tenant": "acme", "attempt": 0, "occurrence": 0,
    }  # fmt: skip
    return Call(**{**known, **fields})


def latency(**fields: Any) -> LatencyFault:
    return LatencyFault.model_validate({"id": "slow", "kind": "latency", "delay": "1s", **fields})


def trigger(fault: LatencyFault, seed: int = 1, **options: Any) -> tuple[Trigger, FaultCount]:
    count = FaultCount()
    return Trigger(fault, Draws(seed), count, **options), count


@pytest.mark.parametrize(
    ("where", "matches"),
    [
        ({}, True),
        ({"node": "pay"}, True),
        ({"node": "ship"}, False),
        ({"tenant": "acme"}, True),
        ({"tenant": "globex"}, False),
        ({"attempt": 1}, True),
        ({"attempt": 2}, False),
        ({"call": 1}, True),
        ({"call": 2}, False),
        ({"tool": "charge_card"}, False),
    ],
)
def test_every_given_key_has_to_match(where, matches):
    """A call is hit only if every key of `where` fits, attempts and calls being counted from 1."""
    assert where_matches(Where.model_validate(where), call()) is matches


def test_a_tool_is_looked_for_among_tool_calls():
    """`where: {tool: ...}` means calls of that tool, and nothing else."""
    where = Where(tool="charge_card")
    assert where_matches(where, call(act="tool", name="charge_card"))
    assert not where_matches(where, call(act="tool", name="refund_card"))


def test_a_fault_is_armed_inside_its_window_only():
    """The window holds its start and not its end."""
    fires, count = trigger(latency(window={"from": "10s", "for": "5s"}))
    assert [fires.fires(call(), at_s) for at_s in (9.999, 10.0, 14.999, 15.0)] == [False, True, True, False]
    assert (count.matched, count.fired) == (2, 2)


def test_chance_zero_matches_and_never_fires():
    """`chance: 0` counts what it could have hit and hits nothing."""
    fires, count = trigger(latency(chance=0))
    assert not any(fires.fires(call(trace_id=f"load-{n}"), 0.0) for n in range(50))
    assert (count.matched, count.fired) == (50, 0)


def test_chance_is_drawn_by_address_and_not_by_order():
    """The same call is hit or spared alike, whatever was asked before."""
    calls = [call(trace_id=f"load-{n}") for n in range(200)]
    forward, _ = trigger(latency(chance=0.3))
    backward, _ = trigger(latency(chance=0.3))
    one_way = [forward.fires(each, 0.0) for each in calls]
    other_way = [backward.fires(each, 0.0) for each in reversed(calls)]
    assert one_way == other_way[::-1]
    assert 30 < sum(one_way) < 90


def test_two_faults_draw_apart():
    """The id of a fault is part of the address, so that two faults with one chance hit different calls."""
    calls = [call(trace_id=f"load-{n}") for n in range(200)]
    one, _ = trigger(latency(chance=0.5))
    other, _ = trigger(latency(chance=0.5, id="slower"))
    assert [one.fires(each, 0.0) for each in calls] != [other.fires(each, 0.0) for each in calls]


def test_hits_beyond_the_maximum_are_suppressed_and_counted():
    """`max_fires` bounds the hits of a run, and the rest is counted as suppressed."""
    fires, count = trigger(latency(max_fires=2))
    assert [fires.fires(call(trace_id=f"load-{n}"), 0.0) for n in range(4)] == [True, True, False, False]
    assert (count.matched, count.fired, count.suppressed) == (4, 2, 2)


def test_an_address_says_where_a_call_is_and_not_when():
    """Two calls that differ in any part of their identity have different addresses."""
    base = call()
    others = [
        call(act="tool"), call(node="ship"), call(name="x"), call(trace_id="load-2"),
        call(tenant="globex"), call(attempt=1), call(occurrence=1),
    ]  # fmt: skip
    assert len({address_of(each) for each in (base, *others)}) == 8
    assert address_of(base) == address_of(call(value={"anything": 1}))
