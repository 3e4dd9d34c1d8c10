"""From events to spans, depths and a digest."""

from __future__ import annotations

from typing import Any

from penguiflow import FlowEvent
from sim.model.recording import Recording
from sim.watch.recorder import Recorder


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def event(event_type: str, **fields: Any) -> FlowEvent:
    known: dict[str, Any] = {
        "ts": 0.0, "node_name": "pay", "node_id": None, "trace_id": "load-1", "attempt": 0, "latency_ms": None,
        "queue_depth_in": 0, "queue_depth_out": 0, "outgoing_edges": 1, "queue_maxsize": 64,
        "trace_pending": 1, "trace_inflight": 0, "trace_cancelled": False,
    }  # fmt: skip
    return FlowEvent(event_type=event_type, **{**known, **fields})


def record(*steps: tuple[float, FlowEvent]) -> Recording:
    recording, clock = Recording("s", 1), Clock()
    recorder = Recorder(recording, clock)
    for at_s, each in steps:
        clock.now_s = at_s
        recorder.observe(each)
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
