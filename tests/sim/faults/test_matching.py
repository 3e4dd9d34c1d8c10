"""Which calls a fault may hit."""

from __future__ import annotations

from typing import Any

import pytest
from one_call import call

from sim.faults.matching import Trigger, act_of, address_of, where_matches
from sim.kernel import Draws
from sim.model.recording import FaultCount
from sim.model.scenario import LatencyFault, Where


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


TOOL = {"act": "tool", "name": "charge_card"}
SENT = {"act": "send", "name": "ship"}
ASKED = {"act": "tool", "name": "POST /charges", "service": "bank"}


@pytest.mark.parametrize(
    ("where", "fields", "act", "matches"),
    [
        ({"trace": "load-1"}, {}, None, True),
        ({"trace": "load-2"}, {}, None, False),
        ({"attempt": 2, "call": 3}, {"attempt": 1, "occurrence": 2}, None, True),
        ({"node": "pay", "tool": "charge_card"}, TOOL, None, True),
        ({"node": "ship", "tool": "charge_card"}, TOOL, None, False),
        ({}, TOOL, None, False),
        ({}, TOOL, "tool", True),
        ({"edge": "pay->ship"}, SENT, None, True),
        ({"edge": " pay -> ship "}, SENT, None, True),
        ({"edge": "ship->pay"}, SENT, None, False),
        ({"edge": "pay->bill"}, SENT, None, False),
        ({"edge": "pay->ship"}, {**SENT, "act": "store"}, None, False),
        ({"node": "ship"}, SENT, "send", True),
        ({"node": "pay"}, SENT, "send", False),
        ({"service": "bank"}, ASKED, None, True),
        ({"service": "bank", "tool": "POST /charges"}, ASKED, None, True),
        ({"service": "bank", "tool": "GET /charges"}, ASKED, None, False),
        ({"service": "post"}, ASKED, None, False),
        ({"tool": "POST /charges"}, ASKED, None, False),
        ({"service": "bank"}, TOOL, None, False),
    ],
)
def test_every_kind_of_act_is_matched_by_what_names_it(where, fields, act, matches):
    """A send by its edge or the node it goes to, a tool by its name, a service by its own; `act` where that is open."""
    assert where_matches(Where.model_construct(**where), call(**fields), act) is matches


@pytest.mark.parametrize(
    ("where", "act"),
    [({}, "attempt"), ({"node": "pay"}, "attempt"), ({"tool": "x"}, "tool"), ({"service": "x"}, "tool"),
     ({"edge": "a->b"}, "send")],
)  # fmt: skip
def test_where_says_what_kind_of_act_is_meant(where, act):
    """An edge means messages, a tool or a service means calls of it, anything else means attempts."""
    assert act_of(Where.model_construct(**where)) == act


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


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({}, ("attempt", "pay", "", "acme", "load-1", 0, 0)),
        (TOOL | {"attempt": 2, "occurrence": 1}, ("tool", "pay", "charge_card", "acme", "load-1", 2, 1)),
        (ASKED, ("tool", "pay", "bank", "POST /charges", "acme", "load-1", 0, 0)),
        ({"act": "store", "node": None, "tenant": None, "trace_id": None}, ("store", "", "", "", "", 0, 0)),
    ],
)
def test_an_address_is_spelt_the_same_for_ever(fields, address):
    """Draws are made at these addresses: another spelling would give every old seed other faults."""
    assert address_of(call(**fields)) == address


def test_a_share_is_drawn_apart_from_the_chance():
    """`share` spares calls that `chance` would hit, by a draw of its own, so that both together are their product."""
    calls = [call(trace_id=f"load-{n}") for n in range(400)]

    def hit(fault: LatencyFault, **options: Any) -> list[bool]:
        fires, _ = trigger(fault, **options)
        return [fires.fires(each, 0.0) for each in calls]

    chance, share = hit(latency(chance=0.5)), hit(latency(), share=0.5)
    both = hit(latency(chance=0.5), share=0.5)
    assert both == [one and other for one, other in zip(chance, share, strict=True)]
    assert 150 < sum(chance) < 250 > sum(share) > 150
    assert 60 < sum(both) < 140
    assert not any(hit(latency(), share=0.0))


def test_draws_of_a_fault_stand_at_its_own_address():
    """Whether a call is hit is the draw at `chance` (or `share`), the fault's id and the call's address."""
    calls = [call(trace_id=f"load-{n}") for n in range(50)]
    by_chance, by_share = trigger(latency(chance=0.5))[0], trigger(latency(), share=0.5)[0]
    for each in calls:
        assert by_chance.fires(each, 0.0) == Draws(1).chance(0.5, "chance", "slow", *address_of(each))
        assert by_share.fires(each, 0.0) == Draws(1).chance(0.5, "share", "slow", *address_of(each))


def test_a_fault_may_say_itself_what_it_hits():
    """Where `where` leaves the kind of act open, the kind of fault decides."""
    fires, _ = trigger(latency(), act="send")
    assert fires.act == "send"
    assert [fires.fires(call(**fields), 0.0) for fields in (SENT, TOOL, {})] == [True, False, False]
    assert trigger(latency(where={"tool": "x"}))[0].act == "tool"
