"""The seeds of one scenario merged into its result."""

from __future__ import annotations

from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.checks.describe import describe_parameters, describe_where
from sim.checks.doubts import fault_doubts, property_doubts
from sim.checks.expectations import Failures, surprises
from sim.checks.explored import exploration_of
from sim.checks.plots import latency_bins, node_numbers, numbers, queue_series, time_shares
from sim.checks.ratchet import ratchet
from sim.checks.rows import Row, build_rows, check_result
from sim.checks.words import counted, share_of_seeds
from sim.model.result import FaultResult, ScenarioResult, Verdict, worst
from sim.model.scenario import TenantProbeFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sim.model.outcome import SeedOutcome
    from sim.model.plan import Plans
    from sim.model.properties import DeclaredProperty
    from sim.model.scenario import Fault, Scenario


def merge(
    scenario: Scenario,
    outcomes: Sequence[SeedOutcome],
    *,
    file: str,
    lines: Mapping[str, int],
    twice: Mapping[int, str | None] = MappingProxyType({}),
    plans: Plans | None = None,
    stopped: str = "",
    declared: Sequence[DeclaredProperty] = (),
    today: date | None = None,
) -> ScenarioResult:
    """The result of a scenario.

    Args:
        scenario: what was run.
        outcomes: one a seed, in the order of the sweep.
        file: the scenario's file, as people name it.
        lines: for each place in the file, such as `checks[2]`, its line.
        twice: for each seed that ran twice, the first different events of both runs, side by side (empty where
            only the digests differ); `None` where the runs were the same.
        plans: where the plans of an exploration come from.
        stopped: why the sweep ended before its last seed; empty where it did not.
        declared: the properties that stand in the text of the code.
        today: the day to hold the dates of known failures against; `None` where none is past.

    """
    # Plots and numbers are of the load as the file means it; runs with late calls would only blur them.
    shown = [outcome for outcome in outcomes if not outcome.explored] or outcomes
    totals = numbers(shown)
    doubtful_faults = fault_doubts(scenario, outcomes)
    rows = build_rows(scenario, outcomes, doubtful_faults, twice)
    all_seeds = not stopped and {*scenario.seeds.all()} <= {outcome.seed for outcome in outcomes}
    rows = ratchet(rows, scenario.known, all_seeds=all_seeds, today=today)
    strange = _surprises(scenario, rows, shown)
    expected = {expect.check: expect.check not in strange for expect in scenario.expect}
    places = {check.id: f"checks[{position}]" for position, check in enumerate(scenario.checks)}
    checks = tuple(
        check_result(row, line=lines.get(places.get(row.promise.id, "")), met=expected.get(row.promise.id))
        for row in rows
    )
    unexpected = [row for row in rows if row.promise.id not in expected]
    unproved = [*doubtful_faults.values(), *property_doubts(declared, outcomes)]
    doubts = unproved if totals.requests else ["no request arrived, so nothing was tested"]
    verdict = _verdict(unexpected, strange, doubts)
    return ScenarioResult(
        name=scenario.name,
        title=scenario.title,
        about=scenario.about,
        file=file,
        flow=scenario.flow,
        tags=scenario.tags,
        seeds=tuple(outcome.seed for outcome in outcomes),
        digest=_digest(outcomes),
        verdict=verdict,
        demonstration=bool(scenario.expect),
        reason=_reason(unexpected, strange, doubts, len(outcomes), stopped),
        checks=checks,
        faults=tuple(_fault_result(fault, outcomes) for fault in scenario.faults),
        numbers=totals,
        latency=latency_bins([outcome.requests for outcome in shown]),
        limits_s=_limits_s(scenario),
        queues=queue_series([outcome.depths for outcome in shown]),
        time_shares=time_shares(shown),
        nodes=node_numbers(shown),
        caught=tuple(_caught(row) for row in rows if expected.get(row.promise.id)),
        exploration=None if plans is None else exploration_of(scenario, plans, outcomes),
        stopped=stopped,
    )


def _surprises(scenario: Scenario, rows: Sequence[Row], outcomes: Sequence[SeedOutcome]) -> dict[str, str]:
    """How a demonstration went otherwise than demanded, by check; empty for any other scenario."""
    if not scenario.expect:
        return {}
    explored = any(outcome.explored for outcome in outcomes)
    judged = [row.promise.id for row in rows]
    # Where every run is explored, the thresholds are not judged, and so nothing can be expected of them.
    expect = [one for one in scenario.expect if one.check in judged or not explored]
    failures = {
        row.promise.id: Failures(
            counts=row.verdict == "fail",
            kinds={seed: tuple(finding.kind for finding in one.findings) for seed, one in row.failing.items()},
        )
        for row in rows
    }
    return surprises(expect, failures, [outcome.seed for outcome in outcomes])


def _verdict(unexpected: Sequence[Row], strange: Mapping[str, str], doubts: Sequence[str]) -> Verdict:
    """The verdict of the scenario: of what no demonstration accounts for."""
    verdicts: list[Verdict] = [row.verdict for row in unexpected]
    if doubts:
        verdicts.append("inconclusive")
    if strange:
        verdicts.append("fail")
    return worst(verdicts)


def _reason(
    unexpected: Sequence[Row], strange: Mapping[str, str], doubts: Sequence[str], seeds: int, stopped: str
) -> str:
    """Why the scenario has its verdict; empty when it passes without a remark."""
    broken = [
        f"{row.promise.id} fails in {share_of_seeds(len(row.failing), seeds)}: {row.headline}{_excuse(row)}"
        for row in unexpected
        if row.failing and row.promise.id not in strange
    ]
    broken += [f"{row.promise.id} is {row.known}" for row in unexpected if row.stale and not row.failing]
    unproved = [f"{row.promise.id} is inconclusive: {row.doubts[0]}" for row in unexpected if row.doubts]
    told = [*strange.values(), *broken, *unproved]
    # A fault's doubt stands in those of its checks already.
    told.extend(doubt for doubt in doubts if not any(doubt in reason for reason in told))
    if stopped:
        told.append(f"the sweep ended early, after {counted(seeds, 'seed')}: {stopped}")
    return "; ".join(told)


def _excuse(row: Row) -> str:
    return f"; {row.known}" if row.known else ""


def _caught(row: Row) -> str:
    return f"{row.promise.id}: {row.headline} in {share_of_seeds(len(row.failing), len(row.by_seed))}"


def _fault_result(fault: Fault, outcomes: Sequence[SeedOutcome]) -> FaultResult:
    counts = [outcome.faults[fault.id] for outcome in outcomes if fault.id in outcome.faults]
    wanted = len(fault.plant) * len(counts) if isinstance(fault, TenantProbeFault) else None
    missing = sum(control.split("/")[0] == fault.id for outcome in outcomes for control in outcome.controls_missing)
    return FaultResult(
        id=fault.id,
        kind=fault.kind,
        where=describe_where(fault.where),
        parameters=describe_parameters(fault),
        start_s=fault.window.from_,
        end_s=None if fault.window.for_ is None else fault.window.end_s,
        matched=sum(count.matched for count in counts),
        fired=sum(count.fired for count in counts),
        suppressed=sum(count.suppressed for count in counts),
        must_fire=fault.must_fire_effective,
        controls_seen=None if wanted is None else wanted - missing,
        controls_wanted=wanted,
    )


def _limits_s(scenario: Scenario) -> dict[str, float]:
    """The upper bounds on latency, to be drawn into its plot."""
    return {
        check.id: check.max
        for check in scenario.checks
        if check.metric == "trace.latency"
        and check.max is not None
        and check.versus is None
        and check.stat not in ("count", "rate")
    }


def _digest(outcomes: Sequence[SeedOutcome]) -> str:
    return sha256("".join(f"{outcome.seed} {outcome.digest}\n" for outcome in outcomes).encode()).hexdigest()
