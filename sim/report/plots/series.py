"""The numbers behind the plots: as CSV, and in a sentence for those who cannot see them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from sim.report.wording import duration, outcome_list, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.model.result import LatencyBin, QueueSeries, ScenarioResult
    from sim.report.plots import Kind


def has_data(scenario: ScenarioResult, kind: Kind) -> bool:
    """Whether there is anything to draw."""
    if kind == "latency":
        return bool(measured(scenario.latency))
    return any(series.bins for series in scenario.queues)


def measured(bins: Sequence[LatencyBin]) -> list[LatencyBin]:
    """The bins in which a latency was measured."""
    return [entry for entry in bins if entry.max_s is not None]


def horizon_s(scenario: ScenarioResult) -> float:
    """Where the time axis of every plot ends: with the last bin of any, or the last fault that closes."""
    latencies = [entry.end_s for entry in scenario.latency]
    queues = [entry.end_s for series in scenario.queues for entry in series.bins]
    faults = [fault.end_s for fault in scenario.faults if fault.end_s is not None]
    return max([*latencies, *queues, *faults], default=0.0)


def fullest_first(queues: Iterable[QueueSeries]) -> list[QueueSeries]:
    """Nodes with a queue to show, the deepest first; equal ones stay in the flow's order."""
    return sorted((series for series in queues if series.bins), key=lambda series: -deepest(series))


def deepest(series: QueueSeries) -> int:
    """The most messages that ever waited before the node."""
    return max((entry.max for entry in series.bins), default=0)


def csv_text(scenario: ScenarioResult, kind: Kind) -> str:
    """The plotted series as CSV with a header line; times in seconds, an empty cell where nothing was measured."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(_latency_rows(scenario) if kind == "latency" else _queue_rows(scenario))
    return text.getvalue()


def _latency_rows(scenario: ScenarioResult) -> Iterable[Sequence[object]]:
    outcomes = list(dict.fromkeys(name for entry in scenario.latency for name, _ in outcome_list(entry.outcomes)))
    yield ["start_s", "end_s", "count", "p50_s", "p95_s", "p99_s", "max_s", *outcomes]
    for entry in scenario.latency:
        happened = dict(outcome_list(entry.outcomes))
        figures = (entry.start_s, entry.end_s, entry.count, entry.p50_s, entry.p95_s, entry.p99_s, entry.max_s)
        yield [*figures, *(happened.get(name, 0) for name in outcomes)]


def _queue_rows(scenario: ScenarioResult) -> Iterable[Sequence[object]]:
    yield ["node", "bound", "start_s", "end_s", "min", "median", "max"]
    for series in scenario.queues:
        for entry in series.bins:
            yield [_cell(series.node), series.bound, entry.start_s, entry.end_s, entry.min, entry.median, entry.max]


def _cell(text: str) -> str:
    """`text`, kept from being read as a formula by a spreadsheet."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def alt_text(scenario: ScenarioResult, kind: Kind) -> str:
    """What the plot shows, in words and numbers."""
    return _latency_alt(scenario) if kind == "latency" else _queue_alt(scenario)


def _latency_alt(scenario: ScenarioResult) -> str:
    bins = measured(scenario.latency)
    if not bins:
        return "No latency was measured."
    slowest = max(bins, key=lambda entry: (entry.max_s or 0.0, -entry.start_s))
    medians = [entry.p50_s for entry in bins if entry.p50_s is not None]
    typical = f"The median lies between {duration(min(medians))} and {duration(max(medians))}. " if medians else ""
    limits = ", ".join(f"{name} {duration(limit_s)}" for name, limit_s in sorted(scenario.limits_s.items()))
    return (
        f"Latency by time of arrival over {duration(horizon_s(scenario))} of virtual time. {typical}"
        f"The slowest request takes {duration(slowest.max_s or 0.0)} and arrives around {duration(slowest.start_s)}."
        f"{f' Limits: {limits}.' if limits else ''}{_faults_alt(scenario)}"
    )


def _queue_alt(scenario: ScenarioResult) -> str:
    fullest = fullest_first(scenario.queues)
    if not fullest:
        return "No queue was measured."
    told = ", ".join(f"{series.node} at most {_of_bound(series)}" for series in fullest[:8])
    more = f", and {plural(len(fullest) - 8, 'quieter node')}" if len(fullest) > 8 else ""  # noqa: PLR2004 - as sliced
    span = duration(horizon_s(scenario))
    return f"Messages waiting before each node over {span} of virtual time: {told}{more}.{_faults_alt(scenario)}"


def _of_bound(series: QueueSeries) -> str:
    return f"{deepest(series)} of {series.bound}" if series.bound else f"{deepest(series)}, without a bound"


def _faults_alt(scenario: ScenarioResult) -> str:
    if not scenario.faults:
        return ""
    return f" Faults: {', '.join(f'{fault.id} from {duration(fault.start_s)}' for fault in scenario.faults)}."
