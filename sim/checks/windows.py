"""The nouns of `during` as intervals of virtual time."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from sim.model.scenario import DURING_NOUNS

if TYPE_CHECKING:
    from sim.model.scenario import Check, Scenario


@dataclass(frozen=True, slots=True)
class Interval:
    """Virtual time from `start_s` up to, but not including, `end_s`."""

    start_s: float
    end_s: float

    def __contains__(self, at_s: float) -> bool:
        """Whether `at_s` lies in it."""
        return self.start_s <= at_s < self.end_s


WHOLE = Interval(0.0, inf)


def interval_of(scenario: Scenario, check: Check) -> Interval:
    """The stretch of a run that `check` looks at (SCENARIOS 1.3).

    `before-faults` ends where the first fault's window opens, `after-faults` starts
    where the last one closes; a `tenant_probe` only looks, so it disturbs nothing and
    does not count. For `recovery.time`, nouns that are no fault mean all windows together.

    Raises:
        ValueError: when `during` names no fault of the scenario.

    """
    for fault in scenario.faults:
        if fault.id == check.during:
            return Interval(fault.window.from_, fault.window.end_s)
    faulty = _faulty(scenario)
    if check.metric == "recovery.time":
        return faulty or WHOLE
    match check.during:
        case "whole":
            return WHOLE
        case "before-faults":
            return Interval(0.0, faulty.start_s) if faulty else WHOLE
        case "after-faults":
            return Interval(faulty.end_s, inf) if faulty else WHOLE
    known = ", ".join([*DURING_NOUNS, *(fault.id for fault in scenario.faults)])
    msg = f"check {check.id}: during {check.during!r} is no stretch of {scenario.name}; it is one of {known}"
    raise ValueError(msg)


def _faulty(scenario: Scenario) -> Interval | None:
    """From the first opening to the last closing of the windows of all disturbing faults."""
    windows = [fault.window for fault in scenario.faults if fault.kind != "tenant_probe"]
    if not windows:
        return None
    return Interval(min(window.from_ for window in windows), max(window.end_s for window in windows))
