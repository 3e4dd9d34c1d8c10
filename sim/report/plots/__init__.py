"""Plots of a scenario's result: the same bytes in every process, whatever the user's matplotlibrc says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sim.report.plots.series import alt_text, csv_text, has_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.model.result import ScenarioResult

__all__ = ["FORMATS", "KINDS", "Format", "Kind", "alt_text", "csv_text", "draw", "has_data"]

Kind = Literal["latency", "queues"]
Format = Literal["svg", "png"]
KINDS: tuple[Kind, ...] = ("latency", "queues")
FORMATS: tuple[Format, ...] = ("svg", "png")


def draw(scenario: ScenarioResult, kind: Kind, formats: Sequence[Format]) -> dict[Format, bytes]:
    """One plot as a file's bytes in each format; no file when there is nothing to draw.

    Args:
        scenario: whose series are drawn.
        kind: `latency` over the time of arrival, or the `queues` before the nodes.
        formats: `svg`, `png`.

    """
    if not has_data(scenario, kind):
        return {}
    from sim.report.plots import canvas, latency, queues  # noqa: PLC0415 - matplotlib takes half a second to import

    plot = {"latency": latency.plot, "queues": queues.plot}[kind]
    with canvas.settings(salt=f"{scenario.name}/{kind}"):
        figure = plot(scenario)
        return {one: canvas.file_bytes(figure, one) for one in formats}
