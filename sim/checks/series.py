"""What the plots need of one run, small enough to keep for every seed of a sweep."""

from __future__ import annotations

from array import array
from collections import defaultdict
from math import ceil, log2, nan
from typing import TYPE_CHECKING, get_args

from sim.checks.depths import held_depths
from sim.model.outcome import DepthSeries, RequestSeries
from sim.model.recording import Outcome

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
    latencies = (request.latency_s for request in recording.requests)
    return RequestSeries(
        array("d", (request.arrival_s for request in recording.requests)),
        array("d", (nan if latency_s is None else latency_s for latency_s in latencies)),
        bytes(OUTCOMES.index(request.outcome) for request in recording.requests),
    )


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
