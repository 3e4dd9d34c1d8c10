"""Where a request was at every moment from its arrival to its end, and whose work stood before it."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from sim.model.recording import INGRESS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.model.recording import Recording, Request, Span, SpanKind

StayKind = Literal["waiting", "running", "backoff", "blocked", "unseen"]

_PRECEDENCE: tuple[SpanKind, ...] = ("running", "blocked", "backoff", "waiting")
"""Of several things at once, the first counts: a request that runs anywhere is not waiting."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One stretch of a request's life.

    Args:
        kind: what it did there; `unseen` where no node had it.
        node: the node; for `unseen`, between which nodes it was, such as `between price and charge`.
        attempt: the node's attempt, from 1; 0 for `unseen`.
        start_s: when it began.
        end_s: when it was over.

    """

    kind: StayKind
    node: str
    attempt: int
    start_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end_s - self.start_s


def life_of(request: Request, spans: Sequence[Span], run_end_s: float) -> tuple[Stay, ...]:
    """The request's life in stretches that follow each other without a gap, from its arrival to its end.

    Args:
        request: whose life.
        spans: those of its trace.
        run_end_s: the end for a request that was never answered.

    """
    start_s = request.arrival_s
    end_s = max(run_end_s if request.ended_s is None else request.ended_s, start_s)
    inside = [span for span in spans if span.start_s < end_s and span.end_s > start_s and span.end_s > span.start_s]
    cuts = {start_s, end_s}
    for span in inside:
        cuts.update((max(span.start_s, start_s), min(span.end_s, end_s)))
    points = sorted(cuts)
    stays: list[Stay] = []
    for left_s, right_s in pairwise(points):
        stay = _stay(inside, left_s, right_s)
        if stays and _same(stays[-1], stay):
            previous = stays.pop()
            stay = Stay(stay.kind, stay.node, stay.attempt, previous.start_s, right_s)
        stays.append(stay)
    return tuple(stays)


def stay_at(life: Sequence[Stay], at_s: float) -> Stay | None:
    """The stretch that `at_s` ends or lies in; the last one behind the end, `None` where there is none."""
    found = bisect_left(life, at_s, key=lambda stay: stay.end_s)
    return life[min(found, len(life) - 1)] if life else None


def _stay(spans: Sequence[Span], left_s: float, right_s: float) -> Stay:
    active = [span for span in spans if span.start_s <= left_s and span.end_s >= right_s]
    if active:
        span = min(active, key=lambda one: (_PRECEDENCE.index(one.kind), -one.start_s))
        return Stay(span.kind, span.node, span.attempt, left_s, right_s)
    before = max((span for span in spans if span.end_s <= left_s), key=lambda one: one.end_s, default=None)
    after = min((span for span in spans if span.start_s >= right_s), key=lambda one: one.start_s, default=None)
    return Stay("unseen", _between(before, after), 0, left_s, right_s)


def _between(before: Span | None, after: Span | None) -> str:
    if before is None:
        return "before any node" if after is None else f"before {after.node}"
    return f"after {before.node}" if after is None else f"between {before.node} and {after.node}"


def _same(one: Stay, other: Stay) -> bool:
    return (one.kind, one.node, one.attempt) == (other.kind, other.node, other.attempt)


def ahead_of(recording: Recording, kind: str, node: str) -> tuple[str, ...]:
    """The nodes whose work stands before what waits or is blocked at `node`."""
    if kind == "waiting":
        return (node,)
    if kind != "blocked":
        return ()
    if node == INGRESS:
        entered = [target for source, target in recording.edges if source != target]
        return tuple(name for name in recording.nodes if name not in entered)
    return tuple(target for source, target in recording.edges if source == node)
