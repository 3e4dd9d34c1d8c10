"""From events to spans, depths and a digest."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from by_hand import Clock, event

from sim.model.recording import INGRESS, JoinIncomplete, Recording
from sim.watch.recorder import MARKS_MAX, STRIDE_MIN, Recorder

if TYPE_CHECKING:
    from penguiflow import FlowEvent


def driven(*steps: tuple[float, FlowEvent], bounds: dict[str, int] | None = None) -> tuple[Recorder, Recording, Clock]:
    """A recorder that has seen these events, its books still open."""
    recording, clock = Recording("s", 1), Clock()
    recorder = Recorder(recording, clock)
    recorder.bounds = bounds or {}
    for at_s, each in steps:
        clock.now_s = at_s
        recorder.observe(each)
    return recorder, recording, clock


def record(*steps: tuple[float, FlowEvent]) -> Recording:
    recorder, recording, clock = driven(*steps)
    recorder.finish(clock.now_s)
    return recording


def spans(recording: Recording) -> list[tuple[str, int, float, float, str]]:
    return [(span.kind, span.attempt, span.start_s, span.end_s, span.result) for span in recording.spans]


def test_waiting_running_and_blocked_time_add_up():
    """A message that waited, ran and found no room downstream has a span for each."""
    recording = record(
        (2.0, event("node_start", queue_wait_ms=500.0)),
        (4.0, event("node_success", emit_wait_ms=750.0)),
    )
    assert spans(recording) == [
        ("waiting", 1, 1.5, 2.0, ""),
        ("running", 1, 2.0, 3.25, "ok"),
        ("blocked", 1, 3.25, 4.0, ""),
    ]


def test_a_retry_is_running_then_backoff_then_running():
    """The time between two attempts is backoff up to the moment the retry is queued again, and waiting after."""
    recording = record(
        (1.0, event("node_start")),
        (1.5, event("node_error")),
        (1.5, event("node_retry", attempt=1, extra={"sleep_s": 0.5})),
        (2.25, event("node_start", attempt=1, queue_wait_ms=250.0)),
        (3.0, event("node_success", attempt=1)),
    )
    assert spans(recording) == [
        ("running", 1, 1.0, 1.5, "error"),
        ("backoff", 1, 1.5, 2.0, ""),
        ("waiting", 2, 2.0, 2.25, ""),
        ("running", 2, 2.25, 3.0, "ok"),
    ]


def test_a_deadline_ends_the_span_it_met():
    """Queued, running and backing off traces each end where the deadline found them."""
    queued = record((2.0, event("deadline_skip", queue_wait_ms=1500.0, extra={"phase": "queued"})))
    running = record((1.0, event("node_start")), (2.0, event("deadline_skip", extra={"phase": "running"})))
    backoff = record(
        (1.0, event("node_start")),
        (1.5, event("node_timeout")),
        (1.5, event("node_retry", attempt=1)),
        (2.0, event("deadline_skip", attempt=1, extra={"phase": "backoff"})),
    )
    assert spans(queued) == [("waiting", 1, 0.5, 2.0, "deadline")]
    assert spans(running) == [("running", 1, 1.0, 2.0, "deadline")]
    assert spans(backoff)[-1] == ("backoff", 1, 1.5, 2.0, "deadline")


def test_what_still_runs_at_the_end_is_unfinished():
    """A run that is cut off says who was still busy."""
    recording = record((1.0, event("node_start")), (9.0, event("node_start", trace_id="load-2", node_name="ship")))
    assert recording.unfinished == ["load-1 at pay: running since 1 s", "load-2 at ship: running since 9 s"]


def test_the_deepest_moment_of_a_queue_is_written_down():
    """A queue is deepest just before its node takes a message, so that moment is sampled."""
    recording = record((1.0, event("node_start", queue_wait_ms=10.0, queue_depth_in=4)))
    assert [(depth.depth, depth.at_s) for depth in recording.depths] == [(5, 1.0), (4, 1.0)]


def test_the_digest_tells_runs_apart_by_time_kind_node_trace_and_attempt():
    """Every fact of an event is in the digest, and equal runs have equal digests."""
    base = record((1.0, event("node_start")))
    assert record((1.0, event("node_start"))).digest == base.digest
    others = [
        record((1.000001, event("node_start"))),
        record((1.0, event("node_error"))),
        record((1.0, event("node_start", node_name="ship"))),
        record((1.0, event("node_start", trace_id="load-2"))),
        record((1.0, event("node_start", attempt=1))),
        record(),
    ]
    assert len({base.digest, *(other.digest for other in others)}) == 7


# -- single rules ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "result"),
    [("node_success", "ok"), ("node_error", "error"), ("node_timeout", "timeout"),
     ("node_trace_cancelled", "cancelled"), ("node_abandoned", "abandoned")],
)  # fmt: skip
def test_every_end_of_an_attempt_has_its_name(end, result):
    """What the runtime calls the end of an attempt, and what the recording calls it."""
    recording = record((1.0, event("node_start")), (2.0, event(end)))
    assert spans(recording) == [("running", 1, 1.0, 2.0, result)]
    assert (recording.spans[0].trace_id, recording.spans[0].node) == ("load-1", "pay")


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([(1.0, "node_success", {})], []),
        ([(1.0, "node_start", {}), (2.0, "node_success", {"attempt": 1})], [("running", 1, 1.0, 2.0, "unfinished")]),
        ([(1.0, "node_start", {}), (2.0, "trace_cancel_drop", {"extra": {"phase": "running"}})],
         [("running", 1, 1.0, 2.0, "cancelled")]),
        ([(1.0, "node_start", {"attempt": 2}), (2.0, "node_trace_cancelled", {})],
         [("running", 3, 1.0, 2.0, "cancelled")]),
        ([(1.0, "deadline_skip", {"extra": {"phase": "running"}})], []),
        ([(1.0, "deadline_skip", {"attempt": 1, "extra": {"phase": "backoff"}})], []),
        ([(1.0, "deadline_skip", {"extra": {"phase": "elsewhere"}})], []),
        ([(1.0, "deadline_skip", {})], []),
        ([(1.0, "trace_cancel_drop", {"extra": {"phase": "queued"}})], [("waiting", 1, 1.0, 1.0, "cancelled")]),
        ([(1.0, "node_retry", {"attempt": 1}),
          (4.0, "deadline_skip", {"attempt": 1, "queue_wait_ms": 1000.0, "extra": {"phase": "queued"}})],
         [("backoff", 1, 1.0, 3.0, ""), ("waiting", 2, 3.0, 4.0, "deadline")]),
        ([(1.0, "node_start", {}), (1.5, "node_start", {}), (2.0, "node_success", {}), (3.0, "node_success", {})],
         [("running", 1, 1.0, 2.0, "ok"), ("running", 1, 1.5, 3.0, "ok")]),
        ([(1.0, "node_start", {}), (1.5, "node_start", {"attempt": 1}), (2.0, "node_error", {"attempt": 1})],
         [("running", 2, 1.5, 2.0, "error"), ("running", 1, 1.0, 2.0, "unfinished")]),
        ([(1.0, "node_retry", {"attempt": 1}), (2.0, "node_start", {"attempt": 1})],
         [("backoff", 1, 1.0, 2.0, ""), ("running", 2, 2.0, 2.0, "unfinished")]),
        ([(1.0, "node_retry", {"attempt": 1})], [("backoff", 1, 1.0, 1.0, "unfinished")]),
    ],
)  # fmt: skip
def test_each_second_of_a_message_is_accounted_for(steps, told):
    """Ends without a start say nothing, rows keep their order, and what is open at the end is unfinished."""
    assert spans(record(*((at_s, event(kind, **fields)) for at_s, kind, fields in steps))) == told


def test_events_of_no_node_and_no_trace_have_empty_names():
    """Ends of the flow itself stand under the empty name."""
    recording = record(
        (1.0, event("node_start", node_name=None, trace_id=None)),
        (2.0, event("node_success", node_name=None, trace_id=None)),
    )
    assert (recording.spans[0].trace_id, recording.spans[0].node) == ("", "")


def test_what_is_written_down_has_nine_decimals():
    """The clock's grain: what lies beneath is rounding."""
    recorder, recording, clock = driven((1.00000000049, event("node_start", queue_wait_ms=0.0)))
    recorder.observe(event("node_success"))
    clock.now_s = 7.00000049
    recorder.die()
    recorder.finish(9.12345678)
    (span,) = recording.spans
    assert (span.start_s, span.end_s) == (1.0, 1.0)
    assert [depth.at_s for depth in recording.depths] == [1.0]
    assert (recording.deaths_s, recording.end_s) == ([7.0], 9.123457)


def test_a_join_that_holds_something_back_is_told():
    """How many of how many messages it held when its trace ended."""
    _, recording, _ = driven(
        (1.0, event("join_incomplete", extra={"held": 2, "needed": 3})), (1.0, event("join_incomplete"))
    )
    assert recording.joins_incomplete == [JoinIncomplete("load-1", "pay", 2, 3), JoinIncomplete("load-1", "pay", 0, 0)]


def test_a_request_that_was_not_let_in_was_blocked():
    """From when it came to now; one that was let in at once was not."""
    recorder, recording, clock = driven()
    clock.now_s = 3.0
    recorder.blocked_outside("load-1", 1.0)
    recorder.blocked_outside("load-2", 3.0)
    (span,) = recording.spans
    assert (span.trace_id, span.node) == ("load-1", INGRESS)
    assert spans(recording) == [("blocked", 1, 1.0, 3.0, "")]


def test_a_handler_or_a_backoff_keeps_the_flow_busy():
    """A run is quiet when nothing runs and nothing backs off."""
    recorder, _, _ = driven((0.0, event("node_start")))
    assert recorder.busy
    recorder.observe(event("node_error"))
    assert not recorder.busy
    recorder.observe(event("node_retry", attempt=1))
    assert recorder.busy
    recorder.observe(event("node_start", attempt=1))
    recorder.observe(event("node_success", attempt=1))
    assert not recorder.busy


def test_a_death_ends_what_was_going_on():
    """What ran or backed off died with the flow, its queues are empty, and the digest knows."""
    recorder, recording, clock = driven(
        (1.0, event("node_start", queue_depth_in=3)), (1.0, event("node_retry", node_name="ship", attempt=1))
    )
    before = recorder._hash.hexdigest()
    clock.now_s = 2.5
    recorder.die()
    assert spans(recording) == [("running", 1, 1.0, 2.5, "died"), ("backoff", 1, 1.0, 2.5, "died")]
    assert [(depth.node, depth.depth, depth.at_s) for depth in recording.depths] == [("pay", 3, 1.0), ("pay", 0, 2.5)]
    assert not recorder.busy
    assert recorder._hash.hexdigest() != before
    recorder.finish(3.0)
    assert recording.unfinished == []


def test_what_is_open_at_the_end_is_told_with_its_kind():
    """Backoffs too, with the second they go on from in six digits."""
    recorder, recording, _ = driven(
        (1.23456789, event("node_retry", attempt=1)), (12.0, event("node_start", node_name="ship"))
    )
    recorder.finish(20.0)
    assert recording.unfinished == [
        "load-1 at ship: running since 12 s", "load-1 at pay: backoff since 1.23457 s",
    ]  # fmt: skip
    assert spans(recording) == [
        ("running", 1, 12.0, 20.0, "unfinished"), ("backoff", 1, 1.23456789, 20.0, "unfinished"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bounds", "waited_ms", "depth_in", "depths"),
    [
        ({}, 10.0, 4, [(5, 0), (4, 0)]),
        ({"pay": 8}, 10.0, 4, [(5, 8), (4, 8)]),
        ({"pay": 4}, 10.0, 4, [(4, 4)]),
        ({"ship": 2}, 10.0, 4, [(5, 0), (4, 0)]),
        ({}, 0.0, 4, [(4, 0)]),
        ({}, None, 4, [(4, 0)]),
        ({}, None, 0, [(0, 0)]),
    ],
)
def test_a_queue_was_one_deeper_before_its_node_took_a_message(bounds, waited_ms, depth_in, depths):
    """If the message waited at all; never deeper than its bound, which stands beside the depth."""
    _, recording, _ = driven(
        (1.0, event("node_start", queue_wait_ms=waited_ms, queue_depth_in=depth_in)), bounds=bounds
    )
    assert [(depth.depth, depth.bound) for depth in recording.depths] == depths


def test_a_depth_is_written_down_when_it_changes():
    """Each node by itself; the same depth again says nothing."""
    recorder, recording, clock = driven()
    for at_s, depths in ((0.0, {"a": 1, "b": 0}), (1.0, {"a": 1, "b": 2}), (2.0, {"a": 0, "b": 2})):
        clock.now_s = at_s
        recorder.sample_depths(depths)
    assert [(depth.node, depth.at_s, depth.depth) for depth in recording.depths] == [
        ("a", 0.0, 1), ("b", 0.0, 0), ("b", 1.0, 2), ("a", 2.0, 0),
    ]  # fmt: skip


def test_marks_stand_along_the_digest():
    """One for each so many events, eight digits each; where there are too many, every other one goes."""
    recorder, recording, _ = driven()
    seen: list[str] = []
    for number in range(STRIDE_MIN * MARKS_MAX + 2 * STRIDE_MIN):
        recorder.note("it", str(number))
        if recording.events % STRIDE_MIN == 0:
            seen.append(recorder._hash.hexdigest()[:8])
    recorder.finish(0.0)
    assert recording.events == STRIDE_MIN * MARKS_MAX + 2 * STRIDE_MIN
    assert recording.stride == 2 * STRIDE_MIN
    assert recording.marks == tuple(seen[1::2])
    assert len(recording.marks) == MARKS_MAX // 2 + 1


def test_the_digest_of_a_run_stays_what_it_is():
    """Old capsules are held against it: nanoseconds, then the facts, a line each, in SHA-256."""
    recorder, recording, clock = driven()
    clock.now_s = 1.5
    recorder.observe(event("node_start"))
    recorder.observe(event("node_success", node_name=None, trace_id=None, attempt=2))
    recorder.finish(2.0)
    lines = "1500000000|node_start|pay|load-1|0\n1500000000|node_success|||2\n"
    assert recording.digest == hashlib.sha256(lines.encode()).hexdigest()
