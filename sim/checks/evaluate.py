"""One run judged: what a sweep keeps of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.checks.custom import samples_of, seen_by
from sim.checks.findings import (
    Broken,
    Evidence,
    Scene,
    find,
    leak_evidence,
    lost_evidence,
    properties_evidence,
    stuck_evidence,
    surroundings_evidence,
)
from sim.checks.findings.effects import duplicate_evidence
from sim.checks.findings.endings import unanswered
from sim.checks.invariants import DUPLICATES, invariants, is_explored, promises_no_duplicates
from sim.checks.metrics import measure
from sim.checks.recovery import recovery_after
from sim.checks.series import depth_series, node_tallies, request_series
from sim.checks.stats import summarise
from sim.checks.story import Stories
from sim.checks.windows import WHOLE, interval_of
from sim.model.outcome import CheckOutcome, SeedOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.checks.windows import Interval
    from sim.model.custom import CustomCheck, Seen
    from sim.model.plan import Plan
    from sim.model.recording import Recording, SpanKind
    from sim.model.scenario import Check, Scenario

_NO_CHECKS: Mapping[str, CustomCheck] = MappingProxyType({})
_COMPARED_DIGITS = 9
"""Virtual times are compared to the nanosecond: their differences carry a rounding error far below it."""


def evaluate_seed(
    scenario: Scenario,
    recording: Recording,
    baseline: Recording | None = None,
    *,
    plan: Plan | None = None,
    custom: Mapping[str, CustomCheck] = _NO_CHECKS,
) -> SeedOutcome:
    """Judge one run by the checks of the file and by those that are always on.

    Args:
        scenario: the promises.
        recording: the run.
        baseline: the same seed with all faults off; needed for checks with `versus: baseline`.
        plan: what was late besides; the file's thresholds say nothing of such a run, so its invariants decide.
        custom: the functions of custom checks, by what the file names them.

    Raises:
        CustomCheckError: a custom check failed, or gave something that is no sample.
        ValueError: when a check needs a baseline and there is none, or names an unknown stretch of time.

    """
    judge = _Judge(scenario, recording, baseline, custom)
    stories = judge.stories
    explored = is_explored(plan)
    checks = invariants(scenario) if explored else scenario.checks
    judged = [judge.outcome(check) for check in checks]
    if explored:
        judged.extend(_duplicates(scenario, Scene(recording, stories)))
    return SeedOutcome(
        seed=recording.seed,
        digest=recording.digest,
        end_s=recording.end_s,
        events=recording.events,
        effects=len(recording.effects),
        checks=(*judged, *_always_on(scenario, Scene(recording, stories))),
        faults={fault: replace(count) for fault, count in recording.fault_counts.items()},
        controls_missing=tuple(recording.controls_missing),
        requests=request_series(recording),
        depths=depth_series(recording),
        time_shares=_time_shares(recording),
        nodes=node_tallies(recording),
        steps_digest=recording.steps_digest,
        stride=recording.stride,
        marks=recording.marks,
        plan_unmet=recording.plan_unmet,
        plan=plan,
        properties=tuple(recording.properties.values()),
    )


class _Judge:
    """Judges the checks of a file by one run."""

    def __init__(
        self,
        scenario: Scenario,
        recording: Recording,
        baseline: Recording | None,
        custom: Mapping[str, CustomCheck],
    ) -> None:
        self.stories = Stories(recording)
        self._scenario = scenario
        self._recording = recording
        self._baseline = baseline
        self._custom = custom

    def outcome(self, check: Check) -> CheckOutcome:
        """What one check says."""
        recording, interval = self._recording, interval_of(self._scenario, check)
        seen = self._seen(check, recording, interval)
        measured, samples = self._number(check, recording, interval, seen)
        baseline = None if check.versus is None else self._baseline_number(check, interval)
        value = measured if check.versus is None else _ratio(measured, baseline)
        if value is None:
            return CheckOutcome(check.id, None, samples, "inconclusive")
        too_low = check.min is not None and round(value, _COMPARED_DIGITS) < check.min
        too_high = check.max is not None and round(value, _COMPARED_DIGITS) > check.max
        if not too_low and not too_high and not _never_drained(check, recording, interval):
            return CheckOutcome(check.id, value, samples, "pass")
        scene = Scene(recording, self.stories, check.where, interval)
        evidence = find(scene, Broken(check, value, measured, baseline, tuple(seen)), too_low=too_low)
        return CheckOutcome(check.id, value, samples, "fail", evidence.headline, evidence.findings, evidence.total)

    def _seen(self, check: Check, recording: Recording, interval: Interval) -> list[Seen]:
        return [] if check.check is None else seen_by(check, self._custom[check.check], recording, interval)

    def _number(
        self, check: Check, recording: Recording, interval: Interval, seen: Sequence[Seen]
    ) -> tuple[float | None, int]:
        """The check's number, and how many things it is made of."""
        if check.metric == "custom":
            samples = samples_of(seen)
        else:
            samples = measure(check.metric, recording, check.where, interval)
        if samples.size == 0 and check.stat == "count" and _zero_is_a_number(check):
            return 0.0, 0
        return summarise(samples, check.stat), samples.size

    def _baseline_number(self, check: Check, interval: Interval) -> float | None:
        baseline = self._baseline
        if baseline is None:
            msg = f"check {check.id} compares with the baseline, and none was run; pass the same seed without faults"
            raise ValueError(msg)
        return self._number(check, baseline, interval, self._seen(check, baseline, interval))[0]


def _zero_is_a_number(check: Check) -> bool:
    """Whether having seen nothing is an answer: yes for effects in general, no for those of one tool or node."""
    general = check.metric.startswith(("effects.", "leaks.")) and check.where.tool is None and check.where.node is None
    return general or check.metric == "custom"


def _ratio(value: float | None, baseline: float | None) -> float | None:
    if value is None or baseline is None:
        return None
    if baseline == 0:
        return 1.0 if value == 0 else inf
    return value / baseline


def _never_drained(check: Check, recording: Recording, interval: Interval) -> bool:
    """Whether a bound on the recovery is broken because there was none, however short the rest of the run."""
    if check.metric != "recovery.time" or check.max is None:
        return False
    recovery = recovery_after(interval, recording, check.where)
    return recovery is not None and not recovery.drained


def _always_on(scenario: Scenario, scene: Scene) -> list[CheckOutcome]:
    recording = scene.recording
    requests = len(recording.requests)
    stuck, lost = stuck_evidence(scene), lost_evidence(scene)
    outcomes = [
        _outcome("stuck", float(stuck is not None), requests, stuck),
        _outcome("lost", float(len(unanswered(recording)) if lost else 0), requests, lost),
    ]
    if _leaks_are_looked_for(scenario, recording):
        samples = measure("leaks.confirmed", recording, scene.where, WHOLE)
        leaked = summarise(samples, "count") or 0.0
        outcomes.append(_outcome("leaks", leaked, samples.size, leak_evidence(scene) if leaked else None))
    if recording.properties:
        broken = properties_evidence(scene)
        number = sum(tally.broken for tally in recording.properties.values())
        outcomes.append(_outcome("properties", float(number), len(recording.properties), broken))
    beyond = surroundings_evidence(scene)
    outcomes.append(_outcome("surroundings", float(recording.beyond), requests, beyond))
    return outcomes


def _duplicates(scenario: Scenario, scene: Scene) -> list[CheckOutcome]:
    """That nothing happens twice, where the file does not promise it itself."""
    if promises_no_duplicates(scenario):
        return []
    samples = measure(DUPLICATES, scene.recording, scene.where, WHOLE)
    twice = summarise(samples, "count") or 0.0
    return [_outcome("duplicates", twice, samples.size, duplicate_evidence(scene) if twice else None)]


def _leaks_are_looked_for(scenario: Scenario, recording: Recording) -> bool:
    """Whether there are two tenants, and a canary between them."""
    tenants = dict.fromkeys(scenario.tenants)
    if len(tenants) == 1:
        tenants.update(dict.fromkeys(request.tenant for request in recording.requests))
    probes = [fault for fault in scenario.faults if fault.kind == "tenant_probe"]
    return len(tenants) > 1 and bool(probes or recording.sightings)


def _outcome(id: str, value: float, samples: int, evidence: Evidence | None) -> CheckOutcome:
    if evidence is None:
        return CheckOutcome(id, value, samples, "pass")
    return CheckOutcome(id, value, samples, "fail", evidence.headline, evidence.findings, evidence.total)


def _time_shares(recording: Recording) -> dict[str, dict[SpanKind, float]]:
    shares: dict[str, defaultdict[SpanKind, float]] = {node: defaultdict(float) for node in recording.nodes}
    for span in recording.spans:
        shares.setdefault(span.node, defaultdict(float))[span.kind] += span.end_s - span.start_s
    return {node: dict(kinds) for node, kinds in shares.items()}
