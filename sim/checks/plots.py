"""The series of a sweep, binned for plots and tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain
from math import isnan
from typing import TYPE_CHECKING

from sim.checks.series import OUTCOMES, bin_width_s
from sim.checks.stats import Samples, nearest_rank, percentile
from sim.model.result import DepthBin, LatencyBin, NodeNumbers, Numbers, QueueSeries, TimeShare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sim.model.outcome import DepthSeries, NodeTally, RequestSeries, SeedOutcome

LATENCY_BINS_MAX = 64
_DIGITS = 6


def latency_bins(series: Sequence[RequestSeries]) -> tuple[LatencyBin, ...]:
    """Latencies by time of arrival, over all seeds, in at most 64 bins; each request is in exactly one."""
    last_s = max((max(one.arrival_s, default=0.0) for one in series), default=0.0)
    if not any(one.arrival_s for one in series):
        return ()
    width_s = bin_width_s(last_s, LATENCY_BINS_MAX)
    last_bin = min(int(last_s / width_s), LATENCY_BINS_MAX - 1)
    latencies: list[list[float]] = [[] for _ in range(last_bin + 1)]
    outcomes: list[Counter[str]] = [Counter() for _ in range(last_bin + 1)]
    for arrival_s, latency_s, outcome in _requests(series):
        bin_ = min(int(arrival_s / width_s), last_bin)
        outcomes[bin_][OUTCOMES[outcome]] += 1
        if not isnan(latency_s):
            latencies[bin_].append(latency_s)
    return tuple(
        _latency_bin(bin_ * width_s, (bin_ + 1) * width_s, sorted(latencies[bin_]), outcomes[bin_])
        for bin_ in range(last_bin + 1)
    )


def queue_series(depths: Sequence[Sequence[DepthSeries]]) -> tuple[QueueSeries, ...]:
    """Queue depths of each node over all seeds, in at most 128 bins, each depth weighed by the time that it held."""
    by_node: dict[str, list[DepthSeries]] = {}
    for one in chain.from_iterable(depths):
        by_node.setdefault(one.node, []).append(one)
    width_s = max((one.width_s for one in chain.from_iterable(depths)), default=1.0)
    return tuple(
        QueueSeries(node=node, bound=max(one.bound for one in several), bins=tuple(_depth_bins(several, width_s)))
        for node, several in by_node.items()
    )


def time_shares(outcomes: Sequence[SeedOutcome]) -> tuple[TimeShare, ...]:
    """Where the requests' time went at each node, over all seeds."""
    totals: dict[str, defaultdict[str, float]] = {}
    for outcome in outcomes:
        for node, shares in outcome.time_shares.items():
            total = totals.setdefault(node, defaultdict(float))
            for kind, seconds in shares.items():
                total[kind] += seconds
    return tuple(
        TimeShare(
            node=node,
            waiting_s=round(total["waiting"], _DIGITS),
            running_s=round(total["running"], _DIGITS),
            backoff_s=round(total["backoff"], _DIGITS),
            blocked_s=round(total["blocked"], _DIGITS),
        )
        for node, total in totals.items()
    )


def node_numbers(outcomes: Sequence[SeedOutcome]) -> tuple[NodeNumbers, ...]:
    """What each node did, over all seeds."""
    tallies: defaultdict[str, list[NodeTally]] = defaultdict(list)
    for outcome in outcomes:
        for node, tally in outcome.nodes.items():
            tallies[node].append(tally)
    return tuple(
        NodeNumbers(
            node=node,
            events=dict(sorted(sum((Counter(tally.events) for tally in several), Counter()).items())),
            latencies=tuple(map(sum, zip(*(tally.latencies for tally in several), strict=True))),
            latency_ms=round(sum(tally.latency_ms for tally in several), _DIGITS),
        )
        for node, several in sorted(tallies.items())
    )


def numbers(outcomes: Sequence[SeedOutcome]) -> Numbers:
    """Plain counts over all seeds."""
    series = [outcome.requests for outcome in outcomes]
    latencies = sorted(latency_s for _, latency_s, _ in _requests(series) if not isnan(latency_s))
    ended = Counter(OUTCOMES[outcome] for _, _, outcome in _requests(series))
    p50_s, p95_s, p99_s, max_s = _four(latencies)
    return Numbers(
        requests=ended.total(),
        outcomes=dict(sorted(ended.items())),
        effects=sum(outcome.effects for outcome in outcomes),
        events=sum(outcome.events for outcome in outcomes),
        virtual_s=round(sum(outcome.end_s for outcome in outcomes), _DIGITS),
        latency_p50_s=p50_s,
        latency_p95_s=p95_s,
        latency_p99_s=p99_s,
        latency_max_s=max_s,
    )


def _requests(series: Sequence[RequestSeries]) -> Iterator[tuple[float, float, int]]:
    for one in series:
        yield from zip(one.arrival_s, one.latency_s, one.outcome, strict=True)


def _latency_bin(start_s: float, end_s: float, latencies: Sequence[float], outcomes: Mapping[str, int]) -> LatencyBin:
    p50_s, p95_s, p99_s, max_s = _four(latencies)
    return LatencyBin(
        start_s=round(start_s, _DIGITS),
        end_s=round(end_s, _DIGITS),
        count=sum(outcomes.values()),
        p50_s=p50_s,
        p95_s=p95_s,
        p99_s=p99_s,
        max_s=max_s,
        outcomes=dict(sorted(outcomes.items())),
    )


def _four(ordered: Sequence[float]) -> tuple[float | None, float | None, float | None, float | None]:
    """Median, p95, p99 and maximum of sorted latencies."""
    if not ordered:
        return None, None, None, None
    p50_s, p95_s, p99_s, max_s = (round(nearest_rank(ordered, percent), _DIGITS) for percent in (50, 95, 99, 100))
    return p50_s, p95_s, p99_s, max_s


def _depth_bins(several: Sequence[DepthSeries], width_s: float) -> Iterator[DepthBin]:
    held: dict[int, defaultdict[int, float]] = {}
    for one in several:
        # Widths are powers of two, so this is exact: so many narrow bins make a wide one.
        narrow_bins = round(width_s / one.width_s)
        for first, run, depth, seconds in zip(one.bins, one.runs, one.depths, one.seconds, strict=True):
            for bin_ in range(first, first + run):
                held.setdefault(bin_ // narrow_bins, defaultdict(float))[depth] += seconds
    for bin_ in sorted(held):
        depths = held[bin_]
        yield DepthBin(
            start_s=round(bin_ * width_s, _DIGITS),
            end_s=round((bin_ + 1) * width_s, _DIGITS),
            min=min(depths),
            median=percentile(Samples(list(depths), weights=list(depths.values())), 50),
            max=max(depths),
        )
