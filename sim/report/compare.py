"""Two results side by side: which checks, latencies and outcomes changed, and which of that is worse."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from sim.model.result import VERDICT_ORDER
from sim.report.wording import duration, number, outcome_list, percent, quantity, seed_list, seed_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.model.result import CheckResult, Numbers, ScenarioResult, SeedPlan, SuiteResult, Verdict

_PERCENTILES = ("p50", "p95", "p99", "max")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not what it was.

    Args:
        subject: a check, a percentile, an outcome.
        before: what it was.
        after: what it is.
        note: by how much, or in which seeds.
        worse: by which share it got worse; 0 where it did not, infinite for a worse verdict.

    """

    subject: str
    before: str
    after: str
    note: str = ""
    worse: float = 0.0


@dataclass(frozen=True, slots=True)
class ScenarioChanges:
    """What changed in one scenario."""

    name: str
    changes: tuple[Change, ...]


def compare(before: SuiteResult, after: SuiteResult) -> tuple[ScenarioChanges, ...]:
    """What changed, scenario by scenario: those of `before` in their order, then new ones."""
    old, new = ({one.name: one for one in suite.scenarios} for suite in (before, after))
    return tuple(
        ScenarioChanges(name, tuple(_changes(old.get(name), new.get(name)))) for name in dict.fromkeys([*old, *new])
    )


def worst_change(changes: Sequence[ScenarioChanges]) -> float:
    """The largest share by which something got worse."""
    return max((change.worse for scenario in changes for change in scenario.changes), default=0.0)


def render(changes: Sequence[ScenarioChanges], allowed: float | None = None) -> str:
    """A table for each scenario that changed, and a line for the others.

    Args:
        changes: what changed.
        allowed: the share by which something may be worse; what is beyond it is marked.

    """
    lines = []
    for scenario in changes:
        if scenario.changes:
            lines += [scenario.name, *_table(scenario.changes, allowed), ""]
    same = [scenario.name for scenario in changes if not scenario.changes]
    if same:
        lines.append(f"the same: {', '.join(same)}")
    return "\n".join(lines).rstrip("\n")


def _table(changes: Sequence[Change], allowed: float | None) -> Iterator[str]:
    rows = [(one.subject, one.before, "->", one.after, one.note) for one in changes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for change, row in zip(changes, rows, strict=True):
        mark = "" if not change.worse else "✗ WORSE" if allowed is not None and change.worse > allowed else "! worse"
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {mark:7}  {cells}".rstrip()


def _changes(old: ScenarioResult | None, new: ScenarioResult | None) -> Iterator[Change]:
    if old is None or new is None:
        yield _gone_or_new("scenario", gone=new is None)
        return
    if old.verdict != new.verdict:
        yield Change("verdict", old.verdict, new.verdict, worse=_verdict_worse(old.verdict, new.verdict))
    yield from _check_changes(old, new)
    yield from _latency_changes(old.numbers, new.numbers)
    yield from _outcome_changes(old.numbers, new.numbers)
    yield from _run_changes(old, new)


def _gone_or_new(subject: str, *, gone: bool) -> Change:
    """What is not looked at any more may be as bad as it likes."""
    return Change(subject, "there", "gone", worse=inf) if gone else Change(subject, "none", "new")


def _check_changes(old: ScenarioResult, new: ScenarioResult) -> Iterator[Change]:
    before, after = ({check.id: check for check in scenario.checks} for scenario in (old, new))
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after:
            yield _gone_or_new(name, gone=name not in after)
            continue
        one, other = before[name], after[name]
        seeds = _failing(one, other, new)
        if one.verdict != other.verdict:
            yield Change(name, _told(one), _told(other), seeds, _verdict_worse(one.verdict, other.verdict))
        elif one.value != other.value or one.failing_seeds != other.failing_seeds:
            note = ", ".join(part for part in (_growth(one.value, other.value), seeds) if part)
            yield Change(name, _told(one), _told(other), note, _value_worse(one, other))


def _told(check: CheckResult) -> str:
    return f"{check.verdict} {quantity(check.value, check.unit)}"


def _failing(one: CheckResult, other: CheckResult, scenario: ScenarioResult) -> str:
    """The seeds that fail now and did not, and those that do no more."""
    fresh = [seed for seed in other.failing_seeds if seed not in one.failing_seeds]
    healed = [seed for seed in one.failing_seeds if seed not in other.failing_seeds]
    told = [("now fails in", fresh), ("no more in", healed)]
    return ", ".join(f"{word} {seed_list(seeds, len(scenario.seeds))}" for word, seeds in told if seeds)


def _latency_changes(old: Numbers, new: Numbers) -> Iterator[Change]:
    for name in _PERCENTILES:
        before, after = (getattr(numbers, f"latency_{name}_s") for numbers in (old, new))
        if before != after:
            told, tells = ("none" if value is None else duration(value) for value in (before, after))
            yield Change(f"latency {name}", told, tells, _growth(before, after), _share(before, after))


def _outcome_changes(old: Numbers, new: Numbers) -> Iterator[Change]:
    if old.requests != new.requests:
        yield Change("requests", number(old.requests), number(new.requests), _growth(old.requests, new.requests))
    for name, _ in outcome_list({**old.outcomes, **new.outcomes}):
        before, after = (numbers.outcomes.get(name, 0) for numbers in (old, new))
        if before != after:
            # Of so many requests: a longer run has more of everything.
            was, is_ = before / max(old.requests, 1), after / max(new.requests, 1)
            worse = _share(was, is_, falling=name == "ok")
            yield Change(name, number(before), number(after), _growth(before, after), worse)


def _run_changes(old: ScenarioResult, new: ScenarioResult) -> Iterator[Change]:
    """Whether the runs themselves are others; where each seed has a digest, from which seed on."""
    if old.seeds != new.seeds:
        yield Change("seeds", seed_ranges(old.seeds), seed_ranges(new.seeds))
    if old.digest == new.digest:
        return
    before, after = ({one.seed: one.digest for one in _plans(scenario)} for scenario in (old, new))
    differing = [seed for seed in before if seed in after and before[seed] != after[seed]]
    note = f"first differs in seed {differing[0]}" if differing else ""
    yield Change("digest", old.digest[:12], new.digest[:12], note)


def _plans(scenario: ScenarioResult) -> Sequence[SeedPlan]:
    return scenario.exploration.seeds if scenario.exploration else ()


def _growth(before: float | None, after: float | None) -> str:
    if before is None or after is None or before in (after, 0):
        return ""
    share = (after - before) / abs(before)
    return f"{'+' if share > 0 else '-'}{percent(abs(share))}"


def _value_worse(one: CheckResult, other: CheckResult) -> float:
    """A check with an upper bound is worse with a larger number, one with a lower bound only, with a smaller one."""
    lower_only = one.limit.startswith(">=")
    return _share(one.value, other.value, falling=lower_only)


def _share(before: float | None, after: float | None, *, falling: bool = False) -> float:
    """By which share of `before` `after` is above it; or below it, where that is worse."""
    if before is None or after is None:
        return 0.0
    loss = before - after if falling else after - before
    return 0.0 if loss <= 0 else inf if before == 0 else loss / abs(before)


def _verdict_worse(before: Verdict, after: Verdict) -> float:
    return inf if VERDICT_ORDER.index(after) > VERDICT_ORDER.index(before) else 0.0
