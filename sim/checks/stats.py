"""How samples become one number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import fsum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.model.scenario import Stat


@dataclass(frozen=True, slots=True)
class Samples:
    """What a metric saw in one run.

    Args:
        values: one number each.
        weights: seconds that each value held; `None` where all count alike.
        flags: whether each value is 1 for yes or 0 for no; then `count` counts the yes.
        looked_at: how many things the values speak for, where that is not their number.

    """

    values: Sequence[float]
    weights: Sequence[float] | None = None
    flags: bool = False
    looked_at: int | None = None

    @property
    def size(self) -> int:
        """How many things were looked at."""
        return len(self.values) if self.looked_at is None else self.looked_at


def flags(answers: Iterable[bool]) -> Samples:
    """One yes or no for each thing that was looked at."""
    return Samples([1.0 if answer else 0.0 for answer in answers], flags=True)


def summarise(samples: Samples, stat: Stat) -> float | None:
    """The number that `stat` makes of `samples`; `None` when there are none.

    Percentiles are nearest-rank (NIST handbook 7.2.6.2, without interpolation): the smallest
    value that at least p percent of the samples, or of their weight, do not exceed. So a
    percentile is always a value that occurred.
    """
    values = samples.values
    if not values:
        return None
    match stat:
        case "count":
            return fsum(values) if samples.flags else float(len(values))
        case "rate" | "mean":
            return _mean(samples)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case _:
            return percentile(samples, int(stat[1:]))


def percentile(samples: Samples, percent: int) -> float:
    """The nearest-rank percentile of at least one sample."""
    if samples.weights is None or fsum(samples.weights) == 0:
        return nearest_rank(sorted(samples.values), percent)
    ordered = sorted(zip(samples.values, samples.weights, strict=True))
    reached = list(accumulate(weight for _, weight in ordered))
    wanted = min(reached[-1] * percent / 100, reached[-1])
    return next(value for (value, _), sum_ in zip(ordered, reached, strict=True) if sum_ >= wanted)


def nearest_rank(ordered: Sequence[float], percent: int) -> float:
    """The nearest-rank percentile of sorted values, by integer arithmetic."""
    rank = -(-percent * len(ordered) // 100)
    return ordered[max(rank, 1) - 1]


def _mean(samples: Samples) -> float:
    weights = samples.weights
    total = fsum(weights) if weights is not None else 0.0
    if weights is None or total == 0:
        return fsum(samples.values) / len(samples.values)
    return fsum(value * weight for value, weight in zip(samples.values, weights, strict=True)) / total
