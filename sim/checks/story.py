"""The story of one trace: everything that happened to it, in order of time."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from sim.checks.by_trace import ByTrace
from sim.checks.describe import describe_key
from sim.checks.whereabouts import life_of
from sim.model.result import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.checks.whereabouts import StayKind
    from sim.model.recording import Effect, Fire, Recording, Request, Span

MOMENTS_MAX = 60
"""A story has at most this many entries; the last one then says how many are left out."""

_TRACE_IN_ADDRESS = -3  # before the attempt and the occurrence
_KIND_ORDER = ("arrival", "waiting", "running", "fault", "effect", "blocked", "backoff", "deadline", "answer")


class Stories:
    """What a recording holds of each trace; each list is gone through when it is first asked for.

    Args:
        recording: what one run left behind.

    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def request(self, trace_id: str | None) -> Request | None:
        """The request behind a trace, if there is one."""
        found = [] if trace_id is None else self._requests.of(trace_id)
        return found[-1] if found else None

    def of(self, trace_id: str | None) -> tuple[Moment, ...]:
        """The timeline of a trace; empty outside of every trace."""
        if trace_id is None:
            return ()
        request = self.request(trace_id)
        moments = [
            *(() if request is None else _request_moments(request)),
            *map(_span_moment, self._spans.of(trace_id)),
            *map(_effect_moment, self._effects.of(trace_id)),
            *map(_fire_moment, self._fires.of(trace_id)),
        ]
        return _shortened(sorted(moments, key=_by_time))

    def time_spent(self, request: Request) -> list[tuple[StayKind, str, float]]:
        """Where the request's time went, up to its end: kind, node and seconds, the longest first.

        The seconds add up to its latency. Where nothing took any time it is the last thing that was
        done, with 0 seconds.
        """
        spans = self.spans(request.trace_id)
        spent: defaultdict[tuple[StayKind, str], float] = defaultdict(float)
        for stay in life_of(request, spans, self._recording.end_s):
            spent[stay.kind, stay.node] += stay.seconds
        longest_first = sorted(spent.items(), key=lambda item: -item[1])
        parts: list[tuple[StayKind, str, float]] = [(kind, node, seconds) for (kind, node), seconds in longest_first]
        if parts and spans:
            return parts
        last: list[tuple[StayKind, str, float]] = [(span.kind, span.node, 0.0) for span in spans[-1:]]
        return last

    def spans(self, trace_id: str) -> Sequence[Span]:
        """The stretches of a trace's time at its nodes."""
        return self._spans.of(trace_id)

    def at_node(self, node: str) -> Iterator[Span]:
        """The stretches of every trace's time at one node."""
        return (span for span in self._recording.spans if span.node == node)

    def hits(self, trace_id: str | None) -> list[str]:
        """The faults that hit a trace, each once, such as `slow-search (response late by 900 ms)`."""
        fires = self._fires.of(trace_id) if trace_id is not None else ()
        first_of = {fire.fault: fire for fire in reversed(fires)}
        return [f"{fault} ({first_of[fault].effect})" for fault in dict.fromkeys(fire.fault for fire in fires)]

    def attempts(self, trace_id: str, node: str) -> int:
        """How often the node has run for this trace."""
        return sum(span.kind == "running" and span.node == node for span in self._spans.of(trace_id))

    @cached_property
    def _requests(self) -> ByTrace[Request]:
        return ByTrace(self._recording.requests, lambda request: request.trace_id)

    @cached_property
    def _spans(self) -> ByTrace[Span]:
        return ByTrace(self._recording.spans, lambda span: span.trace_id)

    @cached_property
    def _effects(self) -> ByTrace[Effect]:
        return ByTrace(self._recording.effects, lambda effect: effect.trace_id)

    @cached_property
    def _fires(self) -> ByTrace[Fire]:
        return ByTrace(self._recording.fires, lambda fire: fire.address.split("/")[_TRACE_IN_ADDRESS])


def _by_time(moment: Moment) -> tuple[float, int, float]:
    return moment.start_s, _KIND_ORDER.index(moment.kind), moment.end_s


def _shortened(moments: list[Moment]) -> tuple[Moment, ...]:
    if len(moments) <= MOMENTS_MAX:
        return tuple(moments)
    last = moments[MOMENTS_MAX - 1]
    left_out = len(moments) - MOMENTS_MAX
    return (
        *moments[: MOMENTS_MAX - 1],
        last.model_copy(update={"text": f"{last.text} (and {left_out} more)".lstrip()}),
    )


def _request_moments(request: Request) -> Iterator[Moment]:
    again = "" if request.client_attempt == 1 else f", try {request.client_attempt} of its caller"
    yield _instant("arrival", request.arrival_s, text=f"{request.order} of {request.tenant}{again}")
    if request.deadline_s is not None:
        yield _instant("deadline", request.deadline_s)
    if request.ended_s is not None:
        yield _instant("answer", request.ended_s, text=f"{request.outcome} {request.detail}".rstrip())


def _span_moment(span: Span) -> Moment:
    return Moment(
        kind=span.kind,
        start_s=round(span.start_s, 6),
        end_s=round(span.end_s, 6),
        node=span.node,
        attempt=span.attempt,
        text=span.result,
    )


def _effect_moment(effect: Effect) -> Moment:
    text = f"{effect.name} {describe_key(effect)}"
    return _instant("effect", effect.at_s, node=effect.node, attempt=effect.attempt, text=text)


def _fire_moment(fire: Fire) -> Moment:
    return _instant("fault", fire.at_s, text=f"{fire.fault}: {fire.effect}")


def _instant(kind: str, at_s: float, *, node: str | None = None, attempt: int | None = None, text: str = "") -> Moment:
    at_s = round(at_s, 6)
    return Moment(kind=kind, start_s=at_s, end_s=at_s, node=node, attempt=attempt, text=text)
