"""Why a promise that was not broken is not kept either: faults that never fired, blind probes, too few samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.model.scenario import TenantProbeFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.checks.promises import Promise
    from sim.model.outcome import CheckOutcome, SeedOutcome
    from sim.model.properties import DeclaredProperty
    from sim.model.scenario import Fault, Scenario

_LEAK_METRICS = ("leaks", "leaks.confirmed")


def fault_doubts(scenario: Scenario, outcomes: Sequence[SeedOutcome]) -> dict[str, str]:
    """For each fault that proves nothing, why."""
    doubts = {}
    for fault in scenario.faults:
        reasons = [reason for reason in (_never_fired(fault, outcomes), _blind(fault, outcomes)) if reason]
        if reasons:
            doubts[fault.id] = "; ".join(reasons)
    return doubts


def check_doubts(
    promise: Promise, seen: Sequence[CheckOutcome], scenario: Scenario, doubtful_faults: Mapping[str, str]
) -> tuple[str, ...]:
    """Why the numbers of one check prove nothing; empty when they do."""
    doubts = []
    samples = sum(outcome.samples for outcome in seen)
    if all(outcome.value is None for outcome in seen):
        doubts.append(f"it saw nothing to measure ({promise.metric}, during {promise.during})")
    elif promise.check and promise.check.at_least and samples < promise.check.at_least:
        doubts.append(f"it saw {samples} samples and needs at_least {promise.check.at_least}")
    if promise.metric in _LEAK_METRICS:
        doubts.extend(_probe_doubts(scenario, doubtful_faults, samples))
    elif promise.during in doubtful_faults:
        doubts.append(doubtful_faults[promise.during])
    return tuple(doubts)


def property_doubts(declared: Sequence[DeclaredProperty], outcomes: Sequence[SeedOutcome]) -> list[str]:
    """Which properties that have to hold somewhere in a sweep held nowhere, with their places."""
    held = {tally.name for outcome in outcomes for tally in outcome.properties if tally.held}
    reached = {tally.name: tally.kind for outcome in outcomes for tally in outcome.properties}
    places = {one.name: one for one in declared}
    known = {**{one.name: one.kind for one in declared}, **reached}
    return [
        f"{kind} '{name}'{f' ({places[name].place})' if name in places else ''} never held"
        + ("" if name in reached else ": its line never ran")
        for name, kind in known.items()
        if kind in ("sometimes", "reachable") and name not in held
    ]


def _never_fired(fault: Fault, outcomes: Sequence[SeedOutcome]) -> str:
    counts = [outcome.faults[fault.id] for outcome in outcomes if fault.id in outcome.faults]
    fired, matched = sum(count.fired for count in counts), sum(count.matched for count in counts)
    if fired >= fault.must_fire_effective:
        return ""
    wanted = fault.must_fire_effective
    return f"fault {fault.id} fired {fired} times of {matched} matching calls, and must_fire is {wanted}"


def _blind(fault: Fault, outcomes: Sequence[SeedOutcome]) -> str:
    missing = [
        (outcome.seed, control)
        for outcome in outcomes
        for control in outcome.controls_missing
        if control.split("/")[0] == fault.id
    ]
    if not missing:
        return ""
    places = ", ".join(dict.fromkeys(control.partition("/")[2] for _, control in missing))
    seeds = len(dict.fromkeys(seed for seed, _ in missing))
    return f"the canary of {fault.id} in {places} was not seen by its own tenant in {seeds} of {len(outcomes)} seeds"


def _probe_doubts(scenario: Scenario, doubtful_faults: Mapping[str, str], sightings: int) -> list[str]:
    """Why seeing no leak proves nothing: without a probe, that not even a tenant's own canary was seen."""
    probes = [fault.id for fault in scenario.faults if isinstance(fault, TenantProbeFault)]
    if not probes:
        return [] if sightings else ["no canary was seen by anybody: the file has no tenant_probe"]
    return [doubtful_faults[probe] for probe in probes if probe in doubtful_faults]
