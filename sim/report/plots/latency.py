"""Latency over virtual time: p50, p95, p99 and the slowest request, on a logarithmic axis, with the checks' limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sim.report.plots.canvas import BLUE, GREEN, INK, PURPLE, SMALL_PT, VERMILLION, sheet, spread
from sim.report.plots.series import horizon_s, measured
from sim.report.sentences import limit_text
from sim.report.wording import clipped, duration, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.model.result import LatencyBin, ScenarioResult

_PANEL_IN = 3.0
# A flow that takes no virtual time at all has no place on a logarithmic axis; a tenth of a millisecond stands for it.
_FLOOR_S = 1e-4
_LABEL_GAP = 0.055
_WIDE_DECADES = 2.2
_HALO = {"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 1.2}


class _Line(NamedTuple):
    """How one figure is drawn: told apart by shape as well as by colour."""

    name: str
    colour: str
    style: str
    marker: str
    width: float


_LINES = (
    _Line("p50", BLUE, "-", "o", 1.8),
    _Line("p95", GREEN, "-", "^", 1.3),
    _Line("p99", VERMILLION, "-", "s", 1.3),
    _Line("max", PURPLE, ":", "D", 1.1),
)


def plot(scenario: ScenarioResult) -> Figure:
    """The figure; the scenario has at least one measured bin."""
    paper = sheet(
        f"{scenario.name}: latency by time of arrival",
        scenario.faults,
        horizon_s(scenario),
        [_PANEL_IN],
    )
    panel = paper.panels[0]
    _scale(panel, scenario)
    _draw_lines(panel, scenario)
    _draw_limits(panel, scenario)
    return paper.figure


def _values(entry: LatencyBin, name: str) -> float:
    value = {"p50": entry.p50_s, "p95": entry.p95_s, "p99": entry.p99_s, "max": entry.max_s}[name]
    return math.nan if value is None else max(value, _FLOOR_S)


def _scale(panel: Axes, scenario: ScenarioResult) -> None:
    bins = measured(scenario.latency)
    drawn = [value for entry in bins for line in _LINES if not math.isnan(value := _values(entry, line.name))]
    drawn += [max(limit_s, _FLOOR_S) for limit_s in scenario.limits_s.values()]
    low, high = min(drawn) / 1.6, max(drawn) * 1.6
    panel.set_yscale("log")
    panel.set_ylim(low, high)
    wide = math.log10(high / low) > _WIDE_DECADES
    panel.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))


def _tick(value_s: float) -> str:
    return f"{duration(value_s)} or less" if math.isclose(value_s, _FLOOR_S) else duration(value_s)


def _draw_lines(panel: Axes, scenario: ScenarioResult) -> None:
    middles = [(entry.start_s + entry.end_s) / 2 for entry in scenario.latency]
    # The slowest request lies at the bottom: with few samples it hides what it coincides with.
    for line in reversed(_LINES):
        panel.plot(
            middles,
            [_values(entry, line.name) for entry in scenario.latency],
            color=line.colour,
            linestyle=line.style,
            linewidth=line.width,
            marker=line.marker,
            markersize=2.6,
        )
    _label_lines(panel, measured(scenario.latency)[-1])


def _label_lines(panel: Axes, last: LatencyBin) -> None:
    heights = [_height(panel, _values(last, line.name)) for line in _LINES]
    for line, height in zip(_LINES, spread(heights, _LABEL_GAP), strict=True):
        panel.plot(
            1.018, height, transform=panel.transAxes, clip_on=False, color=line.colour, marker=line.marker, markersize=4
        )
        panel.text(1.035, height, line.name, transform=panel.transAxes, va="center")


def _height(panel: Axes, value_s: float) -> float:
    """Where a latency lies on the axis, as a share of its height."""
    low, high = panel.get_ylim()
    return math.log(value_s / low) / math.log(high / low) if not math.isnan(value_s) else 0.0


def _draw_limits(panel: Axes, scenario: ScenarioResult) -> None:
    names_by_limit: dict[float, list[str]] = {}
    for name, limit_s in sorted(scenario.limits_s.items()):
        names_by_limit.setdefault(limit_s, []).append(name)
    limits = sorted(names_by_limit)
    heights = spread([_height(panel, max(limit_s, _FLOOR_S)) for limit_s in limits], _LABEL_GAP)
    for limit_s, height in zip(limits, heights, strict=True):
        panel.axhline(max(limit_s, _FLOOR_S), color=INK, linestyle=(0, (6, 3)), linewidth=0.9)
        text = clipped(printable(f"limit {limit_text(names_by_limit[limit_s], limit_s)}"), 80)
        panel.text(0.008, height + 0.016, text, transform=panel.transAxes, va="bottom", fontsize=SMALL_PT, bbox=_HALO)
