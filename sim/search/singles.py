"""Every plan in which exactly one thing is different, one late call or one death: few enough to try them all."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sim.model.plan import DIES_AFTER, DIES_BEFORE, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.model.plan import CallPoint

MULTIPLIERS = (8, 2, 64, 4, 16)
"""How many times its own duration a late call takes; the order is that in which they are tried."""
_AROUND_US = (-1, 1, 0)  # just before a deadline, just after it, and exactly at it


@functools.lru_cache(maxsize=32)
def single_delays(calls: Sequence[CallPoint]) -> tuple[Plan, ...]:
    """Every plan with one late call, for the calls of one run: each multiplier, and both sides of each deadline.

    The most telling come first: each call eight times as long, then the
    deadlines, then the other multipliers.

    Args:
        calls: a tuple of the calls, in the order in which the run made them.

    """
    first, *others = MULTIPLIERS
    plans = [*_times(calls, first), *_around_deadlines(calls)]
    for times in others:
        plans += _times(calls, times)
    return tuple(plans)


@functools.lru_cache(maxsize=32)
def single_crashes(calls: Sequence[CallPoint]) -> tuple[Plan, ...]:
    """Every plan with one death: first just after the effect of each call, then at the beginning of each.

    Args:
        calls: a tuple of the calls, in the order in which the run made them.

    """
    return tuple(Plan("crash", crash={call.address: moment}) for moment in (DIES_AFTER, DIES_BEFORE) for call in calls)


def _times(calls: Sequence[CallPoint], times: int) -> Iterator[Plan]:
    for call in calls:
        if call.duration_us:
            yield Plan("delay_points", late={call.address: times})


def _around_deadlines(calls: Sequence[CallPoint]) -> Iterator[Plan]:
    for call in calls:
        for deadline_us in call.deadlines_us:
            for around_us in _AROUND_US:
                if deadline_us + around_us > 0:
                    yield Plan("delay_points", takes_us={call.address: deadline_us + around_us})
