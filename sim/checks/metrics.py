"""What each metric sees in one recording: one small function a metric."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sim.checks.depths import held_depths
from sim.checks.recovery import recovery_after
from sim.checks.selection import effects_in, first_of_each, requests_in, sightings_in
from sim.checks.stats import Samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.checks.windows import Interval
    from sim.model.recording import Effect, Recording, Request
    from sim.model.scenario import Metric, Where

    MetricFunction = Callable[[Recording, Where, Interval], Samples]

# Two sums of the same virtual times may differ by this much; it is far below the clock's microsecond.
_ROUNDING_S = 1e-9


def measure(metric: Metric, recording: Recording, where: Where, interval: Interval) -> Samples:
    """The samples of `metric` under `where` in `interval`: requests count by arrival, the rest by when it happened."""
    return _METRICS[metric](recording, where, interval)


def latency(recording: Recording, where: Where, interval: Interval) -> Samples:
    """Seconds from arrival until the caller had its answer or was told no; who still waits counts up to the end."""
    return Samples([waited_s(request, recording) for request in requests_in(recording, where, interval)])


def waited_s(request: Request, recording: Recording) -> float:
    """How long the caller waited, up to the end of the recording."""
    latency_s = request.latency_s
    return recording.end_s - request.arrival_s if latency_s is None else latency_s


def is_timeout(request: Request) -> bool:
    """Whether the caller got no answer in time."""
    return request.outcome == "unanswered" or is_past_deadline(request)


def is_past_deadline(request: Request) -> bool:
    """Whether the deadline passed first; an answer that comes too late is none."""
    late = (
        request.deadline_s is not None
        and request.ended_s is not None
        and request.ended_s > request.deadline_s + _ROUNDING_S
    )
    return request.outcome == "deadline" or late


def is_error(request: Request) -> bool:
    """Whether the caller was told of a failure, or that there is no result."""
    return request.outcome in ("error", "no_result")


def attempts_per_request(recording: Recording, where: Where, interval: Interval) -> Samples:
    """For each node, calls that arrived there divided by orders: tries of client and node multiply.

    The orders are those with a request that arrived in `interval`; all their calls count, whenever
    they came, so that neither end of the interval distorts the ratio.
    """
    calls, orders = calls_and_orders(recording, where, interval)
    return Samples([number / orders for number in calls.values()] if orders else [], looked_at=orders)


def calls_and_orders(recording: Recording, where: Where, interval: Interval) -> tuple[Mapping[str, int], int]:
    """Calls for each node, and the number of distinct orders behind them."""
    tenants = [request for request in recording.requests if where.tenant in (None, request.tenant)]
    orders = {request.order for request in tenants if request.arrival_s in interval}
    traces = {request.trace_id for request in tenants if request.order in orders}
    calls = Counter(
        span.node
        for span in recording.spans
        if span.kind == "running" and span.trace_id in traces and where.attempt in (None, span.attempt)
    )
    nodes = recording.nodes if where.node is None else (where.node,)
    return {node: calls[node] for node in nodes}, len(orders)


def recovery_time(recording: Recording, where: Where, interval: Interval) -> Samples:
    """Seconds from the end of `interval` until no more requests were open than just before it."""
    recovery = recovery_after(interval, recording, where)
    return Samples([] if recovery is None else [recovery.took_s])


def queue_depth(recording: Recording, where: Where, interval: Interval) -> Samples:
    """Messages waiting before the nodes, each depth weighed by the seconds that it held."""
    held = [
        (float(stretch.depth), seconds)
        for stretch in held_depths(recording.depths, recording.end_s)
        if where.node in (None, stretch.node) and (seconds := stretch.within(interval)) is not None
    ]
    return Samples([depth for depth, _ in held], weights=[seconds for _, seconds in held])


def duplicates(recording: Recording, where: Where, interval: Interval) -> Samples:
    """For each effect, whether it repeats an earlier one."""
    firsts = first_of_each(recording.effects)
    positions = effects_in(recording, where, interval)
    return Samples([float(firsts[position] is not None) for position in positions], flags=True)


def _request_flags(is_true: Callable[[Request], bool]) -> MetricFunction:
    def sample(recording: Recording, where: Where, interval: Interval) -> Samples:
        return Samples([float(is_true(request)) for request in requests_in(recording, where, interval)], flags=True)

    return sample


def _effect_flags(is_true: Callable[[Effect], bool]) -> MetricFunction:
    def sample(recording: Recording, where: Where, interval: Interval) -> Samples:
        positions = effects_in(recording, where, interval)
        return Samples([float(is_true(recording.effects[position])) for position in positions], flags=True)

    return sample


def is_zombie(effect: Effect) -> bool:
    """Whether nobody waited for the effect any more."""
    return not effect.caller_waiting


def is_unkeyed(effect: Effect) -> bool:
    """Whether the effect has no idempotency key."""
    return effect.key is None


def leaks(recording: Recording, where: Where, interval: Interval) -> Samples:
    """For each sighting of a planted secret, whether somebody other than its owner could see it."""
    return Samples([float(sighting.leaked) for sighting in sightings_in(recording, where, interval)], flags=True)


_METRICS: Mapping[Metric, MetricFunction] = {
    "trace.latency": latency,
    "trace.timeouts": _request_flags(is_timeout),
    "trace.deadline_exceeded": _request_flags(is_past_deadline),
    "trace.errors": _request_flags(is_error),
    "attempts.per_request": attempts_per_request,
    "recovery.time": recovery_time,
    "queue.depth": queue_depth,
    "effects.duplicates": duplicates,
    "effects.zombies": _effect_flags(is_zombie),
    "effects.unkeyed": _effect_flags(is_unkeyed),
    "leaks.confirmed": leaks,
}
