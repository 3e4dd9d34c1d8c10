"""What decides a run in which something is late that no fault made late: invariants do, thresholds do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.model.plan import Plan
    from sim.model.scenario import Check, Metric, Scenario

DUPLICATES: Metric = "effects.duplicates"
_METRICS = (DUPLICATES, "effects.zombies", "leaks.confirmed", "trace.deadline_exceeded")


def is_explored(plan: Plan | None) -> bool:
    """Whether `plan` adds anything to the file's own faults."""
    return plan is not None and plan.kind != "baseline"


def invariants(scenario: Scenario) -> list[Check]:
    """The checks of the file that promise that something never happens: none at all, at any time of the run."""
    return [check for check in scenario.checks if _is_invariant(check)]


def promises_no_duplicates(scenario: Scenario) -> bool:
    """Whether the file has a check of its own on duplicates, whatever its bound."""
    return any(check.metric == DUPLICATES for check in scenario.checks)


def _is_invariant(check: Check) -> bool:
    never = check.max == 0 and check.stat in ("count", "rate", "max") and check.versus is None
    return check.metric in _METRICS and check.during == "whole" and never
