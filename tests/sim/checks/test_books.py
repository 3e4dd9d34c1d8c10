"""Whether the books of a run balance."""

from __future__ import annotations

import pytest
from made_recordings import ANY, judge_check, record, request, span

from sim.checks.metrics import measure
from sim.checks.windows import WHOLE
from sim.model.limits import NodeLimits
from sim.model.recording import Stuck, ToolCall
from sim.model.scenario import CheckWhere


def values(metric, recording, where=ANY, interval=WHOLE):
    return list(measure(metric, recording, where, interval).values)


def the_finding(metric, recording, **where):
    check = judge_check({"id": "books", "metric": metric, "max": 0, "where": where}, recording)
    assert check.verdict == "fail"
    return check.findings[0]


OPEN = [request("t1", 0.0, None), request("t2", 0.0, 1.0)]


def test_an_open_request_is_stuck_or_lost():
    """Cut off at the horizon or where nothing moves it is stuck; where all came to rest it is lost."""
    assert values("traces.lost", record(requests=OPEN)) == [1.0, 0.0]
    assert values("traces.stuck", record(requests=OPEN)) == [0.0, 0.0]
    for cut_off in ({"horizon_reached": True}, {"stuck": Stuck(3.0, "nothing is ready")}):
        assert values("traces.stuck", record(requests=OPEN, **cut_off)) == [1.0, 0.0]
        assert values("traces.lost", record(requests=OPEN, **cut_off)) == [0.0, 0.0]


def test_an_open_request_is_shown():
    """The finding names the request and what it means."""
    assert the_finding("traces.lost", record(requests=OPEN)).summary.startswith(
        "t1 of acme, which arrived at 0.00 s, never"
    )
    stuck = the_finding("traces.stuck", record(requests=OPEN, horizon_reached=True))
    assert "was still open when the run was cut off" in stuck.summary


def test_what_is_left_counts_one_by_one():
    """Each thing left is one; a subject that does not tell gives no samples, and so no pass."""
    left = record(residue={"open traces": 2, "messages in queues": 0})
    assert sum(values("state.residue", left)) == 2
    assert values("state.residue", record(residue={"open traces": 0})) == [0.0]
    assert values("state.residue", record()) == []
    assert the_finding("state.residue", left).summary.startswith("2 open traces when every request had ended")


BEGUN = [span(), span(trace_id="t2"), span("waiting", result="deadline", trace_id="t3")]


@pytest.mark.parametrize(
    ("came_in", "cut_off", "off"),
    [(3, False, False), (4, False, True), (2, False, True), (4, True, False), (2, True, True)],
)
def test_messages_are_conserved(came_in, cut_off, off):
    """What came in was begun or dropped; only in a run that was cut off may some be under way."""
    recording = record(spans=BEGUN, messages_in={"charge": came_in}, horizon_reached=cut_off)
    assert values("invariants.conservation", recording, CheckWhere(node="charge")) == [float(off)]


def test_messages_that_do_not_add_up_are_shown():
    """The finding has the whole balance of the node; without a count there is none."""
    finding = the_finding("invariants.conservation", record(spans=BEGUN, messages_in={"charge": 5}), node="charge")
    assert finding.summary == "5 messages came in before charge, it began 2 and dropped 1: 2 vanished"
    assert values("invariants.conservation", record(spans=BEGUN)) == []


LIMITS = {"charge": NodeLimits(timeout_s=1.0, max_retries=1, cancel_grace_s=0.5)}


def test_attempts_stay_within_the_policy():
    """The attempt after the last that is allowed is one too many; nodes without a policy are not judged."""
    spans = [span(attempt=1), span(attempt=2), span(attempt=3), span(attempt=9, node="price")]
    recording = record(requests=[request()], spans=spans, limits=LIMITS)
    assert values("invariants.executions", recording) == [0.0, 0.0, 1.0]
    finding = the_finding("invariants.executions", recording)
    assert finding.summary == "attempt 3 of charge began, and max_retries=1 allows 2 (trace t1)"


def test_attempts_stay_within_their_timeout():
    """Timeout and grace together bound an attempt, to the microsecond."""
    spans = [span(end_s=1.0), span(end_s=1.5), span(end_s=1.6), span(end_s=9.0, node="price")]
    recording = record(requests=[request()], spans=spans, limits=LIMITS)
    assert values("invariants.timeout_bound", recording) == [0.0, 0.0, 1.0]
    finding = the_finding("invariants.timeout_bound", recording)
    assert finding.summary == "attempt 1 of charge ran for 1.60 s, past timeout_s=1 and cancel_grace_s=0.5 (trace t1)"


def test_deadlines_end_requests():
    """A request that is open after its deadline was not ended by it, whoever ends it then."""
    requests = [
        request("t1", 0.0, 2.001, outcome="deadline", deadline_s=2.0),
        request("t2", 0.0, 2.0, outcome="deadline", deadline_s=2.0, detail="DEADLINE_EXCEEDED"),
        request("t3"),
    ]
    recording = record(requests=requests)
    assert values("invariants.deadline_bound", recording) == [1.0, 0.0]
    assert "still open after its deadline at 2.00 s" in the_finding("invariants.deadline_bound", recording).summary


def test_a_history_with_gaps_is_told():
    """A request is wrong whose store lacks an event; none is judged without a store, or before all has come to rest."""
    requests = [request("t1", 0.0, 1.0), request("t2", 0.0, 2.0), request("t3", 0.0, 3.0, tenant="globex")]
    recording = record(requests=requests, unstored={"t2": 3})
    assert values("invariants.history", recording) == [0.0, 1.0, 0.0]
    finding = the_finding("invariants.history", recording)
    assert "3 events of t2 of acme never reached the store; its caller saw ok (trace t2)" in finding.summary
    assert values("invariants.history", record(requests=requests)) == []
    assert values("invariants.history", record(requests=requests, unstored={}, horizon_reached=True)) == []


def test_deadlines_are_told_apart_by_phase():
    """With a phase, only requests count that were doing this when their deadline passed."""
    late = {"outcome": "deadline", "deadline_s": 2.0}
    recording = record(
        requests=[request(name, 0.0, 2.0, **late) for name in ("q", "r", "b", "u")] + [request("ok")],
        spans=[
            span("waiting", 0.0, 2.0, trace_id="q"),
            span("running", 0.0, 2.0, trace_id="r"),
            span("backoff", 0.0, 2.0, trace_id="b"),
        ],
    )
    for phase, expected in [("queued", "q"), ("running", "r"), ("backoff", "b"), ("blocked", "")]:
        flags = values("trace.deadline_exceeded", recording, CheckWhere(phase=phase))
        assert [one.trace_id for one, flag in zip(recording.requests, flags, strict=True) if flag] == [*expected]


def test_calls_of_a_tool_are_counted_as_they_are_made():
    """Retries of the node and of the caller multiply at the tool, whatever became of each call."""
    requests = [request("a.1", order="a"), request("a.2", order="a", client_attempt=2), request("b", tenant="globex")]
    calls = [ToolCall("charge_card", trace, "charge", 1.0) for trace in ("a.1", "a.1", "a.2", "b", "x")]
    recording = record(requests=requests, tool_calls=[*calls, ToolCall("mail", "b", "charge", 1.0)])
    assert values("attempts.per_request", recording, CheckWhere(tool="charge_card")) == [2.0]
    assert values("attempts.per_request", recording, CheckWhere(tool="charge_card", tenant="acme")) == [3.0]
    assert values("attempts.per_request", recording, CheckWhere(tool="charge_card", node="ship")) == [0.0]


def test_a_service_is_no_tool():
    """Calls of a service count by its name, whatever was asked of it, and never as calls of a tool."""
    calls = [
        ToolCall("POST /charges", "t1", "charge", 1.0, "bank"),
        ToolCall("GET /charges", "t1", "charge", 1.0, "bank"),
    ]
    recording = record(requests=[request()], tool_calls=calls)
    assert values("attempts.per_request", recording, CheckWhere(service="bank")) == [2.0]
    assert values("attempts.per_request", recording, CheckWhere(tool="POST /charges")) == [0.0]
