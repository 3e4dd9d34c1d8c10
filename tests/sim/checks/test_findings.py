"""The concrete things that broke a promise, and their stories."""

from __future__ import annotations

import dataclasses

import pytest
from made_recordings import (
    LATENCY,
    PROBE,
    depths,
    effect,
    judge,
    judge_check,
    make_scenario,
    record,
    request,
    sighting,
    span,
)

from sim.checks.story import MOMENTS_MAX
from sim.model.recording import Fire, Stuck

ONCE = {"id": "charge-once", "metric": "effects.duplicates", "max": 0}
IN_TIME = {"id": "in-time", "metric": "trace.timeouts", "max": 0}


def the_finding(check, recording, **kwargs):
    (finding,) = judge_check(check, recording, **kwargs).findings
    return finding


def test_a_duplicate_names_key_attempts_times_and_trace():
    """One line says what took effect twice, which attempts, when, and where."""
    recording = record(effects=[effect(40.12, "t1/charge"), effect(41.2, "t1/charge", attempt=2)])
    finding = the_finding(ONCE, recording)
    assert finding.summary == (
        "charge_card key t1/charge took effect twice: attempt 1 at 40.12 s and attempt 2 at 41.20 s "
        "(trace t1, node charge)"
    )
    assert (finding.kind, finding.trace_id, finding.node, finding.at_s) == ("duplicate_effect", "t1", "charge", 41.2)
    assert "retry ran charge again" in finding.cause
    assert "ctx.once" in finding.fix


@pytest.mark.parametrize(
    ("repeat", "summary", "cause"),
    [
        ({"trace_id": "t2"}, "(traces t1 and t2, node charge)", "asked again in another trace"),
        ({"node": "ship"}, "charge attempt 1 at 1.00 s and ship attempt 1 at 2.00 s (trace t1)", "Two nodes"),
        ({}, "attempt 1 at 1.00 s and attempt 1 at 2.00 s", "One attempt of charge carried out charge_card twice"),
    ],
)
def test_a_duplicate_says_how_it_came_about(repeat, summary, cause):
    """A repeat in another trace, another node or the same attempt has a cause of its own."""
    finding = the_finding(ONCE, record(effects=[effect(1.0), effect(2.0, **repeat)]))
    assert summary in finding.summary
    assert cause in finding.cause


def test_a_key_that_is_not_made_of_its_trace_is_told_by_its_digest():
    """It may be made of what the caller sent, and no report holds that; equal keys still look equal."""
    finding = the_finding(ONCE, record(effects=[effect(1.0, "ada@example"), effect(2.0, "ada@example", attempt=2)]))
    assert finding.summary.startswith("charge_card key with digest faf17091 took effect twice")
    assert "ada" not in finding.model_dump_json()


def test_a_duplicate_without_a_key_says_so():
    """Where there is no key, the line does not invent one."""
    finding = the_finding(ONCE, record(effects=[effect(1.0, None), effect(2.0, None, attempt=2)]))
    assert finding.summary.startswith("charge_card without a key took effect twice: attempt 1")


def test_at_most_three_findings_a_seed_and_the_earliest():
    """Of many repeats in one seed, the first three in time are told."""
    effects = [effect(float(at_s), attempt=at_s) for at_s in range(1, 9)]
    check = judge_check(ONCE, record(effects=effects))
    assert check.value == 7
    assert [finding.at_s for finding in check.findings] == [2.0, 3.0, 4.0]


def test_a_sweep_tells_the_first_seed_whole_and_then_one_each():
    """Findings over a sweep: those of the first failing seed, then the first of the next ones, six at most."""
    effects = [effect(float(at_s)) for at_s in range(1, 9)]
    check = judge_check(ONCE, *[record(seed, effects=effects) for seed in range(1, 10)])
    assert [finding.seed for finding in check.findings] == [1, 1, 1, 2, 3, 4]


def test_a_zombie_says_when_the_caller_gave_up():
    """The line names the effect and the end of the wait before it."""
    recording = record(
        requests=[request("t1", 0.0, 2.001, deadline_s=2.0, outcome="deadline")],
        effects=[effect(2.5, gone="deadline")],
    )
    finding = the_finding({"id": "z", "metric": "effects.zombies", "max": 0}, recording)
    assert finding.kind == "zombie_effect"
    assert "took effect at 2.50 s, after its deadline at 2.00 s (trace t1, node charge" in finding.summary
    assert "timeout_s times the attempts of charge" in finding.fix


def test_an_effect_after_the_answer_is_a_zombie_of_another_kind():
    """A caller that had its answer has not given up."""
    recording = record(requests=[request("t1", 0.0, 2.0)], effects=[effect(2.5, gone="answered")])
    finding = the_finding({"id": "z", "metric": "effects.zombies", "max": 0}, recording)
    assert "after the caller had its answer at 2.00 s" in finding.summary


def test_an_unkeyed_effect_names_its_node():
    """The way out is the key that is missing."""
    finding = the_finding({"id": "u", "metric": "effects.unkeyed", "max": 0}, record(effects=[effect(2.5, None)]))
    assert finding.kind == "unkeyed_effect"
    assert finding.summary == (
        "charge_card took effect without a key, once, first at 2.50 s (trace t1, node charge, attempt 1)"
    )
    assert "ctx.idempotency_key('charge_card')" in finding.fix


def test_a_timeout_says_where_the_time_went():
    """The line lists the longest stretches up to the end and names the longest."""
    recording = record(
        requests=[request("t1", 10.0, 12.0, outcome="deadline", deadline_s=12.0)],
        spans=[span(start_s=10.0, end_s=10.1, node="price"), span("waiting", 10.1, 12.5)],
        depths=depths("charge", (10.0, 7)),
    )
    finding = the_finding(IN_TIME, recording)
    assert finding.summary == (
        "t1 of acme got no answer within 2.00 s: waited 1.90 s at charge, ran 0.10 s at price; most: queued at charge "
        "(trace t1)"
    )
    assert (finding.kind, finding.node, finding.at_s) == ("timeout", "charge", 12.0)
    assert finding.cause == (
        "It expired while queued at charge, for 1.90 s. "
        "charge is saturated: messages queue before it (up to 7 of at most 8)."
    )


@pytest.mark.parametrize(
    ("kind", "words", "cause"),
    [
        ("running", "ran 2.00 s at charge", "What charge depends on answers late; it ran once"),
        ("backoff", "backed off 2.00 s at charge", "Retries use up the time: charge ran 0 times"),
        ("blocked", "was blocked 2.00 s at charge", "no room downstream"),
        ("waiting", "waited 2.00 s at charge", "charge is saturated: messages queue before it."),
    ],
)
def test_the_cause_follows_where_the_time_went(kind, words, cause):
    """Slow work, retries, a full queue behind and a full queue before have their own cause."""
    recording = record(requests=[request("t1", 0.0, 2.0, outcome="deadline")], spans=[span(kind, 0.0, 2.0)])
    finding = the_finding(IN_TIME, recording)
    assert words in finding.summary
    assert cause in finding.cause


def test_a_request_that_no_node_worked_on():
    """Where there are no spans, the line says that nothing was done."""
    finding = the_finding(IN_TIME, record(end_s=9.0, requests=[request("t1", 0.0, None)]))
    assert "was still waiting after 9.00 s, at the end of the run: no node ever worked on it" in finding.summary
    assert finding.node is None


@pytest.mark.parametrize(
    ("metric", "outcome", "kind", "words"),
    [
        ("trace.deadline_exceeded", "deadline", "deadline", "got no answer within 2.00 s"),
        ("trace.errors", "error", "error", "failed after 2.00 s with NODE_TIMEOUT"),
        ("trace.errors", "no_result", "error", "ended without a result after 2.00 s"),
    ],
)
def test_deadlines_and_errors_have_their_own_kind(metric, outcome, kind, words):
    """The metric implies the kind of its findings."""
    recording = record(requests=[request("t1", 0.0, 2.0, outcome=outcome, detail="NODE_TIMEOUT")])
    finding = the_finding({"id": "c", "metric": metric, "max": 0}, recording)
    assert finding.kind == kind
    assert words in finding.summary


def test_a_latency_finding_shows_the_slowest():
    """A broken latency shows the three slowest requests, in the order of their arrival."""
    check = {"id": "fast", "metric": "trace.latency", "stat": "p99", "max": "400ms"}
    requests = [request(f"t{n}", float(n), n + latency_s) for n, latency_s in enumerate([3.0, 0.1, 2.0, 1.0, 9.0])]
    findings = judge_check(check, record(requests=requests)).findings
    assert [finding.trace_id for finding in findings] == ["t0", "t2", "t4"]
    assert findings[0].kind == "threshold"
    assert "had its answer after 3.00 s" in findings[0].summary
    assert "the promise is p99 <= 400 ms" in findings[0].summary


def test_a_cancelled_request_is_told_as_such():
    """A slow request that was cancelled did not have its answer."""
    check = {"id": "fast", "metric": "trace.latency", "stat": "max", "max": "400ms"}
    finding = the_finding(check, record(requests=[request("t1", 0.0, 2.0, outcome="cancelled")]))
    assert "t1 of acme was cancelled after 2.00 s" in finding.summary


def test_an_amplification_names_the_node():
    """The node with the most calls per order is named, with both numbers."""
    check = {"id": "calls", "metric": "attempts.per_request", "stat": "max", "max": 2}
    recording = record(requests=[request()], spans=[span(attempt=attempt) for attempt in (1, 2, 3)])
    finding = the_finding(check, recording)
    assert (finding.kind, finding.node) == ("threshold", "charge")
    assert finding.summary == "charge had 3 calls for 1 request, 3 each; the promise is max <= 2 x"


def test_a_deep_queue_names_the_moment():
    """The deepest moment of the stretch is named with its bound."""
    check = {"id": "queues", "metric": "queue.depth", "stat": "max", "max": 4}
    recording = record(depths=depths("charge", (1.0, 3), (2.0, 8), (3.0, 5)))
    finding = the_finding(check, recording)
    assert (finding.node, finding.at_s) == ("charge", 2.0)
    assert "8 messages of at most 8 waited before charge at 2.00 s" in finding.summary


DRAIN = {"id": "drain", "metric": "recovery.time", "stat": "max", "during": "slow", "max": "2s"}


def test_a_slow_recovery_is_a_threshold():
    """A backlog that drained too late says how long it took."""
    finding = the_finding(DRAIN, record(requests=[request("t1", 15.0, 25.0)]), faults=[LATENCY])
    assert finding.kind == "threshold"
    assert "the backlog took 5.00 s to drain after the window closed at 20.00 s" in finding.summary


def test_a_backlog_that_never_drains_is_metastable():
    """Without a recovery the check fails, however short the rest of the run, and says how many are open."""
    recording = record(end_s=21.0, requests=[request("t1", 15.0, None), request("t2", 16.0, None)])
    finding = the_finding(DRAIN, recording, faults=[LATENCY])
    assert finding.kind == "not_drained"
    assert finding.summary.startswith("metastable: still 2 open at the end, 1.00 s after the window closed at 20.00 s")


def test_a_leak_names_canary_sink_and_seer():
    """Which secret, whose, seen by whom, in which sink and where in it."""
    check = {"id": "no-leak", "metric": "leaks.confirmed", "max": 0}
    finding = the_finding(check, record(sightings=[sighting()]), faults=[PROBE], tenants=("acme", "globex"))
    assert finding.summary == (
        "the canary that peek planted in the payload of acme was seen by globex in egress, at payload.text, at 3.00 s "
        "(trace t1, node answer)"
    )
    assert (finding.kind, finding.tenant, finding.node) == ("leak", "acme", "answer")
    assert "key caches" in finding.fix


def test_a_leak_into_what_everybody_sees_asks_for_redaction():
    """In logs, events, state and labels the way out is to write less."""
    check = {"id": "no-leak", "metric": "leaks.confirmed", "max": 0}
    recording = record(sightings=[sighting(sink="metric_labels", seen_by=None, trace_id=None, node=None)])
    finding = the_finding(check, recording, faults=[PROBE], tenants=("acme", "globex"))
    assert "was seen by everybody in metric_labels" in finding.summary
    assert finding.fix.startswith("Redact")


def test_a_late_effect_that_was_cut_off_has_perhaps_happened():
    """What was under way when the caller was told no is told as what it is: uncertain."""
    late = dataclasses.replace(effect(2.5, "k"), gone="refused", certain=False)
    finding = the_finding({"id": "z", "metric": "effects.zombies", "max": 0}, record(effects=[late]))
    assert "charge_card was cut off, and has perhaps taken effect, at 2.50 s" in finding.summary


def test_stuck_shows_who_waits_for_whom():
    """The finding has the reason, the ring, and one line for each waiting task."""
    stuck = Stuck(
        7.0, "two tasks wait for each other", ("a at x.py:3 waits for b", "b at x.py:9 waits for a"), ("a", "b")
    )
    result = judge(make_scenario(), record(requests=[request("t1", 0.0, None)], stuck=stuck))
    (finding,) = result.checks[0].findings
    assert finding.summary == (
        "nothing moves from 7.00 s on: two tasks wait for each other; the ring: a -> b -> a (1 caller waiting)"
    )
    assert [moment.text for moment in finding.story if moment.start_s == 7.0] == list(stuck.waits)
    assert (finding.kind, finding.trace_id) == ("stuck", "t1")


def test_stuck_tells_the_ring_before_everything_else():
    """Members of the ring come first in the cause, idle workers are left out, and the advice is about rings."""
    waits = (*(f"other-{n} at x.py:1 waits for Event" for n in range(4)), "idle at x.py:1 waits for a message")
    ring = ("a at x.py:2 waits for room on the edge a -> b", "b at x.py:3 waits for room on the edge b -> a")
    stuck = Stuck(7.0, "2 tasks wait in a ring", (*waits, *ring), ("a", "b"))
    finding = judge(make_scenario(), record(stuck=stuck)).checks[0].findings[0]
    assert "; the ring: a -> b -> a" in finding.summary
    assert f"Waiting: {ring[0]}; {ring[1]}; other-0" in finding.cause
    assert "idle" not in finding.cause
    assert "Break the ring" in finding.fix


def test_a_node_that_takes_no_time_has_worked_all_the_same():
    """A request that fails at once is told with the node that it failed at."""
    recording = record(requests=[request("t1", 0.0, 0.0, outcome="error")], spans=[span("running", 0.0, 0.0)])
    finding = the_finding({"id": "fine", "metric": "trace.errors", "max": 0}, recording)
    assert "ran 0.00 s at charge" in finding.summary
    assert finding.node == "charge"


def test_still_busy_at_the_horizon_is_stuck():
    """A run that its horizon cut off names what was unfinished."""
    recording = record(
        end_s=30.0, requests=[request("t1", 0.0, None)], horizon_reached=True, unfinished=["t1 at charge: running"]
    )
    (finding,) = judge(make_scenario(), recording).checks[0].findings
    assert (
        "still busy at its horizon of 30.00 s: 1 call unfinished, 1 caller waiting; first t1 at charge"
        in finding.summary
    )


def test_lost_requests_are_named():
    """A request without any outcome in a run that went quiet is lost."""
    (finding,) = judge(make_scenario(), record(requests=[request("t1", 4.0, None)])).checks[1].findings
    assert finding.kind == "lost"
    assert finding.summary.startswith("t1 of acme, which arrived at 4.00 s, never had an answer")


def test_a_number_below_its_minimum_shows_itself():
    """A check with `min` has nothing more concrete to show than its number."""
    finding = the_finding(
        {"id": "busy", "metric": "trace.latency", "stat": "count", "min": 5}, record(requests=[request()])
    )
    assert (finding.kind, finding.summary) == ("threshold", "trace.latency count is 1; the promise is >= 5")


def test_a_story_holds_everything_in_order_of_time():
    """Arrival, spans, hits, effects, deadline and answer of the trace stand in one timeline, and of no other trace."""
    recording = record(
        requests=[request("t1", 0.0, 2.0, outcome="deadline", detail="gave up", deadline_s=2.0, client_attempt=2)],
        spans=[
            span("waiting", 0.0, 0.5), span("running", 0.5, 1.0), span("backoff", 1.0, 1.5), span("running", 1.5, 2.5),
            span(trace_id="t2"),
        ],
        effects=[effect(0.9), effect(2.4, attempt=2), effect(2.4, "other", trace_id="t2")],
        fires=[Fire("slow", 0.5, f"attempt/charge//acme/{trace}/0/0", f"late in {trace}") for trace in ("t1", "t2")],
    )  # fmt: skip
    story = the_finding(ONCE, recording).story
    assert [(moment.kind, moment.start_s, moment.attempt, moment.text) for moment in story] == [
        ("arrival", 0.0, None, "t1 of acme, try 2 of its caller"),
        ("waiting", 0.0, 1, ""),
        ("running", 0.5, 1, ""),
        ("fault", 0.5, None, "slow: late in t1"),
        ("effect", 0.9, 1, "charge_card key t1/charge"),
        ("backoff", 1.0, 1, ""),
        ("running", 1.5, 1, ""),
        ("deadline", 2.0, None, ""),
        ("answer", 2.0, None, "deadline gave up"),
        ("effect", 2.4, 2, "charge_card key t1/charge"),
    ]


def test_the_faults_that_hit_the_trace_are_a_part_of_the_cause():
    """Each fault that hit this trace is named once, with its first effect; hits on other traces are not."""
    fires = [
        Fire("slow", 0.2, "attempt/charge//acme/t1/0/0", "late by 1 s"),
        Fire("slow", 1.2, "attempt/charge//acme/t1/1/0", "late by 2 s"),
        Fire("down", 1.5, "tool/charge/charge_card/acme/t1/0/0", "unavailable"),
        Fire("down", 1.6, "tool/charge/charge_card/acme/t12/0/0", "timeout"),
    ]
    finding = the_finding(ONCE, record(effects=[effect(1.0), effect(2.0, attempt=2)], fires=fires))
    assert finding.cause.endswith("does not heed it. Hit by slow (late by 1 s), down (unavailable).")


def test_a_long_story_says_how_much_it_leaves_out():
    """A trace with very many entries is cut, and its last entry says so."""
    spans = [span(start_s=float(n), end_s=n + 0.5, attempt=n) for n in range(100)]
    recording = record(requests=[request("t1", 0.0, None)], spans=spans)
    story = the_finding(IN_TIME, recording).story
    assert len(story) == MOMENTS_MAX
    assert story[-1].text == "(and 41 more)"
