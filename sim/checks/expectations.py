"""Demonstrations: they pass only if exactly the expected checks fail in the expected way (SCENARIOS 1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.checks.words import seed_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.model.scenario import Expect


@dataclass(frozen=True, slots=True)
class Failures:
    """How one check failed over a sweep.

    Args:
        counts: whether the scenario fails by it; a check with severity `warn` does not.
        kinds: for each failing seed, the kinds of its findings.

    """

    counts: bool
    kinds: Mapping[int, tuple[str, ...]]


def surprises(expect: Sequence[Expect], failures: Mapping[str, Failures], seeds: Sequence[int]) -> dict[str, str]:
    """For each check that did not behave as the demonstration demands, how.

    Args:
        expect: what has to fail.
        failures: every check of the sweep that ran, by id.
        seeds: those of the sweep.

    """
    found = {}
    for check in dict.fromkeys(one.check for one in expect):
        reason = _unmet([one for one in expect if one.check == check], failures.get(check), seeds)
        if reason:
            found[check] = f"{check} {reason}"
    for check, failed in failures.items():
        if failed.counts and failed.kinds and not any(one.check == check for one in expect):
            kinds = dict.fromkeys(kind for several in failed.kinds.values() for kind in several)
            found[check] = f"{check} fails ({', '.join(kinds)}, {seed_list(list(failed.kinds))}) and is not expected to"
    return found


def _unmet(expected: Sequence[Expect], failed: Failures | None, seeds: Sequence[int]) -> str:
    """Why the expectations on one check are not met; empty when they are."""
    wanted = " or ".join(one.finding for one in expected)
    if failed is None:
        return f"is expected to fail ({wanted}) and did not run"
    if not failed.kinds:
        return f"is expected to fail ({wanted}) and holds in every seed"
    allowed = [one.finding for one in expected]
    strange = [seed for seed, kinds in failed.kinds.items() if not any(kind in allowed for kind in kinds)]
    if strange:
        kinds = ", ".join(dict.fromkeys(kind for seed in strange for kind in failed.kinds[seed]))
        return f"fails with {kinds} in {seed_list(strange)}, and is expected to fail with {wanted}"
    for one in expected:
        shown = [seed for seed in seeds if one.finding in failed.kinds.get(seed, ())]
        if not shown:
            return f"is expected to show {one.finding} and does not"
        if one.seeds == "all" and len(shown) < len(seeds):
            held = seed_list([seed for seed in seeds if seed not in shown])
            return f"is expected to show {one.finding} in all seeds and does not in {held}"
    return ""
