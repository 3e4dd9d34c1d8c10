"""Queue depth over virtual time: a panel per node, band from the emptiest to the fullest seed, median as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from sim.report.plots.canvas import BLUE, SMALL_PT, VERMILLION, label, sheet
from sim.report.plots.series import deepest, fullest_first, horizon_s
from sim.report.wording import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.model.result import DepthBin, QueueSeries, ScenarioResult

_PANEL_IN = 0.82
_PANELS_SHOWN = 12
# A bound far above the queue would press the queue into the axis; it is named instead of drawn.
_BOUND_IN_SIGHT = 4


def plot(scenario: ScenarioResult) -> Figure:
    """The figure, the fullest queue on top; the scenario has at least one queue with a bin."""
    shown = fullest_first(scenario.queues)
    hidden = len(shown) - _PANELS_SHOWN
    shown = shown[:_PANELS_SHOWN]
    more = f" ({plural(hidden, 'emptier node')} not shown)" if hidden > 0 else ""
    title = f"{scenario.name}: messages waiting before each node{more}"
    note = "  ·  line: median over all seeds, band: emptiest to fullest"
    paper = sheet(title, scenario.faults, horizon_s(scenario), [_PANEL_IN] * len(shown), note=note)
    for panel, series in zip(paper.panels, shown, strict=True):
        _draw_queue(panel, series)
    return paper.figure


def _draw_queue(panel: Axes, series: QueueSeries) -> None:
    steps = _steps(series.bins)
    edges = [*(entry.start_s for entry in steps), series.bins[-1].end_s]
    lowest = [entry.min for entry in (*steps, steps[-1])]
    median = [entry.median for entry in (*steps, steps[-1])]
    highest = [entry.max for entry in (*steps, steps[-1])]
    panel.fill_between(edges, lowest, highest, step="post", facecolor=BLUE, alpha=0.28, linewidth=0)
    panel.step(edges, highest, where="post", color=BLUE, linewidth=0.5, alpha=0.7)
    panel.step(edges, median, where="post", color=BLUE, linewidth=1.6)
    panel.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    panel.text(-0.055, 0.5, label(series.node), transform=panel.transAxes, ha="right", va="center", fontsize=SMALL_PT)
    _draw_bound(panel, series)


def _steps(bins: Sequence[DepthBin]) -> list[DepthBin]:
    """The bins in which something changes; what stays level needs no points."""
    return [
        entry for entry, before in zip(bins, (None, *bins), strict=False) if before is None or _changes(before, entry)
    ]


def _changes(before: DepthBin, entry: DepthBin) -> bool:
    return (before.min, before.median, before.max) != (entry.min, entry.median, entry.max)


def _draw_bound(panel: Axes, series: QueueSeries) -> None:
    highest = deepest(series)
    in_sight = 0 < series.bound <= max(highest, 1) * _BOUND_IN_SIGHT
    full = highest >= series.bound > 0
    panel.set_ylim(0, max(highest, series.bound if in_sight else 0, 1) * 1.15)
    if in_sight:
        panel.axhline(series.bound, color=VERMILLION, linestyle=(0, (6, 3)), linewidth=1.0)
    beside = f"max {highest}{', full' if full else ''}\n{f'bound {series.bound}' if series.bound else 'no bound'}"
    panel.text(1.012, 0.5, beside, transform=panel.transAxes, va="center", fontsize=SMALL_PT, linespacing=1.6)
