"""How the arrivals of one stage are spread over it."""

from __future__ import annotations

from itertools import count
from math import log1p, sqrt
from typing import TYPE_CHECKING

from sim.model.stages import Ramp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.kernel.draws import Draws
    from sim.model.stages import Stage

MICROSECOND_DIGITS = 6


def offsets_s(stage: Stage, arrival: str, number: int, draws: Draws) -> Iterator[float]:
    """Seconds from the stage's start to each arrival in it, in order.

    Args:
        stage: what the file says; `number` is its place among the stages, from 0.
        arrival: `constant`, `poisson` or `burst`.
        number: part of the address of every draw.
        draws: the seed's draws.

    """
    if arrival == "burst":
        return _bursts(stage)
    return _poisson(stage, number, draws) if arrival == "poisson" else _constant(stage)


def _constant(stage: Stage) -> Iterator[float]:
    for index in count():
        offset_s = _reached_s(stage, index)
        # Rounded, or a rate such as 90/m would squeeze one arrival too many into its stage.
        if offset_s is None or round(offset_s, MICROSECOND_DIGITS) >= stage.for_:
            return
        yield round(offset_s, MICROSECOND_DIGITS)


def _poisson(stage: Stage, number: int, draws: Draws) -> Iterator[float]:
    """Gaps of exponential length in a time that runs as fast as requests arrive; a ramp only bends that time."""
    expected = 0.0
    for index in count():
        expected -= log1p(-draws.uniform("load", number, index))
        offset_s = _reached_s(stage, expected)
        if offset_s is None or offset_s >= stage.for_:
            return
        yield offset_s


def _bursts(stage: Stage) -> Iterator[float]:
    if stage.every is None or stage.size is None:
        return
    for index in count():
        offset_s = round(index * stage.every, MICROSECOND_DIGITS)
        if offset_s >= stage.for_:
            return
        yield from [offset_s] * stage.size


def _reached_s(stage: Stage, arrivals: float) -> float | None:
    """When so many arrivals are due, in seconds from the stage's start; `None` if the rate never gets there.

    At a rate of a + k t, a t + k t² / 2 are due by t; this is its root, in the form that also holds for k = 0.
    """
    first, last = (stage.rate.from_, stage.rate.to) if isinstance(stage.rate, Ramp) else (stage.rate, stage.rate)
    if not first and not last:
        return None
    start, slope = first or 0.0, ((last or 0.0) - (first or 0.0)) / stage.for_
    square = start * start + 2 * slope * arrivals
    if square < 0:
        return None
    return 2 * arrivals / (start + sqrt(square)) if arrivals else 0.0
