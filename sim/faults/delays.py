"""Delays from distributions: one uniform draw in, one delay out."""

from __future__ import annotations

import math
from statistics import NormalDist

from sim.model.scenario import Delay

_NORMAL = NormalDist()
_SMALLEST = 1e-12


def sample_delay_s(delay: float | Delay, uniform: float) -> float:
    """The delay at quantile `uniform`, in seconds, rounded to the microsecond.

    Rounding hides the last bit, in which math libraries differ.

    Args:
        delay: seconds, or a distribution.
        uniform: a number in [0, 1).

    """
    if not isinstance(delay, Delay):
        return round(delay, 6)
    seconds = delay.median * _factor(delay, min(max(uniform, _SMALLEST), 1 - _SMALLEST))
    return round(seconds if delay.max is None else min(seconds, delay.max), 6)


def _factor(delay: Delay, uniform: float) -> float:
    """How much longer than the median."""
    if delay.dist == "constant":
        return 1.0
    if delay.dist == "uniform":
        return max(0.0, 1.0 + delay.spread * (2.0 * uniform - 1.0))
    if delay.dist == "exponential":
        return -math.log1p(-uniform) / math.log(2.0)
    return math.exp(delay.spread * _NORMAL.inv_cdf(uniform))
