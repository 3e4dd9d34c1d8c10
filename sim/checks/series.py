"""What plots and metrics need of one run, small enough to keep for every seed of a sweep."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from math import ceil, log2, nan
from typing import TYPE_CHECKING, get_args

from sim.checks.depths import held_depths
from sim.model.outcome import DepthSeries, NodeTally, RequestSeries
from sim.model.recording import INGRESS, Outcome
from sim.model.result import LATENCY_BUCKETS_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.model.recording import Recording

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
DEPTH_BINS_MAX = 128


def bin_width_s(end_s: float, bins_max: int) -> float:
    """The smallest power of two, in seconds, at which at most `bins_max` bins reach from 0 to `end_s`."""
    return 1.0 if end_s <= 0 else 2.0 ** ceil(log2(end_s / bins_max))


def request_series(recording: Recording) -> RequestSeries:
    """The requests of a run, compactly."""
    arrivals, latencies, outcomes = array("d"), array("d"), bytearray()
    for request in recording.requests:
        latency_s = request.latency_s
        arrivals.append(request.arrival_s)
        latencies.append(nan if latency_s is None else latency_s)
        outcomes.append(OUTCOMES.index(request.outcome))
    return RequestSeries(arrivals, latencies, bytes(outcomes))


def depth_series(recording: Recording) -> tuple[DepthSeries, ...]:
    """The queues of a run, compactly, in the order of the flow's nodes."""
    width_s = bin_width_s(recording.end_s, DEPTH_BINS_MAX)
    tables: dict[str, defaultdict[tuple[int, int, int], float]] = {}
    for held in held_depths(recording.depths, recording.end_s):
        table = tables.setdefault(held.node, defaultdict(float))
        for bin_, run, seconds in _binned(held.start_s, held.end_s, width_s):
            table[min(bin_, DEPTH_BINS_MAX - 1), run, held.depth] += seconds
    bounds = {sample.node: sample.bound for sample in recording.depths}
    order = [*recording.nodes, *(node for node in tables if node not in recording.nodes)]
    return tuple(
        DepthSeries(
            node,
            bounds[node],
            width_s,
            array("I", (bin_ for bin_, _, _ in tables[node])),
            array("I", (run for _, run, _ in tables[node])),
            array("I", (depth for _, _, depth in tables[node])),
            array("d", tables[node].values()),
        )
        for node in order
        if node in tables
    )


_ENDS = {
    "ok": "node_success",
    "error": "node_error",
    "timeout": "node_timeout",
    "cancelled": "node_trace_cancelled",
    "abandoned": "node_abandoned",
    "deadline": "deadline_skip",
}


def node_tallies(recording: Recording) -> dict[str, NodeTally]:
    """What each node did, by the names of the flow's own events; what died or never ended has only begun."""
    events: defaultdict[str, Counter[str]] = defaultdict(Counter)
    latencies: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(LATENCY_BUCKETS_MS) + 1))
    total_ms: defaultdict[str, float] = defaultdict(float)
    for span in recording.spans:
        if span.kind == "running":
            events[span.node]["node_start"] += 1
            latency_ms = round((span.end_s - span.start_s) * 1000, 6)
            latencies[span.node][bisect_left(LATENCY_BUCKETS_MS, latency_ms)] += 1
            total_ms[span.node] += latency_ms
        elif span.kind == "backoff":
            events[span.node]["node_retry"] += 1
        if span.kind in ("running", "waiting") and span.result in _ENDS:
            events[span.node][_ENDS[span.result]] += 1
    return {
        node: NodeTally(dict(sorted(events[node].items())), tuple(latencies[node]), round(total_ms[node], 6))
        for node in sorted(events)
        if node != INGRESS
    }


def _binned(start_s: float, end_s: float, width_s: float) -> Iterator[tuple[int, int, float]]:
    """A stretch as its first bin, the whole bins in the middle, and its last one: bin, number of bins, seconds each.

    An instant touches one bin for no time.
    """
    first, last = int(start_s / width_s), ceil(end_s / width_s) - 1
    if first >= last:
        yield first, 1, end_s - start_s
        return
    yield first, 1, (first + 1) * width_s - start_s
    if last - first > 1:
        yield first + 1, last - first - 1, width_s
    yield last, 1, end_s - last * width_s
