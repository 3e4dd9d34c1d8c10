"""Where a request was at every moment, and whose work stood before it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import judge_check, record, request, span

from sim.checks.whereabouts import life_of, stay_at
from sim.model.limits import NodeLimits
from sim.model.recording import Fire

IN_TIME = {"id": "in-time", "metric": "trace.timeouts", "max": 0}
TIMES = st.integers(0, 200).map(lambda tick: tick / 10)
SPANS = st.builds(
    lambda kind, start_s, length_s, node: span(kind, start_s, start_s + length_s, node=node),
    st.sampled_from(["waiting", "running", "backoff", "blocked"]),
    TIMES,
    TIMES,
    st.sampled_from(["price", "charge", "ship"]),
)


@given(arrival_s=TIMES, length_s=st.none() | TIMES, spans=st.lists(SPANS, max_size=8))
def test_a_life_has_no_gap(arrival_s, length_s, spans):
    """Whatever was seen of a request, its stretches follow each other from its arrival to its end."""
    ended_s = None if length_s is None else arrival_s + length_s
    end_s = 40.0 if ended_s is None else ended_s
    life = life_of(request("t1", arrival_s, ended_s), spans, 40.0)

    assert all(one.end_s == other.start_s for one, other in pairwise(life))
    assert all(stay.seconds > 0 and stay.node for stay in life)
    if end_s > arrival_s:
        assert (life[0].start_s, life[-1].end_s) == (arrival_s, end_s)
    else:
        assert life == ()


def test_a_request_that_runs_anywhere_does_not_wait():
    """Of several branches at once, the one at work counts."""
    spans = [span("waiting", 0.0, 3.0, node="ship"), span("running", 1.0, 2.0, node="charge")]
    life = life_of(request("t1", 0.0, 3.0), spans, 9.0)
    assert [(stay.kind, stay.node, stay.seconds) for stay in life] == [
        ("waiting", "ship", 1.0), ("running", "charge", 1.0), ("waiting", "ship", 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spans", "place"),
    [
        ([], "before any node"),
        ([span(start_s=0.0, end_s=4.0)], "after charge"),
        ([span(start_s=1.0, end_s=4.0)], "before charge"),
        ([span(start_s=0.0, end_s=1.0, node="price"), span(start_s=2.0, end_s=4.0)], "between price and charge"),
    ],
)
def test_a_gap_is_named(spans, place):
    """Time at no node is told by the nodes around it."""
    end_s = 4.0 if place.startswith("b") else 5.0
    assert [stay.node for stay in life_of(request("t1", 0.0, end_s), spans, 9.0) if stay.kind == "unseen"] == [place]


def test_a_moment_between_two_stretches_belongs_to_the_first():
    """What was done up to the deadline is what the deadline ended."""
    life = life_of(request("t1", 0.0, 3.0), [span("waiting", 0.0, 1.0), span("running", 1.0, 3.0)], 9.0)
    assert [stay_at(life, at_s).kind for at_s in (0.5, 1.0, 1.1, 7.0)] == ["waiting", "waiting", "running", "running"]
    assert stay_at((), 1.0) is None


LATE = request("t1", 0.0, 2.0, outcome="deadline", deadline_s=2.0)


@pytest.mark.parametrize(
    ("spans", "sentence"),
    [
        (
            [span("waiting", 0.5, 2.0), span(start_s=0.0, end_s=0.5, node="price")],
            (
                "It expired while queued at charge, for 1.50 s, behind t2 of globex (running there for 1.25 s, "
                "hit by slow (late by 1 s)) and 1 other."
            ),
        ),
        (
            [span("running", 0.0, 2.0, attempt=2)],
            "It expired while running in charge, attempt 2 of 4, since 0.00 s.",
        ),
        ([span("backoff", 1.0, 2.0, attempt=2)], "It expired in backoff before attempt 3 of charge, since 1.00 s."),
        (
            [span("blocked", 0.0, 2.0, node="price")],
            (
                "It expired while blocked at price, which found no room downstream, for 2.00 s, behind t3 of acme "
                "(backing off at charge for 1.50 s) and 1 other."
            ),
        ),
        (
            [span("blocked", 0.0, 2.0, node="ingress")],
            "It expired while blocked before the flow, which had no room for it, for 2.00 s.",
        ),
        (
            [span("running", 0.0, 1.0)],
            (
                "It expired where no node had it, after charge, since 1.00 s: "
                "held by a join, or taken over by work outside its trace."
            ),
        ),
    ],
)
def test_a_timeout_comes_with_its_cause(spans, sentence):
    """One sentence says what the request did when its time ran out, and behind whom."""
    others = [
        span("running", 0.5, 1.75, trace_id="t2"),
        span("running", 1.75, 2.0, trace_id="t3"),
        span("backoff", 0.25, 1.75, trace_id="t3"),
    ]
    recording = record(
        requests=[LATE, request("t2", tenant="globex"), request("t3")],
        spans=[*spans, *others],
        edges=(("price", "charge"),),
        limits={"charge": NodeLimits(max_retries=3)},
        fires=[Fire("slow", 0.5, "attempt/charge//globex/t2/0/0", "late by 1 s")],
    )
    (finding,) = judge_check(IN_TIME, recording).findings
    assert finding.cause.startswith(f"{sentence} ")


def test_who_never_heard_anything_still_waits():
    """A request without an end did not expire."""
    recording = record(end_s=9.0, requests=[request("t1", 0.0, None)], spans=[span(start_s=0.0, end_s=9.0)])
    (finding,) = judge_check(IN_TIME, recording).findings
    assert finding.cause.startswith("It waited while running in charge, attempt 1, since 0.00 s.")
