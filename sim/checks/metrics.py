"""What each metric sees in one recording: one small function a metric."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from sim.checks import books, crowding
from sim.checks.depths import held_depths
from sim.checks.recovery import recovery_after
from sim.checks.selection import effects_in, first_of_each, requests_in, sightings_in
from sim.checks.stats import Samples, flags
from sim.checks.whereabouts import life_of, stay_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sim.checks.windows import Interval
    from sim.model.recording import Effect, Recording, Request, Span, ToolCall
    from sim.model.scenario import CheckWhere, Metric

    MetricFunction = Callable[[Recording, CheckWhere, Interval], Samples]

_PHASES = {"waiting": "queued"}

# Two sums of the same virtual times may differ by this much; it is far below the clock's microsecond.
_ROUNDING_S = 1e-9


def measure(metric: Metric, recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """The samples of `metric` under `where` in `interval`: requests count by arrival, the rest by when it happened."""
    return _METRICS[metric](recording, where, interval)


def latency(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
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


def deadline_exceeded(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each request, whether its deadline passed first; with a phase, whether that found it in this phase."""
    if where.phase is None:
        return flags(is_past_deadline(request) for request in requests_in(recording, where, interval))
    traces = {request.trace_id for request in requests_in(recording, where, interval) if is_past_deadline(request)}
    phases = phases_at_deadline(recording, traces)
    requests = requests_in(recording, where, interval)
    return flags(phases.get(request.trace_id) == where.phase for request in requests)


def phases_at_deadline(recording: Recording, traces: Collection[str]) -> dict[str, str]:
    """What each of the requests was doing when its deadline passed: `queued`, `running`, `backoff`, `blocked`."""
    spans: defaultdict[str, list[Span]] = defaultdict(list)
    for span in recording.spans:
        if span.trace_id in traces:
            spans[span.trace_id].append(span)
    phases = {}
    for request in recording.requests:
        if request.trace_id in traces:
            life = life_of(request, spans[request.trace_id], recording.end_s)
            stay = stay_at(life, recording.end_s if request.deadline_s is None else request.deadline_s)
            phases[request.trace_id] = "" if stay is None else _PHASES.get(stay.kind, stay.kind)
    return phases


def is_error(request: Request) -> bool:
    """Whether the caller was told of a failure, or that there is no result."""
    return request.outcome in ("error", "no_result")


def attempts_per_request(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each node, or for one tool or service, calls that arrived there by order: all retries on the way multiply.

    The orders are those with a request that arrived in `interval`; all their calls count, whenever
    they came, so that neither end of the interval distorts the ratio.
    """
    calls, orders = calls_and_orders(recording, where, interval)
    return Samples([number / orders for number in calls.values()] if orders else [], looked_at=orders)


def calls_and_orders(recording: Recording, where: CheckWhere, interval: Interval) -> tuple[Mapping[str, int], int]:
    """Calls for each node, or for the tool or service of `where`, and the number of distinct orders behind them."""
    tenants = [request for request in recording.requests if where.tenant in (None, request.tenant)]
    orders = {request.order for request in tenants if request.arrival_s in interval}
    traces = {request.trace_id for request in tenants if request.order in orders}
    if where.tool is not None or where.service is not None:
        made = [call for call in recording.tool_calls if call.trace_id in traces and _is_called(call, where)]
        return {where.tool or where.service or "": len(made)}, len(orders)
    calls = Counter(
        span.node
        for span in recording.spans
        if span.kind == "running" and span.trace_id in traces and where.attempt in (None, span.attempt)
    )
    nodes = recording.nodes if where.node is None else (where.node,)
    return {node: calls[node] for node in nodes}, len(orders)


def _is_called(call: ToolCall, where: CheckWhere) -> bool:
    """Whether the call is of the tool or the service that is meant; a service is no tool."""
    named = where.tool is None or call.name == where.tool
    return named and call.service == where.service and where.node in (None, call.node)


def recovery_time(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """Seconds from the end of `interval` until no more requests were open than just before it."""
    recovery = recovery_after(interval, recording, where)
    return Samples([] if recovery is None else [recovery.took_s])


def queue_depth(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """Messages waiting before the nodes, each depth weighed by the seconds that it held."""
    held = [
        (float(stretch.depth), seconds)
        for stretch in held_depths(recording.depths, recording.end_s)
        if where.node in (None, stretch.node) and (seconds := stretch.within(interval)) is not None
    ]
    return Samples([depth for depth, _ in held], weights=[seconds for _, seconds in held])


def duplicates(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each effect, whether it repeats an earlier one."""
    firsts = first_of_each(recording.effects)
    return flags(position in firsts for position, _ in effects_in(recording, where, interval))


def _request_flags(is_true: Callable[[Request], bool]) -> MetricFunction:
    def sample(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
        return flags(is_true(request) for request in requests_in(recording, where, interval))

    return sample


def _effect_flags(is_true: Callable[[Effect], bool]) -> MetricFunction:
    def sample(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
        return flags(is_true(effect) for _, effect in effects_in(recording, where, interval))

    return sample


def is_zombie(effect: Effect) -> bool:
    """Whether nobody waited for the effect any more; work that no caller sent has nobody to be late for."""
    return effect.gone != ""


def is_unkeyed(effect: Effect) -> bool:
    """Whether the effect has no idempotency key."""
    return effect.key is None


def leaks(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each sighting of a planted secret, whether somebody other than its owner could see it."""
    return flags(sighting.leaked for sighting in sightings_in(recording, where, interval))


def _asked_elsewhere(_recording: Recording, _where: CheckWhere, _interval: Interval) -> Samples:
    """A custom check has its samples from its own function (`sim.checks.custom`)."""
    return Samples([])


_METRICS: Mapping[Metric, MetricFunction] = {
    "trace.latency": latency,
    "trace.timeouts": _request_flags(is_timeout),
    "trace.deadline_exceeded": deadline_exceeded,
    "trace.errors": _request_flags(is_error),
    "traces.stuck": books.stuck,
    "traces.lost": books.lost,
    "attempts.per_request": attempts_per_request,
    "retries.synchronised": crowding.retries_synchronised,
    "recovery.time": recovery_time,
    "queue.depth": queue_depth,
    "queue.growth": crowding.queue_growth,
    "head_of_line": crowding.head_of_line,
    "fairness": crowding.fairness,
    "effects.duplicates": duplicates,
    "effects.zombies": _effect_flags(is_zombie),
    "effects.unkeyed": _effect_flags(is_unkeyed),
    "leaks.confirmed": leaks,
    "state.residue": books.residue,
    "invariants.executions": books.executions,
    "invariants.conservation": books.conservation,
    "invariants.history": books.history,
    "invariants.deadline_bound": books.deadline_bound,
    "invariants.timeout_bound": books.timeout_bound,
    "custom": _asked_elsewhere,
}
