"""From seeds to the verdict of a scenario."""

from __future__ import annotations

import pickle

import pytest
from made_recordings import LATENCY, PROBE, depths, effect, judge, judge_check, make_scenario, record, request, sighting

from sim.checks.evaluate import evaluate_seed
from sim.checks.verdicts import merge
from sim.model.recording import FaultCount, Stuck

ONCE = {"id": "charge-once", "metric": "effects.duplicates", "where": {"tool": "charge_card"}, "max": 0}
FAST = {"id": "fast", "metric": "trace.latency", "stat": "max", "max": "400ms"}
TWO = ("acme", "globex")


def answered(*latencies_s: float, seed=1, **fields):
    requests = [request(f"t{n}", float(n), n + latency_s) for n, latency_s in enumerate(latencies_s)]
    return record(seed, requests=requests, **fields)


def twice(seed=1):
    return record(seed, requests=[request()], effects=[effect(1.0), effect(2.0, attempt=2)])


def once(seed=1):
    return record(seed, requests=[request()], effects=[effect(1.0)])


# -- one check over seeds ------------------------------------------------------------------------


def test_a_check_has_the_worst_value_and_the_seeds_that_break_it():
    """Value and worst seed are those farthest beyond the bound; failing seeds are listed."""
    check = judge_check(FAST, answered(0.1, seed=1), answered(0.9, seed=2), answered(0.5, seed=3))
    assert (check.verdict, check.value, check.worst_seed, check.failing_seeds) == ("fail", 0.9, 2, (2, 3))
    assert (check.unit, check.limit, check.samples, check.line) == ("s", "<= 400 ms", 3, 12)


def test_with_a_lower_bound_the_smallest_value_is_the_worst():
    """What is worst depends on the side of the bound."""
    check = judge_check(
        {"id": "c", "metric": "trace.latency", "stat": "min", "min": "1s"}, answered(3.0), answered(2.0, seed=2)
    )
    assert (check.verdict, check.value, check.worst_seed) == ("pass", 2.0, 2)


def test_a_bound_is_kept_by_the_exact_number():
    """A latency equal to its bound holds, in spite of the rounding of sums."""
    assert judge_check(FAST, record(requests=[request("a", 0.3, 0.7)])).verdict == "pass"
    assert judge_check(FAST, record(requests=[request("a", 0.3, 0.700001)])).verdict == "fail"


def test_a_broken_warning_is_a_warning():
    """A check with severity warn does not fail its scenario."""
    result = judge(make_scenario({**FAST, "severity": "warn"}), answered(0.9))
    assert (result.checks[0].verdict, result.verdict, result.checks[0].failing_seeds) == ("warn", "warn", (1,))
    assert result.reason == "fast fails in the only seed: requests were slow"


def test_no_samples_are_inconclusive():
    """A latency of no requests is no pass."""
    check = judge_check(FAST, record())
    assert (check.verdict, check.value, check.worst_seed) == ("inconclusive", None, None)
    assert check.explanation == "it saw nothing to measure (trace.latency, during whole)"


def test_one_seed_with_samples_is_enough():
    """A seed that saw nothing does not hide one that did."""
    assert judge_check(FAST, record(1), answered(0.1, seed=2)).verdict == "pass"


def test_too_few_samples_are_inconclusive():
    """Fewer samples than `at_least` over the sweep are no pass; just as many are."""
    check = {**FAST, "at_least": 3}
    assert judge_check(check, answered(0.1, seed=1), answered(0.1, seed=2)).verdict == "inconclusive"
    assert judge_check(check, answered(0.1, seed=1), answered(0.1, 0.1, seed=2)).verdict == "pass"


def test_a_broken_promise_fails_even_on_few_samples():
    """Fail outranks inconclusive."""
    assert judge_check({**FAST, "at_least": 3}, answered(0.9)).verdict == "fail"


def test_no_effects_at_all_are_an_answer_unless_one_tool_is_meant():
    """No effect is no duplicate; but a check of one tool that never acted looked at nothing."""
    everywhere = {"id": "once", "metric": "effects.duplicates", "max": 0}
    assert judge_check(everywhere, record()).verdict == "pass"
    assert judge_check(ONCE, record()).verdict == "inconclusive"
    assert judge_check(ONCE, once()).verdict == "pass"


def test_the_order_of_seeds_does_not_change_the_value():
    """The verdict over a sweep is a function of its seeds, not of their order."""
    seeds = [answered(0.1, seed=1), answered(0.9, seed=2), answered(0.5, seed=3)]
    there, back = judge_check(FAST, *seeds), judge_check(FAST, *reversed(seeds))
    assert (there.value, there.verdict, there.worst_seed) == (back.value, back.verdict, back.worst_seed)


# -- the baseline --------------------------------------------------------------------------------

VERSUS = {"id": "by", "metric": "trace.latency", "stat": "max", "versus": "baseline", "max": 1.5}


def compared(check, run, twin):
    scenario = make_scenario(check)
    outcome = evaluate_seed(scenario, run, twin)
    return merge(scenario, [outcome], file="f", lines={}).checks[0]


def test_a_check_versus_the_baseline_is_a_ratio():
    """The number of the run is divided by that of its twin without faults."""
    check = compared(VERSUS, answered(0.6), answered(0.3))
    assert (check.value, check.verdict, check.unit, check.limit) == (2.0, "fail", "x", "<= 1.5 x baseline")


def test_beside_a_baseline_of_zero_anything_is_too_much():
    """Zero beside zero is alike; more than zero breaks every bound and has no finite value."""
    check = {"id": "e", "metric": "trace.errors", "versus": "baseline", "max": 2}
    failed = record(requests=[request(outcome="error")])
    assert compared(check, answered(0.1), answered(0.1)).value == 1.0
    broken = compared(check, failed, answered(0.1))
    assert (broken.verdict, broken.value, broken.worst_seed) == ("fail", None, 1)


def test_a_ratio_that_nothing_explains_shows_itself():
    """Zero beside zero is 1; where even that is too much, the finding is the bare number."""
    check = compared(
        {"id": "e", "metric": "trace.errors", "versus": "baseline", "max": 0.5}, answered(0.1), answered(0.1)
    )
    (finding,) = check.findings
    assert (finding.kind, finding.summary) == (
        "threshold", "trace.errors count is 0, as without faults (1 x); the promise is <= 0.5 x baseline",
    )  # fmt: skip


def test_a_ratio_is_told_with_both_of_its_numbers():
    """Where no request explains it, the finding has the number, that of the run without faults, and their ratio."""
    check = {"id": "q", "metric": "trace.latency", "stat": "count", "versus": "baseline", "min": 3}
    assert compared(check, answered(0.1), answered(0.1)).explanation == (
        "trace.latency count is 1, beside 1 without faults, 1 x"
    )
    never = {"id": "e", "metric": "trace.errors", "versus": "baseline", "min": 2}
    failed = record(requests=[request(outcome="error")])
    assert "trace.errors count is 0, beside 1 without faults, 0 x" in compared(never, answered(0.1), failed).explanation


def test_a_headline_that_differs_from_seed_to_seed_is_that_of_the_worst():
    """A number stands for its seed only, so the worst is told, and named; one that is the same needs no name."""
    deep = {"id": "q", "metric": "queue.depth", "stat": "max", "max": 2}
    runs = [record(seed, depths=depths("charge", (1.0, depth))) for seed, depth in [(1, 5), (2, 8), (3, 1)]]
    assert judge_check(deep, *runs).explanation == "8 messages waited before charge (seed 2, the worst)"
    assert judge_check(deep, runs[0], record(2, depths=depths("charge", (1.0, 5)))).explanation == (
        "5 messages waited before charge"
    )


def test_findings_of_all_seeds_are_counted():
    """The number of findings is that of all seeds, however few are kept."""
    effects = [effect(float(at_s), attempt=at_s) for at_s in range(1, 9)]
    check = judge_check(
        {"id": "once", "metric": "effects.duplicates", "max": 0}, *[record(seed, effects=effects) for seed in (1, 2, 3)]
    )
    assert (len(check.findings), check.found) == (5, 21)


def test_a_ratio_needs_both_numbers():
    """Where the run or its twin has no samples, there is no ratio."""
    assert compared(VERSUS, answered(0.1), record()).verdict == "inconclusive"
    assert compared(VERSUS, record(), answered(0.1)).verdict == "inconclusive"


def test_a_missing_baseline_is_an_error_of_the_caller():
    """A check versus the baseline cannot be judged without one."""
    with pytest.raises(ValueError, match="check by compares with the baseline, and none was run"):
        evaluate_seed(make_scenario(VERSUS), answered(0.1))


# -- faults and probes ---------------------------------------------------------------------------


def test_a_fault_that_never_fired_is_inconclusive():
    """Too few hits over the sweep make scenario and checks of that window inconclusive, and are named."""
    scenario = make_scenario({**FAST, "during": "slow"}, faults=[LATENCY])
    silent = answered(*[0.1] * 15, fault_counts={"slow": FaultCount(matched=4)})
    result = judge(scenario, silent)
    assert (result.verdict, result.checks[0].verdict) == ("inconclusive", "inconclusive")
    assert result.reason == ("fast is inconclusive: fault slow fired 0 times of 4 matching calls, and must_fire is 1")


def test_hits_count_over_the_whole_sweep():
    """One seed may stay without a hit when another has enough."""
    scenario = make_scenario(FAST, faults=[{**LATENCY, "must_fire": 2}])
    counts = [{"slow": FaultCount(3, 0, 0)}, {"slow": FaultCount(3, 2, 1)}]
    result = judge(scenario, *[answered(0.1, seed=n, fault_counts=count) for n, count in enumerate(counts)])
    fault = result.faults[0]
    assert result.verdict == "pass"
    assert (fault.matched, fault.fired, fault.suppressed, fault.must_fire) == (6, 2, 1, 2)
    assert (fault.start_s, fault.end_s, fault.parameters) == (10.0, 20.0, "1 s")


def test_chance_zero_need_not_fire():
    """A fault that is switched off asks for no hits."""
    result = judge(
        make_scenario(FAST, faults=[{**LATENCY, "chance": 0}]), answered(0.1, fault_counts={"slow": FaultCount()})
    )
    assert result.verdict == "pass"


def test_a_broken_check_outranks_a_silent_fault():
    """A failure is a failure even if one of the faults never fired."""
    result = judge(make_scenario(FAST, faults=[LATENCY]), answered(0.9, fault_counts={"slow": FaultCount()}))
    assert result.verdict == "fail"


def test_a_probe_with_its_controls_seen_passes():
    """Canaries that only their owner saw prove that nothing leaked."""
    result = judge(
        make_scenario(faults=[PROBE], tenants=TWO), record(requests=[request()], sightings=[sighting(leaked=False)])
    )
    assert result.verdict == "pass"
    assert [check.id for check in result.checks] == ["stuck", "lost", "leaks", "surroundings"]
    assert (result.faults[0].controls_seen, result.faults[0].controls_wanted) == (2, 2)


def test_a_missing_control_is_inconclusive():
    """A canary that even its own tenant never saw proves nothing."""
    result = judge(make_scenario(faults=[PROBE], tenants=TWO), record(1), record(2, controls_missing=["peek/headers"]))
    assert (result.verdict, result.checks[2].verdict) == ("inconclusive", "inconclusive")
    assert "the canary of peek in headers was not seen by its own tenant in 1 of 2 seeds" in result.reason
    assert (result.faults[0].controls_seen, result.faults[0].controls_wanted) == (3, 4)


def test_a_leak_check_without_a_probe_is_inconclusive():
    """Nothing planted, nothing proved."""
    check = judge_check({"id": "no-leak", "metric": "leaks.confirmed", "max": 0}, record(), tenants=TWO)
    assert (check.verdict, check.explanation) == (
        "inconclusive", "no canary was seen by anybody: the file has no tenant_probe",
    )  # fmt: skip


# -- always on -----------------------------------------------------------------------------------


def test_a_quiet_answered_run_passes():
    """Without checks of its own, a scenario still promises that all requests end."""
    result = judge(make_scenario(), answered(0.1))
    assert [(check.id, check.verdict) for check in result.checks] == [
        ("stuck", "pass"),
        ("lost", "pass"),
        ("surroundings", "pass"),
    ]
    assert (result.verdict, result.reason) == ("pass", "")


@pytest.mark.parametrize(
    ("fields", "failing"),
    [
        ({"stuck": Stuck(3.0, "nothing is ready")}, ["stuck"]),
        ({"horizon_reached": True}, ["stuck"]),
        ({}, ["lost"]),
    ],
)
def test_an_unanswered_request_is_stuck_or_lost_but_not_both(fields, failing):
    """Cut off or frozen is stuck; gone quiet without an answer is lost."""
    result = judge(make_scenario(), record(requests=[request("t1", 1.0, None)], **fields))
    assert [check.id for check in result.checks if check.verdict == "fail"] == failing


def test_an_idle_flow_at_its_horizon_is_not_stuck():
    """A heartbeat that reaches the horizon with all requests answered breaks nothing."""
    assert judge(make_scenario(), answered(0.1, horizon_reached=True)).verdict == "pass"


def test_leaks_are_always_looked_at_between_tenants():
    """With two tenants and a probe, a leak fails the scenario without any check."""
    result = judge(make_scenario(faults=[PROBE], tenants=TWO), record(requests=[request()], sightings=[sighting()]))
    assert (result.verdict, result.reason) == (
        "fail",
        "leaks fails in the only seed: acme's data reached globex through egress",
    )


@pytest.mark.parametrize(("deterministic", "verdict"), [(True, "pass"), (False, "fail"), (None, None)])
def test_determinism_is_a_promise_where_it_was_tried(deterministic, verdict):
    """The caller says whether a second run was the same; without one there is no such row."""
    result = judge(make_scenario(), answered(0.1), deterministic=deterministic)
    rows = {check.id: check for check in result.checks}
    assert (rows["determinism"].verdict if "determinism" in rows else None) == verdict
    if verdict == "fail":
        assert rows["determinism"].findings[0].kind == "nondeterminism"
        assert result.verdict == "fail"


# -- the whole -----------------------------------------------------------------------------------


def test_the_digest_covers_seeds_and_their_runs():
    """Another seed or another run changes the digest; the same ones do not."""
    digests = [judge(make_scenario(), *runs).digest for runs in ([record(1)], [record(1)], [record(2)])]
    assert digests[0] == digests[1] != digests[2]
    assert judge(make_scenario(), record(1, digest="other")).digest != digests[0]


def test_limits_of_latency_are_handed_to_the_plot():
    """Upper bounds on latency are lines in its plot; ratios and counts are not."""
    scenario = make_scenario(FAST, VERSUS, {"id": "n", "metric": "trace.latency", "min": 1, "max": 9})
    outcome = evaluate_seed(scenario, answered(0.1), answered(0.1))
    assert merge(scenario, [outcome], file="f", lines={}).limits_s == {"fast": 0.4}


def test_a_sweep_without_seeds_is_inconclusive():
    """Nothing run, nothing proved."""
    assert judge(make_scenario(FAST)).verdict == "inconclusive"


def test_an_outcome_survives_the_way_between_processes():
    """A seed judged in a worker process merges as one judged here."""
    scenario = make_scenario(ONCE)
    outcome = evaluate_seed(scenario, twice())
    copied = pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own bytes
    merged = [merge(scenario, [each], file="f", lines={}) for each in (outcome, copied)]
    assert merged[0] == merged[1]


def test_an_outcome_is_small():
    """A run of 4,800 requests is kept in less than 40 bytes a request."""
    requests = [request(f"trace-{n}", n / 60, n / 60 + 0.1) for n in range(4800)]
    outcome = evaluate_seed(make_scenario(FAST), record(end_s=80.0, requests=requests))
    assert len(pickle.dumps(outcome)) < 40 * 4800


# -- demonstrations ------------------------------------------------------------------------------

EXPECT = {"check": "charge-once", "finding": "duplicate_effect"}


def test_a_demonstration_that_shows_its_failure_passes():
    """The expected failure is met, the scenario passes, and one line says what was caught."""
    result = judge(make_scenario(ONCE, expect=[EXPECT]), twice(1), once(2), twice(3))
    check = result.checks[0]
    assert (result.verdict, result.demonstration, result.reason) == ("pass", True, "")
    assert (check.verdict, check.expected, check.met) == ("fail", True, True)
    assert result.caught == ("charge-once: charge_card took effect twice in 2 of 3 seeds",)


def test_a_demonstration_that_shows_nothing_fails():
    """A harness that has gone blind is noticed."""
    result = judge(make_scenario(ONCE, expect=[EXPECT]), once())
    assert (result.verdict, result.checks[0].met, result.caught) == ("fail", False, ())
    assert result.reason == "charge-once is expected to fail (duplicate_effect) and holds in every seed"


def test_all_seeds_means_all():
    """A failure that is expected everywhere has to come everywhere."""
    scenario = make_scenario(ONCE, expect=[{**EXPECT, "seeds": "all"}])
    assert judge(scenario, twice(1), twice(2)).verdict == "pass"
    result = judge(scenario, twice(1), once(2))
    assert result.verdict == "fail"
    assert result.reason == "charge-once is expected to show duplicate_effect in all seeds and does not in seed 2"


def test_another_kind_of_finding_is_not_the_expected_one():
    """A check that fails for another reason than demanded does not meet the demand."""
    result = judge(make_scenario(FAST, expect=[{"check": "fast", "finding": "timeout"}]), answered(0.9))
    assert result.verdict == "fail"
    assert result.reason == "fast fails with threshold in seed 1, and is expected to fail with timeout"


def test_a_further_failure_is_not_covered():
    """Exactly the expected checks may fail; always-on ones count."""
    broken = record(requests=[request("t1", 1.0, None)], effects=[effect(1.0), effect(2.0, attempt=2)])
    result = judge(make_scenario(ONCE, expect=[EXPECT]), broken)
    assert (result.verdict, result.checks[0].met) == ("fail", True)
    assert result.reason == "lost fails (lost, seed 1) and is not expected to"


def test_an_always_on_check_can_be_expected():
    """A demonstration of a leak expects the always-on check."""
    scenario = make_scenario(faults=[PROBE], tenants=TWO, expect=[{"check": "leaks", "finding": "leak"}])
    result = judge(scenario, record(requests=[request()], sightings=[sighting()]))
    assert (result.verdict, result.caught) == (
        "pass",
        ("leaks: acme's data reached globex through egress in the only seed",),
    )


def test_an_expected_check_that_did_not_run_is_told():
    """An expectation on a promise that nobody looked at is not met."""
    result = judge(make_scenario(expect=[{"check": "leaks", "finding": "leak"}]), once())
    assert (result.verdict, result.reason) == ("fail", "leaks is expected to fail (leak) and did not run")


def test_two_kinds_can_be_expected_of_one_check():
    """Each failing seed shows one of the kinds, and each kind is shown."""
    drain = {"id": "drain", "metric": "recovery.time", "stat": "max", "during": "slow", "max": "2s"}
    expect = [{"check": "drain", "finding": kind} for kind in ("threshold", "not_drained")]
    scenario = make_scenario(drain, faults=[LATENCY], expect=expect)
    slow = record(1, requests=[request("t1", 15.0, 25.0)])
    never = record(2, requests=[request("t1", 15.0, None)], horizon_reached=True)
    result = judge(scenario, slow, never)
    assert result.checks[0].met
    assert result.reason == "stuck fails (stuck, seed 2) and is not expected to"
    assert judge(scenario, slow).reason == "drain is expected to show not_drained and does not"


def test_a_demonstration_beside_a_silent_fault_is_inconclusive():
    """The expected failure came, but not everything that the file promises happened."""
    faults = [LATENCY, {**LATENCY, "id": "other"}]
    result = judge(make_scenario(ONCE, faults=faults, expect=[EXPECT]), twice())
    assert (result.verdict, result.reason) == (
        "inconclusive", "fault other fired 0 times of 0 matching calls, and must_fire is 1",
    )  # fmt: skip


def test_an_expected_warning_counts_as_shown():
    """Severity says what a failure means, not whether there is one."""
    scenario = make_scenario({**ONCE, "severity": "warn"}, expect=[EXPECT])
    assert judge(scenario, twice()).verdict == "pass"
    assert judge(scenario, once()).verdict == "fail"


def test_no_request_at_all_is_no_pass():
    """A run to which nothing arrived proves nothing, whatever its checks say."""
    result = judge(make_scenario({"id": "once", "metric": "effects.duplicates", "max": 0}), record())
    assert (result.verdict, result.reason) == ("inconclusive", "no request arrived, so nothing was tested")


def test_a_horizon_that_cuts_the_load_off_is_a_failure():
    """Requests that were planned and never arrived fail the scenario, with their number."""
    recording = record(requests=[request()], horizon_reached=True, never_arrived=39)
    stuck = next(check for check in judge(make_scenario(), recording).checks if check.id == "stuck")
    assert stuck.verdict == "fail"
    assert stuck.findings[0].summary == "39 requests never arrived: the run ends at its horizon of 30.00 s"


def test_an_effect_that_was_cut_off_perhaps_happened():
    """A duplicate by an uncertain effect says that it is one."""
    recording = record(requests=[request()], effects=[effect(1.0, certain=False), effect(2.0, attempt=2)])
    finding = judge_check({"id": "once", "metric": "effects.duplicates", "max": 0}, recording).findings[0]
    assert "attempt 1 perhaps (it was cut off) at 1.00 s and attempt 2 at 2.00 s" in finding.summary
