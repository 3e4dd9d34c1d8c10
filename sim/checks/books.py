"""Whether the books of a run balance: what came in, what became of it, and what is left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.checks.selection import requests_in
from sim.checks.stats import Samples, flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.checks.windows import Interval
    from sim.model.recording import Recording, Request, Span
    from sim.model.scenario import CheckWhere

_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class Balance:
    """The messages of one node.

    Args:
        node: the node.
        came_in: messages that arrived before it.
        began: those that it began to work on.
        dropped: those that ended in its queue, with their trace.

    """

    node: str
    came_in: int
    began: int
    dropped: int

    @property
    def missing(self) -> int:
        """Messages of which nothing became; below 0, work without a message."""
        return self.came_in - self.began - self.dropped


def is_stuck(request: Request, recording: Recording) -> bool:
    """Whether the request was open when nothing moved any more, or at the horizon."""
    return request.outcome == "unanswered" and not recording.quiet


def is_lost(request: Request, recording: Recording) -> bool:
    """Whether the request never ended although everything came to rest."""
    return request.outcome == "unanswered" and recording.quiet


def stuck(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each request, whether it was stuck."""
    requests = requests_in(recording, where, interval)
    return flags(is_stuck(request, recording) for request in requests)


def lost(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each request, whether it was lost."""
    requests = requests_in(recording, where, interval)
    return flags(is_lost(request, recording) for request in requests)


def residue(recording: Recording, _where: CheckWhere, _interval: Interval) -> Samples:
    """One yes for each thing that the subject still held when everything had come to rest."""
    if recording.residue is None:
        return Samples([])
    left = sum(recording.residue.values())
    return Samples([1.0] * left or [0.0], flags=True, looked_at=len(recording.residue))


def balances(recording: Recording, where: CheckWhere) -> list[Balance]:
    """The books of each node; none where nobody counted what came in."""
    if recording.messages_in is None:
        return []
    began = Counter(span.node for span in recording.spans if span.kind == "running" and span.attempt == 1)
    dropped = Counter(
        span.node
        for span in recording.spans
        if span.kind == "waiting" and span.attempt == 1 and span.result in ("deadline", "cancelled")
    )
    nodes = recording.nodes if where.node is None else (where.node,)
    return [Balance(node, recording.messages_in.get(node, 0), began[node], dropped[node]) for node in nodes]


def is_off(balance: Balance, recording: Recording) -> bool:
    """Whether the books do not balance; in a run that did not come to rest, messages may still be under way."""
    return balance.missing != 0 if recording.quiet else balance.missing < 0


def conservation(recording: Recording, where: CheckWhere, _interval: Interval) -> Samples:
    """For each node, whether its books are off."""
    books = balances(recording, where)
    return flags(is_off(balance, recording) for balance in books)


def history(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each request, whether its stored history has gaps; nothing where nobody stores, or writes are under way."""
    if recording.unstored is None or not recording.quiet:
        return Samples([])
    requests = requests_in(recording, where, interval)
    return flags(request.trace_id in recording.unstored for request in requests)


def executions(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each attempt of a node with a policy, whether its policy does not allow it."""
    attempts = attempts_in(recording, where, interval)
    return flags(is_one_too_many(recording, span) for span in attempts)


def attempts_in(recording: Recording, where: CheckWhere, interval: Interval) -> Iterator[Span]:
    """Attempts that began in `interval`, at nodes whose limits are known."""
    asked = () if where.tenant is None else recording.requests
    tenants = {request.trace_id: request.tenant for request in asked}
    return (
        span
        for span in recording.spans
        if span.kind == "running"
        and span.node in recording.limits
        and span.start_s in interval
        and where.node in (None, span.node)
        and where.attempt in (None, span.attempt)
        and where.tenant in (None, tenants.get(span.trace_id))
    )


def is_one_too_many(recording: Recording, span: Span) -> bool:
    """Whether the attempt comes after the last that max_retries allows."""
    return span.attempt > recording.limits[span.node].max_retries + 1


def deadline_bound(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each request with a deadline, whether the subject let the deadline pass without ending it."""
    requests = (request for request in requests_in(recording, where, interval) if request.deadline_s is not None)
    return flags(is_left_open(request) for request in requests)


def is_left_open(request: Request) -> bool:
    """Whether it ended after its deadline; its caller gives up by itself a millisecond after that."""
    deadline_s, ended_s = request.deadline_s, request.ended_s
    return deadline_s is not None and ended_s is not None and ended_s > deadline_s + _ROUNDING_S


def timeout_bound(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each attempt of a node with a timeout, whether it ran past that and its time to clean up."""
    attempts = bounded_attempts(recording, where, interval)
    return flags(is_overlong(recording, span) for span in attempts)


def bounded_attempts(recording: Recording, where: CheckWhere, interval: Interval) -> Iterator[Span]:
    """Attempts at nodes that have a timeout."""
    attempts = attempts_in(recording, where, interval)
    return (span for span in attempts if recording.limits[span.node].timeout_s is not None)


def is_overlong(recording: Recording, span: Span) -> bool:
    """Whether the attempt ran past its timeout and its grace."""
    limits = recording.limits[span.node]
    allowed_s = (limits.timeout_s or 0.0) + limits.cancel_grace_s
    return span.end_s - span.start_s > allowed_s + _ROUNDING_S
