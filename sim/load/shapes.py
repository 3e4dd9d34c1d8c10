"""Arrivals by a function of the user's own: `load.shape`."""

from __future__ import annotations

from itertools import islice
from math import isfinite
from pathlib import PurePath
from traceback import extract_tb
from typing import TYPE_CHECKING, Protocol

from sim.model.stages import ARRIVALS_MAX

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterable


class Shape(Protocol):
    """What `load.shape` names."""

    def __call__(self, rng: random.Random, horizon_s: float, /) -> Iterable[float | tuple[float, str]]:
        """The arrivals of one run, in any order.

        Args:
            rng: the run's own source of chance; the same seed gives the same numbers.
            horizon_s: when the run ends, in seconds.

        Returns seconds from the start of the run, each alone or with the tenant that sends it; without one, tenants
        are drawn by weight.

        """
        ...


class ShapeError(Exception):
    """The function under `load.shape` fails, or gives something that is no arrival."""


def shaped(
    shape: Shape, rng: random.Random, horizon_s: float, tenants: Collection[str]
) -> list[tuple[float, str | None]]:
    """What `shape` gives, in order of time, to the microsecond.

    Raises:
        ShapeError: it raises, or gives too much, or something that is no arrival.

    """
    try:
        given = list(islice(shape(rng, horizon_s), ARRIVALS_MAX + 1))
    except Exception as error:
        frames = extract_tb(error.__traceback__)[1:]  # none of the user's when the call itself does not fit
        place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
        raise ShapeError(
            f"the shape raises {type(error).__name__}{place}: {error}; it is called with (rng, horizon_s) and "
            "gives arrivals one by one; correct that line"
        ) from error
    if len(given) > ARRIVALS_MAX:
        raise ShapeError(f"the shape gives too many arrivals; a run has at most {ARRIVALS_MAX}; end it at horizon_s")
    return sorted((_arrival(one, position, tenants) for position, one in enumerate(given)), key=lambda one: one[0])


def _arrival(given: object, position: int, tenants: Collection[str]) -> tuple[float, str | None]:
    at_s, tenant = given if isinstance(given, tuple) and len(given) == 2 else (given, None)  # noqa: PLR2004 - a pair
    if isinstance(at_s, bool) or not isinstance(at_s, int | float) or not isfinite(at_s) or at_s < 0:
        raise ShapeError(
            f"arrival {position} of the shape is {given!r:.60}; an arrival is seconds from the start of the run, or "
            "(seconds, tenant); yield 1.5"
        )
    if tenant is not None and tenant not in tenants:
        raise ShapeError(
            f"arrival {position} of the shape is of the unknown tenant {tenant!r:.60}; the file has "
            f"{', '.join(tenants)}; add it under tenants"
        )
    return round(at_s, 6), tenant
