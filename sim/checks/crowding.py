"""How requests get into each other's way: queues that grow, tenants that wait for others, retries in step."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from math import fsum
from typing import TYPE_CHECKING

from sim.checks.depths import held_depths
from sim.checks.selection import requests_in
from sim.checks.stats import Samples
from sim.checks.whereabouts import ahead_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sim.checks.windows import Interval
    from sim.model.recording import Recording, Request, Span
    from sim.model.scenario import CheckWhere

    Stretch = tuple[float, float]

SAME_INSTANT_S = 0.01
"""Retries within one such bucket of time hit a node together."""

CALLERS = "callers"
_TENANTS_MIN = 2
_RETRIES_MIN = 2


def queue_growth(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each node, messages a second by which its queue grew: the slope of the least-squares line through its depth.

    The depth is a step function, so sums over samples are integrals over time. A queue whose
    node keeps up has a slope around 0; one that does not grows by what comes in and cannot get out.
    """
    slopes = growth_by_node(recording, where, interval)
    return Samples(list(slopes.values()))


def growth_by_node(recording: Recording, where: CheckWhere, interval: Interval) -> Mapping[str, float]:
    """The slope of each node's queue."""
    start_s, end_s = max(interval.start_s, 0.0), min(interval.end_s, recording.end_s)
    if end_s <= start_s:
        return {}
    nodes = recording.nodes if where.node is None else (where.node,)
    middle_s, moments = (start_s + end_s) / 2, dict.fromkeys(nodes, 0.0)
    for held in held_depths(recording.depths, recording.end_s):
        left_s, right_s = max(held.start_s, start_s), min(held.end_s, end_s)
        if held.node in moments and right_s > left_s:
            moments[held.node] += held.depth * ((right_s - middle_s) ** 2 - (left_s - middle_s) ** 2) / 2
    variance = (end_s - start_s) ** 3 / 12
    return {node: moment / variance for node, moment in moments.items()}


def head_of_line(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each request, the seconds that it waited before a node which worked for another tenant meanwhile."""
    requests = list(requests_in(recording, where.model_copy(update={"node": None}), interval))
    waits = head_of_line_waits(recording, requests, where.node)
    return Samples([waits[request.trace_id] for request in requests])


def head_of_line_waits(recording: Recording, requests: Sequence[Request], node: str | None) -> Mapping[str, float]:
    """For each trace of `requests`, how long it waited behind other tenants; at `node`, or at all of them."""
    tenants = {request.trace_id: request.tenant for request in recording.requests}
    busy = _Busy(recording.spans, tenants)
    waits = {request.trace_id: 0.0 for request in requests}
    for span in recording.spans:
        if span.trace_id in waits and node in (None, span.node):
            places = ahead_of(recording, span.kind, span.node)
            waits[span.trace_id] += overlap_s(busy.others(places, tenants[span.trace_id]), span)
    return waits


class _Busy:
    """When each node worked for whom."""

    def __init__(self, spans: Iterable[Span], tenants: Mapping[str, str]) -> None:
        self._work: defaultdict[str, defaultdict[str, list[Stretch]]] = defaultdict(lambda: defaultdict(list))
        for span in spans:
            if span.kind in ("running", "blocked") and span.trace_id in tenants:
                self._work[span.node][tenants[span.trace_id]].append((span.start_s, span.end_s))
        self._known: dict[tuple[tuple[str, ...], str], list[Stretch]] = {}

    def others(self, nodes: tuple[str, ...], tenant: str) -> list[Stretch]:
        """When any of `nodes` worked for anybody but `tenant`."""
        if (nodes, tenant) not in self._known:
            rows = [row for node in nodes for name, row in self._work[node].items() if name != tenant]
            self._known[nodes, tenant] = merged(one for row in rows for one in row)
        return self._known[nodes, tenant]


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time in stretches that do not touch, in order."""
    result: list[Stretch] = []
    for start_s, end_s in sorted(stretches):
        if result and start_s <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end_s))
        else:
            result.append((start_s, end_s))
    return result


def overlap_s(stretches: Sequence[Stretch], span: Span) -> float:
    """Seconds of `span` that lie in the ordered `stretches`."""
    total_s = 0.0
    position = bisect_left(stretches, span.start_s, key=lambda one: one[1])
    while position < len(stretches) and stretches[position][0] < span.end_s:
        start_s, end_s = stretches[position]
        total_s += max(min(end_s, span.end_s) - max(start_s, span.start_s), 0.0)
        position += 1
    return total_s


def fairness(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """Jain's index over the tenants' mean latencies: 1 when all wait alike, 1/n when one of n does all the waiting.

    Jain, Chiu and Hawe, "A quantitative measure of fairness and discrimination", DEC-TR-301, 1984.
    """
    means = latency_by_tenant(recording, where, interval)
    if len(means) < _TENANTS_MIN:
        return Samples([])
    squares = fsum(mean**2 for mean in means.values())
    index = fsum(means.values()) ** 2 / (len(means) * squares) if squares else 1.0
    return Samples([index], looked_at=sum(1 for _ in requests_in(recording, where, interval)))


def latency_by_tenant(recording: Recording, where: CheckWhere, interval: Interval) -> Mapping[str, float]:
    """The mean latency of each tenant that sent something; who still waits counts up to the end."""
    latencies: defaultdict[str, list[float]] = defaultdict(list)
    for request in requests_in(recording, where, interval):
        latency_s = request.latency_s
        waited_s = recording.end_s - request.arrival_s if latency_s is None else latency_s
        latencies[request.tenant].append(waited_s)
    return {tenant: fsum(several) / len(several) for tenant, several in latencies.items()}


def retries_synchronised(recording: Recording, where: CheckWhere, interval: Interval) -> Samples:
    """For each retry, the share of the other retries at the same place that begin within the same 10 ms.

    Their mean is the chance that two retries picked at random fall together (Simpson, "Measurement
    of diversity", Nature 163, 1949): near 0 with jitter over the whole wait, 1/n for n waves in
    lockstep (Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015).
    """
    samples: list[float] = []
    for retries in retries_by_place(recording, where, interval).values():
        if sum(retries.values()) >= _RETRIES_MIN:
            others = sum(retries.values()) - 1
            samples.extend((together - 1) / others for together in retries.values() for _ in range(together))
    return Samples(samples)


def retries_by_place(recording: Recording, where: CheckWhere, interval: Interval) -> Mapping[str, Counter[int]]:
    """For each node, and for the callers together, how many retries began in each bucket of time."""
    buckets: defaultdict[str, Counter[int]] = defaultdict(Counter)
    tenants = {request.trace_id: request.tenant for request in recording.requests}
    for span in recording.spans:
        again = span.kind == "running" and span.attempt > 1 and span.start_s in interval
        if again and where.node in (None, span.node) and where.tenant in (None, tenants.get(span.trace_id)):
            buckets[span.node][_bucket(span.start_s)] += 1
    for request in recording.requests:
        again = request.client_attempt > 1 and request.arrival_s in interval
        if again and where.node is None and where.tenant in (None, request.tenant):
            buckets[CALLERS][_bucket(request.arrival_s)] += 1
    return buckets


def _bucket(at_s: float) -> int:
    return int(round(at_s * 1e6) // round(SAME_INSTANT_S * 1e6))
