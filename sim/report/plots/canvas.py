"""The paper that plots are drawn on: settings, panels that share a time axis, and a strip with one lane per fault."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.report.wording import clipped, plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes

    from sim.model.result import FaultResult
    from sim.report.plots import Format

# Okabe and Ito, "Color Universal Design" (2008): told apart with every kind of colour vision.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
INK, GREY, PALE = "#1a1a1a", "#666666", "#e4e4e4"
SMALL_PT = 8.5

_WIDTH_IN, _LEFT_IN, _RIGHT_IN, _TOP_IN, _BOTTOM_IN = 10.0, 1.9, 1.1, 0.42, 0.52
_LANE_IN, _GAP_IN = 0.22, 0.14
_LANES_SHOWN = 12
_LABEL_LENGTH, _TITLE_LENGTH = 21, 84
_PNG_DPI = 144
_METADATA: Mapping[Format, tuple[str, ...]] = {
    "svg": ("Date", "Creator", "Format", "Type"),
    "png": ("Software",),
}
_SETTINGS: Mapping[Any, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": "#b0b0b0",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "svg.fonttype": "none",
}


@contextmanager
def settings(*, salt: str) -> Iterator[None]:
    """Draw with our settings over matplotlib's own defaults; ids in an SVG come from `salt`."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update({**_SETTINGS, "svg.hashsalt": salt})
        # A name in a script that the font lacks is drawn as boxes in a PNG and in full in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def file_bytes(figure: Figure, format: Format) -> bytes:
    """The figure as a file, without a date or a program's version in it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format, dpi=_PNG_DPI, metadata=dict.fromkeys(_METADATA[format]))
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A figure with a strip of faults on top and panels below it, all on one time axis."""

    figure: Figure
    panels: tuple[Axes, ...]


def sheet(
    title: str, faults: Sequence[FaultResult], end_s: float, heights_in: Sequence[float], *, note: str = ""
) -> Sheet:
    """An empty sheet.

    Args:
        title: stands above everything.
        faults: one lane each, and a light band through every panel.
        end_s: where the time axis ends, in virtual seconds.
        heights_in: the height of each panel, in inches.
        note: how to read the panels; stands beside the name of the time axis.

    """
    lanes = faults[:_LANES_SHOWN]
    hidden = len(faults) - len(lanes)
    heading = clipped(printable(title), _TITLE_LENGTH) + (f" ({plural(hidden, 'more fault')})" if hidden else "")
    strip_in = len(lanes) * _LANE_IN + _GAP_IN if lanes else 0.0
    total_in = _TOP_IN + strip_in + sum(heights_in) + _GAP_IN * (len(heights_in) - 1) + _BOTTOM_IN
    figure = Figure(figsize=(_WIDTH_IN, total_in))
    figure.text(0.012, 1 - 0.13 / total_in, heading, va="top", fontsize=10, fontweight="bold")
    top_in = total_in - _TOP_IN
    if lanes:
        _draw_strip(_axes(figure, top_in, len(lanes) * _LANE_IN, None), lanes, end_s)
    panels: list[Axes] = []
    top_in -= strip_in
    for height_in in heights_in:
        panels.append(_axes(figure, top_in, height_in, panels[0] if panels else None))
        top_in -= height_in + _GAP_IN
    _dress(panels, faults, end_s)
    panels[-1].set_xlabel(f"virtual time (s){note}")
    return Sheet(figure, tuple(panels))


def _axes(figure: Figure, top_in: float, height_in: float, shared: Axes | None) -> Axes:
    total_in = float(figure.get_figheight())
    width = (_WIDTH_IN - _LEFT_IN - _RIGHT_IN) / _WIDTH_IN
    box = (_LEFT_IN / _WIDTH_IN, (top_in - height_in) / total_in, width, height_in / total_in)
    return figure.add_axes(box, sharex=shared)


def _dress(panels: Sequence[Axes], faults: Sequence[FaultResult], end_s: float) -> None:
    bands = _bands(faults, end_s)
    instants = [fault.start_s for fault in faults if fault.end_s == fault.start_s]
    for position, panel in enumerate(panels):
        panel.set_xlim(0, end_s)
        panel.grid(visible=True, color=PALE, linewidth=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(labelbottom=position + 1 == len(panels), length=3)
        for start_s, stop_s in bands:
            panel.axvspan(start_s, stop_s, facecolor="#000000", alpha=0.055, linewidth=0, zorder=0.4)
        for instant_s in instants:
            panel.axvline(instant_s, color=GREY, linewidth=0.7, zorder=0.5)
    panels[-1].xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]))


def _bands(faults: Sequence[FaultResult], end_s: float) -> list[tuple[float, float]]:
    """Stretches of time in which a fault is armed; one that covers the whole run would only darken the paper."""
    windows = sorted((fault.start_s, end_s if fault.end_s is None else fault.end_s) for fault in faults)
    bands: list[tuple[float, float]] = []
    for start_s, stop_s in windows:
        if start_s <= 0 and stop_s >= end_s:
            continue
        if bands and start_s < bands[-1][1]:
            bands[-1] = (bands[-1][0], max(bands[-1][1], stop_s))
        elif stop_s > start_s:
            bands.append((start_s, stop_s))
    return bands


def _draw_strip(strip: Axes, lanes: Sequence[FaultResult], end_s: float) -> None:
    strip.set_xlim(0, end_s)
    strip.set_ylim(len(lanes), 0)
    strip.tick_params(bottom=False, labelbottom=False, left=False, pad=6)
    strip.spines[:].set_visible(False)
    strip.set_yticks([position + 0.5 for position in range(len(lanes))])
    strip.set_yticklabels([label(fault.id) for fault in lanes], fontsize=SMALL_PT)
    for position, fault in enumerate(lanes):
        close_s = end_s if fault.end_s is None else max(fault.end_s, fault.start_s + end_s / 400)
        strip.axhline(position + 0.5, color=PALE, linewidth=0.8, zorder=0.5)
        strip.barh(position + 0.5, close_s - fault.start_s, left=fault.start_s, height=0.5, color="#7a7a7a")
        strip.text(
            1.01, position + 0.5, _fired(fault), transform=strip.get_yaxis_transform(), va="center", fontsize=SMALL_PT
        )


def _fired(fault: FaultResult) -> str:
    return f"{fault.fired:,} fired"


def label(name: str) -> str:
    """A name that fits beside a panel."""
    return clipped(printable(name), _LABEL_LENGTH)


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Positions moved upwards just enough that neighbours are at least `gap` apart; the order of equals is kept."""
    moved = list(positions)
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    for lower, upper in pairwise(order):
        moved[upper] = max(moved[upper], moved[lower] + gap)
    return moved
