"""Checks of somebody's own: what they may give, what of it counts, and how it is shown."""

from __future__ import annotations

import math

import pytest
from made_recordings import make_scenario, record, request, span
from pydantic import ValidationError

from sim.checks.evaluate import evaluate_seed
from sim.checks.verdicts import merge
from sim.model.custom import CustomCheckError, Seen

OVERSOLD = {"id": "stock", "metric": "custom", "check": "shop.checks:oversold", "max": 0}
RECORDING = record(requests=[request("t1", 2.0, 3.0)], spans=[span(start_s=2.0, end_s=3.0)])


def judge(function, recording=RECORDING, **changes):
    scenario = make_scenario({**OVERSOLD, **changes}, tenants=("acme", "globex"))
    outcome = evaluate_seed(scenario, recording, custom={"shop.checks:oversold": function})
    return merge(scenario, [outcome], file="f.sim.yaml", lines={}).checks[0]


def test_bare_numbers_are_samples():
    """Numbers become one number by `stat`, as those of any other metric."""
    check = judge(lambda _recording: [1, 2.5, 4], stat="mean", max=2)
    assert (check.value, check.samples, check.verdict) == (2.5, 3, "fail")
    assert check.findings[0].summary == "custom mean is 2.5; the promise is <= 2"


def test_nothing_seen_is_a_count_of_nothing():
    """A check that yields what is wrong passes when nothing is; any other stat has seen too little."""
    assert judge(lambda _recording: []).verdict == "pass"
    assert judge(lambda _recording: [], stat="max").verdict == "inconclusive"


def test_what_is_seen_has_a_text_and_a_story():
    """The largest come first, with their own cause and fix, and the story of their trace."""
    seen = [
        Seen("one left too few", at_s=2.5, trace_id="t1", tenant="acme", node="charge"),
        Seen("nine left too few", 9.0, cause="No lock.", fix="Take one."),
    ]
    check = judge(lambda _recording: seen)
    assert [(one.kind, one.summary, one.cause, one.fix) for one in check.findings] == [
        ("custom", "nine left too few", "No lock.", "Take one."),
        (
            *("custom", "one left too few", "A check of your own says so."),
            "Look at what the check reads in the recording.",
        ),
    ]
    assert (check.value, check.found, check.explanation) == (2, 2, "nine left too few")
    assert check.findings[1].story


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({}, 3),
        ({"during": "before-faults"}, 3),
        ({"during": "slow"}, 1),
        ({"where": {"tenant": "globex"}}, 1),
        ({"where": {"node": "ship"}}, 0),
    ],
)
def test_what_is_seen_is_chosen_by_time_tenant_and_node(changes, value):
    """`during` looks at the time of what is seen, `where` at its tenant and node; what has none is not chosen."""
    seen = [Seen("a", at_s=2.0, tenant="globex"), Seen("b", at_s=12.0, node="charge"), Seen("c")]
    faults = [{"id": "slow", "kind": "latency", "delay": "1s", "window": {"from": "10s", "for": "10s"}}]
    scenario = make_scenario({**OVERSOLD, **changes}, tenants=("acme", "globex"), faults=faults)
    outcome = evaluate_seed(scenario, RECORDING, custom={"shop.checks:oversold": lambda _recording: seen})
    expected = 1 if changes.get("during") == "before-faults" else value
    assert outcome.checks[0].value == expected


def test_three_of_many_are_told_and_all_are_counted():
    """The report shows the largest three of what was seen, from the start of the stretch on where they have no time."""
    check = judge(lambda _recording: [Seen(f"{n} too few", n) for n in (1.0, 4.0, 3.0, 2.0)])
    assert [one.summary for one in check.findings] == ["4.0 too few", "3.0 too few", "2.0 too few"]
    assert (check.found, {one.at_s for one in check.findings}) == (4, {0.0})


@pytest.mark.parametrize("given", ["text", None, True, math.nan, math.inf, Seen("x", math.nan)])
def test_what_is_no_sample_is_refused(given):
    """Text, truth and numbers that are none are told with what to give instead."""
    with pytest.raises(CustomCheckError, match=r"shop\.checks:oversold gave .*finite numbers.*yield Seen"):
        judge(lambda _recording: [given])


def test_a_check_that_raises_says_where():
    """An exception of the user's own names the check and the error."""
    with pytest.raises(
        CustomCheckError,
        match=r"shop\.checks:oversold raised ZeroDivisionError: .*; a check of your own takes any .*; handle that case",
    ) as caught:
        judge(lambda _recording: 1 / 0)
    assert caught.value.check == "stock"


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ({"id": "a", "metric": "custom", "max": 0}, "no code to ask"),
        ({"id": "a", "metric": "trace.errors", "check": "shop:f", "max": 0}, "asks no code"),
        ({"id": "a", "metric": "fairness", "max": 0}, "fairness has no count"),
        (
            {"id": "a", "metric": "queue.growth", "stat": "max", "versus": "baseline", "max": 2},
            "queue.growth compares with no baseline",
        ),
        ({"id": "a", "metric": "trace.errors", "stat": "p99", "max": 0}, "trace.errors has no p99"),
        ({"id": "a", "metric": "trace.errors", "where": {"phase": "queued"}, "max": 0}, "does not look at 'phase'"),
    ],
)
def test_a_check_that_measures_nothing_is_refused(check, message):
    """Code belongs to custom checks and only to them, and every stat and key to the metrics that know it."""
    with pytest.raises(ValidationError, match=message):
        make_scenario(check)
