"""One promise over all seeds: its verdict, its worst seed, its findings, and the words for them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from sim.checks.doubts import check_doubts
from sim.checks.promises import Promise, promises
from sim.model.outcome import CheckOutcome
from sim.model.result import CheckResult, Finding, Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.model.outcome import SeedOutcome
    from sim.model.scenario import Scenario

FINDINGS_MAX = 6
"""Findings of one check over a sweep: all of the first failing seed, then one a seed."""

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One promise over all seeds.

    Args:
        promise: what has to hold.
        by_seed: what each seed says; the seeds in the order of the sweep.
        doubts: why the numbers prove nothing; empty when they do.
        known: that its failure is known, and by which issue; empty where it is not.
        stale: whether that excuses nothing any more.

    """

    promise: Promise
    by_seed: Mapping[int, CheckOutcome]
    doubts: tuple[str, ...]
    known: str = ""
    stale: bool = False

    @property
    def failing(self) -> dict[int, CheckOutcome]:
        """The seeds that break the promise."""
        return {seed: outcome for seed, outcome in self.by_seed.items() if outcome.verdict == "fail"}

    @property
    def worst_seed(self) -> int | None:
        """The seed whose number lies farthest beyond its bounds, or nearest to them; the first of equals."""
        values = {seed: outcome.value for seed, outcome in self.by_seed.items() if outcome.value is not None}
        return max(values, key=lambda seed: self._badness(seed, values[seed]), default=None)

    def _badness(self, seed: int, value: float) -> tuple[bool, float]:
        return self.by_seed[seed].verdict == "fail", self.promise.excess(value)

    @property
    def verdict(self) -> Verdict:
        """What the numbers say."""
        broken: list[Verdict] = ["fail"] if self.stale else [self.promise.severity] if self.failing else []
        return worst([*broken, "inconclusive"] if self.doubts else broken)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What broke it: all of the first failing seed, then one a seed."""
        first, *others = [outcome.findings for outcome in self.failing.values()] or [()]
        return (*first, *(findings[0] for findings in others if findings))[:FINDINGS_MAX]

    @property
    def explanation(self) -> str:
        """What its numbers do not say: how it fails, what an always-on promise means, and every doubt."""
        parts = [part for part in (self.headline or self.promise.about, *self.doubts) if part]
        return "; ".join([*(part.removesuffix(".") for part in parts[:-1]), *parts[-1:]])

    @property
    def headline(self) -> str:
        """How it fails; where that differs from seed to seed, in the worst of them."""
        told = dict.fromkeys(outcome.headline for outcome in self.failing.values())
        if len(told) <= 1 or self.worst_seed is None:
            return next(iter(told), "")
        return f"{self.by_seed[self.worst_seed].headline} (seed {self.worst_seed}, the worst)"


def build_rows(
    scenario: Scenario,
    outcomes: Sequence[SeedOutcome],
    doubtful_faults: Mapping[str, str],
    twice: Mapping[int, str | None],
) -> list[Row]:
    """Every promise of the scenario over all seeds; `twice` is that of `merge`."""
    table: dict[str, dict[int, CheckOutcome]] = {}
    for outcome in outcomes:
        for check in outcome.checks:
            table.setdefault(check.id, {})[outcome.seed] = check
    if twice:
        table["determinism"] = {seed: _determinism(seed, parting) for seed, parting in twice.items()}
    return [
        Row(promise, by_seed, check_doubts(promise, list(by_seed.values()), scenario, doubtful_faults))
        for promise in promises(scenario, list(table))
        for by_seed in [table.get(promise.id, {})]
    ]


def check_result(row: Row, *, line: int | None, met: bool | None) -> CheckResult:
    """A row as the result shows it.

    Args:
        row: the promise over all seeds.
        line: where it stands in the scenario's file.
        met: whether its expected failure came; `None` where none is expected.

    """
    promise, worst_seed = row.promise, row.worst_seed
    value = None if worst_seed is None else row.by_seed[worst_seed].value
    return CheckResult(
        id=promise.id,
        metric=promise.metric,
        stat=promise.stat,
        during=promise.during,
        where=promise.where,
        severity=promise.severity,
        verdict=row.verdict,
        value=round(value, _DIGITS) if value is not None and isfinite(value) else None,
        unit=promise.unit,
        limit=promise.limit,
        samples=sum(outcome.samples for outcome in row.by_seed.values()),
        worst_seed=worst_seed,
        failing_seeds=tuple(row.failing),
        explanation=row.explanation,
        line=line,
        expected=met is not None,
        met=met,
        found=sum(outcome.found for outcome in row.failing.values()),
        findings=row.findings,
        known=row.known,
    )


def _determinism(seed: int, parting: str | None) -> CheckOutcome:
    if parting is None:
        return CheckOutcome("determinism", 0.0, 1, "pass")
    first_difference = f"; the first difference: {parting}" if parting else ""
    finding = Finding(
        kind="nondeterminism",
        seed=seed,
        at_s=0.0,
        summary=f"seed {seed}, run twice, gave two different digests{first_difference}",
        cause="The flow reads a clock, a random source, an id or the order of a set that the harness does not control.",
        fix="Take time, chance and ids from the standard library inside the flow, and sort what comes out of sets.",
    )
    return CheckOutcome("determinism", 1.0, 1, "fail", "the same seed gave other bytes", (finding,), 1)
