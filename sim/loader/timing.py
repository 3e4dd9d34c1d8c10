"""Stretches of time that cannot hold anything, found before a run shows it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from sim.checks.windows import interval_of
from sim.model.rules import shown
from sim.model.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.loader.document import Document
    from sim.loader.errors import Problem
    from sim.model.scenario import Scenario


def timing_problems(document: Document, scenario: Scenario) -> Iterator[Problem]:
    """Every fault that opens after the end of the run, and every check that looks at no time at all."""
    horizon = format_duration(scenario.horizon)
    for index, fault in enumerate(scenario.faults):
        if fault.window.from_ >= scenario.horizon:
            opens = ("faults", index, "window", "from")
            message = f"the window opens at {format_duration(fault.window.from_)}"
            yield document.problem(opens, message, rule=f"the run ends at {horizon}", fix="open it earlier")
    for index, check in enumerate(scenario.checks):
        interval, path = interval_of(scenario, check), ("checks", index, "during")
        if interval.start_s >= min(interval.end_s, scenario.horizon):
            rule = "it has to lie inside the run"
            fix = "move the faults' windows" if interval.end_s == inf else "open the first fault later"
            yield document.problem(path, f"{shown(check.during)} holds no time here", rule=rule, fix=fix)
        elif check.metric == "recovery.time" and interval.end_s == inf:
            rule, fix = "recovery.time counts from the end of a fault's window", "give the fault a window.for"
            yield document.problem(path, f"{shown(check.during)} never ends", rule=rule, fix=fix)
