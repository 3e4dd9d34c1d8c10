"""From flow events to a recording: where each trace's time went, and a digest over all of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from sim.model.recording import INGRESS, Depth, JoinIncomplete, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penguiflow import FlowEvent
    from sim.model.recording import Recording, SpanKind

_ENDS_RUNNING = {
    "node_success": "ok",
    "node_error": "error",
    "node_timeout": "timeout",
    "node_trace_cancelled": "cancelled",
    "node_abandoned": "abandoned",
}
_DROPS = {"deadline_skip": "deadline", "trace_cancel_drop": "cancelled"}

Key = tuple[str, str]
STRIDE_MIN = 64
MARKS_MAX = 64
_MARK_DIGITS = 8


class Recorder:
    """Listens to a subject and fills a recording.

    Args:
        recording: what to fill.
        clock: virtual seconds since the start.

    Attributes:
        bounds: for each node, how many messages may wait before it.

    """

    def __init__(self, recording: Recording, clock: Callable[[], float]) -> None:
        self._recording = recording
        self.bounds: Mapping[str, int] = {}
        self._last_depth: dict[str, int] = {}
        self._clock = clock
        # Several messages of one trace may be at one node, so each key holds a row of (start, attempt).
        self._running: dict[Key, list[tuple[float, int]]] = {}
        self._backoff: dict[Key, list[tuple[float, int]]] = {}
        self._hash = hashlib.sha256()
        self._marks: list[str] = []
        self._stride = STRIDE_MIN

    @property
    def busy(self) -> bool:
        """Whether any handler runs or backs off."""
        return bool(self._running or self._backoff)

    def observe(self, event: FlowEvent) -> None:
        """Take in one event."""
        now_s = self._clock()
        node, trace_id = event.node_name or "", event.trace_id or ""
        self.note(event.event_type, node, trace_id, str(event.attempt))
        key = (trace_id, node)
        if event.event_type == "node_start":
            self._start(key, event, now_s)
        elif event.event_type in _ENDS_RUNNING:
            self._end(key, event, now_s)
        elif event.event_type == "node_retry":
            self._backoff.setdefault(key, []).append((now_s, event.attempt - 1))
        elif event.event_type in _DROPS:
            self._drop(key, event, now_s)
        elif event.event_type == "join_incomplete":
            self._recording.joins_incomplete.append(
                JoinIncomplete(trace_id, node, event.extra.get("held", 0), event.extra.get("needed", 0))
            )

    def blocked_outside(self, trace_id: str, start_s: float) -> None:
        """Write down that a request waited from `start_s` until now to be let in."""
        now_s = self._clock()
        if now_s > start_s:
            self._span((trace_id, INGRESS), "blocked", 0, (start_s, now_s))

    def note(self, *facts: str) -> None:
        """Add something that happened now to the digest."""
        self._recording.events += 1
        self._hash.update(f"{round(self._clock() * 1e9)}|{'|'.join(facts)}\n".encode())
        if self._recording.events % self._stride == 0:
            self._mark()

    def _mark(self) -> None:
        """Keep the digest so far; where there are many marks, every other one goes."""
        self._marks.append(self._hash.copy().hexdigest()[:_MARK_DIGITS])
        if len(self._marks) == MARKS_MAX:
            self._marks = self._marks[1::2]
            self._stride *= 2

    def sample_depths(self, depths: Mapping[str, int]) -> None:
        """Write down how many messages wait before each node now."""
        now_s = self._clock()
        for node, depth in depths.items():
            self._depth(now_s, node, depth)

    def die(self) -> None:
        """Write down that the flow has died: what ran or backed off is over, and its queues are gone."""
        self.note("death")
        self._recording.deaths_s.append(round(self._clock(), 6))
        self._close_open("running", self._running, self._clock(), "died")
        self._close_open("backoff", self._backoff, self._clock(), "died")
        self.sample_depths(dict.fromkeys(self._last_depth, 0))
        self._forget_queued()

    def _forget_queued(self) -> None:
        """What waited in the queues has died with them, so nobody expects it to come to anything."""
        came_in = self._recording.messages_in or {}
        begun = Counter(
            span.node
            for span in self._recording.spans
            if span.attempt == 1 and (span.kind == "running" or (span.kind == "waiting" and span.result))
        )
        for node, number in came_in.items():
            came_in[node] = min(number, begun[node])

    def finish(self, now_s: float) -> None:
        """Close the books at `now_s`: what still runs is written down as unfinished."""
        for kind, table in (("running", self._running), ("backoff", self._backoff)):
            for key, row in table.items():
                self._recording.unfinished += [
                    f"{key[0]} at {key[1]}: {kind} since {since_s:.6g} s" for since_s, _ in row
                ]
        self._close_open("running", self._running, now_s, "unfinished")
        self._close_open("backoff", self._backoff, now_s, "unfinished")
        self._recording.end_s = round(now_s, 6)
        self._recording.digest = self._hash.hexdigest()
        self._recording.stride, self._recording.marks = self._stride, tuple(self._marks)

    def _close_open(self, kind: SpanKind, table: dict[Key, list[tuple[float, int]]], now_s: float, result: str) -> None:
        for key, row in table.items():
            for start_s, attempt in row:
                self._span(key, kind, attempt, (start_s, now_s), result)
        table.clear()

    def _start(self, key: Key, event: FlowEvent, now_s: float) -> None:
        waited_s = (event.queue_wait_ms or 0.0) / 1000
        retry = _taken(self._backoff, key, event.attempt - 1)
        if retry is not None:
            self._span(key, "backoff", retry[1], (retry[0], now_s - waited_s))
        if waited_s > 0:
            self._span(key, "waiting", event.attempt, (now_s - waited_s, now_s))
            # Before the node took it, it was one more; unless its slot went to a blocked sender in the same instant.
            bound = self.bounds.get(key[1], 0)
            self._depth(now_s, key[1], min(event.queue_depth_in + 1, bound or event.queue_depth_in + 1))
        self._depth(now_s, key[1], event.queue_depth_in)
        self._running.setdefault(key, []).append((now_s, event.attempt))

    def _end(self, key: Key, event: FlowEvent, now_s: float) -> None:
        # The end of a cancelled trace does not tell which attempt it cut off.
        attempt = None if event.event_type == "node_trace_cancelled" else event.attempt
        started = _taken(self._running, key, attempt)
        if started is None:
            return
        blocked_s = (event.emit_wait_ms or 0.0) / 1000
        self._span(key, "running", started[1], (started[0], now_s - blocked_s), _ENDS_RUNNING[event.event_type])
        if blocked_s > 0:
            self._span(key, "blocked", started[1], (now_s - blocked_s, now_s))

    def _drop(self, key: Key, event: FlowEvent, now_s: float) -> None:
        result = _DROPS[event.event_type]
        phase = event.extra.get("phase")
        if phase == "running":
            started = _taken(self._running, key, event.attempt)
            if started is not None:
                self._span(key, "running", started[1], (started[0], now_s), result)
        elif phase == "backoff":
            retry = _taken(self._backoff, key, event.attempt - 1)
            if retry is not None:
                self._span(key, "backoff", retry[1], (retry[0], now_s), result)
        elif phase == "queued":
            # A retry that was queued again before it was dropped waited from the end of its backoff on.
            waiting_since_s = now_s - (event.queue_wait_ms or 0.0) / 1000
            retry = _taken(self._backoff, key, event.attempt - 1)
            if retry is not None:
                self._span(key, "backoff", retry[1], (retry[0], waiting_since_s))
            self._span(key, "waiting", event.attempt, (waiting_since_s, now_s), result)

    def _span(self, key: Key, kind: SpanKind, attempt: int, bounds_s: tuple[float, float], result: str = "") -> None:
        start_s, end_s = bounds_s
        self._recording.spans.append(
            Span(key[0], key[1], kind, attempt + 1, round(start_s, 9), round(end_s, 9), result)
        )

    def _depth(self, now_s: float, node: str, depth: int) -> None:
        if self._last_depth.get(node) != depth:
            self._last_depth[node] = depth
            self._recording.depths.append(Depth(round(now_s, 9), node, depth, self.bounds.get(node, 0)))


def _taken(table: dict[Key, list[tuple[float, int]]], key: Key, attempt: int | None) -> tuple[float, int] | None:
    """Take the oldest entry of this attempt out of its row, or the oldest of all where the attempt is not told."""
    row = table.get(key, [])
    entry = next((entry for entry in row if attempt in (None, entry[1])), None)
    if entry is not None:
        row.remove(entry)
        if not row:
            del table[key]
    return entry
