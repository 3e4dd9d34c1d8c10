"""Known failures warn until their day, and fail once they are gone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from made_recordings import effect, make_scenario, record, request

from sim.checks.evaluate import evaluate_seed
from sim.checks.verdicts import merge
from sim.report.sentences import claim

CHECK = {"id": "once", "metric": "effects.duplicates", "max": 0}
KNOWN = {"check": "once", "issue": "SHOP-17", "until": "2027-03-31"}
TWICE = (effect(key="k", at_s=1.0), effect(key="k", at_s=2.0))
ONCE = TWICE[:1]


def judged(*runs: Any, known: Any = KNOWN, today: str | None = "2027-01-01", count: int = 1, **fields: Any) -> Any:
    """A scenario with one known failure, over runs with the given effects."""
    scenario = make_scenario(CHECK, known=[known], seeds={"count": count}, **fields)
    outcomes = [
        evaluate_seed(scenario, record(seed, effects=list(effects), requests=[]))
        for seed, effects in enumerate(runs, start=1)
    ]
    day = None if today is None else date.fromisoformat(today)
    return merge(scenario, outcomes, file="f", lines={}, today=day)


def once(result: Any) -> Any:
    return next(check for check in result.checks if check.id == "once")


def test_a_known_failure_warns_and_names_its_issue():
    """The check is a warning, and every report says by which issue, and until when."""
    check = once(judged(TWICE))

    assert (check.verdict, check.severity, check.failing_seeds) == ("warn", "warn", (1,))
    assert claim(check).endswith("; known (SHOP-17) until 2027-03-31")
    assert check.findings


def test_an_unknown_failure_still_fails():
    """The list excuses what it names and nothing else."""
    assert once(judged(TWICE, known={**KNOWN, "check": "lost"})).verdict == "fail"


@pytest.mark.parametrize(("today", "verdict"), [("2027-03-31", "warn"), ("2027-04-01", "fail"), (None, "warn")])
def test_the_excuse_ends_after_its_day(today, verdict):
    """The day itself is the last one; without a day to hold it against, no date is past."""
    result = judged(TWICE, today=today)

    assert once(result).verdict == verdict
    assert ("excused only until 2027-03-31" in result.reason) == (verdict == "fail")


def test_a_failure_that_is_gone_fails_until_its_entry_is_taken_out():
    """A check that holds in every seed of the file has no place in the list."""
    result = judged(ONCE)

    assert (once(result).verdict, result.verdict) == ("fail", "fail")
    assert "once is known (SHOP-17) and no longer failing: take it out of known" in result.reason


def test_some_of_the_seeds_do_not_show_that_a_failure_is_gone():
    """Who runs one seed of many to look at something else is not told that the failure is gone."""
    assert once(judged(ONCE, count=2)).verdict == "pass"
    assert once(judged(ONCE, ONCE, count=2)).verdict == "fail"
    assert once(judged(ONCE, TWICE, count=2)).verdict == "warn"


def test_a_check_that_saw_nothing_is_not_gone():
    """An inconclusive check stays inconclusive: it proves nothing, so not that the failure is gone either."""
    check = {**CHECK, "where": {"tool": "charge_card"}}
    scenario = make_scenario(check, known=[KNOWN])
    result = merge(scenario, [evaluate_seed(scenario, record(requests=[]))], file="f", lines={})

    assert once(result).verdict == "inconclusive"


def test_an_always_on_check_can_be_known():
    """A flow that is known to get stuck warns, so that the rest of the suite can be adopted."""
    scenario = make_scenario(CHECK, known=[{**KNOWN, "check": "lost"}])
    outcome = evaluate_seed(scenario, record(requests=[request(ended_s=None)]))
    lost = next(check for check in merge(scenario, [outcome], file="f", lines={}).checks if check.id == "lost")

    assert (lost.verdict, lost.known) == ("warn", "known (SHOP-17) until 2027-03-31")


def test_the_day_is_nowhere_in_the_result():
    """Two days on the same side of every date give the same bytes; the result never says when it was made."""
    first, second = judged(TWICE, today="2027-01-01"), judged(TWICE, today="2027-03-31")

    assert first.model_dump_json() == second.model_dump_json()
    past = [judged(TWICE, today=day).model_dump_json() for day in ("2027-04-01", "2031-12-24")]
    assert past[0] == past[1]


def test_a_result_without_known_failures_does_not_mention_them():
    """A check that nobody excused has no such key, so results are as they were."""
    assert "known" not in once(judged(TWICE, known={**KNOWN, "check": "lost"})).model_dump()
