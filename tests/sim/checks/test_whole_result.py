"""A whole sweep judged, merged and written down, in one golden file: no field changes without being seen.

`UPDATE_GOLDEN=1 pytest tests/sim/checks/test_whole_result.py` writes it anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from made_recordings import LATENCY, PROBE, depths, effect, make_scenario, record, request, sighting, span
from pydantic import TypeAdapter

from sim.checks.evaluate import evaluate_seed
from sim.checks.verdicts import merge
from sim.model.custom import Seen
from sim.model.outcome import SeedOutcome
from sim.model.plan import CallPoint, Plan, Plans
from sim.model.properties import DeclaredProperty, PropertyTally
from sim.model.recording import INGRESS, Blocking, FaultCount, Recording

GOLDEN = Path(__file__).parent / "golden"
CHECKS: list[dict[str, Any]] = [
    {"id": "fast", "metric": "trace.latency", "stat": "p95", "max": "4s", "during": "slow", "at_least": 9},
    {"id": "once", "metric": "effects.duplicates", "max": 0, "where": {"tool": "charge_card"}},
    {"id": "level", "metric": "trace.latency", "stat": "mean", "max": 1.5, "versus": "baseline", "severity": "warn"},
    {"id": "own", "metric": "custom", "check": "shop:stock", "stat": "max", "max": 3, "where": {"node": "charge"}},
]
LATE = Plan("delay_points", late={"charge#2": 3, "charge#1": 2})
PLANS = Plans(
    modes=("delay_points",),
    probe_seed=1,
    calls=(CallPoint("charge#1", "charge", 1000),),
    singles=(Plan("delay_points", late={"charge#1": 2}), LATE),
    by_seed={4: LATE},
)
DECLARED = [
    DeclaredProperty("sometimes", "sold out", "flow.py:7"),
    DeclaredProperty("reachable", "refund", "flow.py:9"),
]


def stock(recording: Recording) -> list[Seen]:
    return [
        Seen("one item is short", 4.0, at_s=3.0, trace_id="t1", tenant="acme", node="charge", cause="Why.", fix="How."),
        Seen("many items are short", 9.0 + recording.seed, node="charge"),
        Seen("elsewhere", 99.0, node="price"),
        Seen("", 50.0, node="charge"),
    ]


def run(seed: int, **fields: Any) -> Recording:
    """A run of a dozen requests with a bit of everything; the higher the seed, the slower."""
    outcomes = ("ok", "error", "deadline", "cancelled", "no_result", "unanswered")
    requests = [
        request(f"t{n}", 2.5 * n, None if n == 5 else 2.5 * n + 0.3 * n + seed, outcome=outcomes[n % 6], index=n)
        for n in range(12)
    ]
    results = ("ok", "error", "timeout", "cancelled", "abandoned", "deadline", "")
    spans = [span("running", float(n), n + 0.004 * 4**n + 4e-7, trace_id=f"t{n}", result=results[n]) for n in range(7)]
    spans += [span("waiting", 0.0, 0.25, node="price", result="deadline"), span("backoff", 1.0, 1.5, result="ok")]
    spans += [span("waiting", 3.0, 3.25, node="price", result="deadline")]
    spans += [span("blocked", 0.0, 0.125, node=INGRESS), span("blocked", 1.0, 2.0, node="late", result="ok")]
    known: dict[str, Any] = {
        "requests": requests, "spans": spans, "effects": [effect(1.0), effect(2.0, attempt=2)], "events": 100 + seed,
        "depths": [
            *depths("charge", (0.0, 0), (1.0, 2 * seed), (9.0, 9), (9.0, 1), (25.0, 0)), *depths("price", (3.0, 1)),
        ],
        "fault_counts": {"slow": FaultCount(5 + seed, 3, 1), "peek": FaultCount(4, 4, 0)},
        "controls_missing": ["peek/headers"] if seed == 2 else [], "sightings": [sighting(leaked=False)],
        "steps_digest": "3.11-abc", "stride": 10, "marks": ("01234567",), "plan_unmet": ("charge#9",),
        "properties": {
            "refund": PropertyTally("reachable", "refund", 1),
            "stable": PropertyTally("always", "stable", 0, 2, 4.0, "charge"),
        },
    }  # fmt: skip
    return record(seed, **{**known, **fields})


def judged() -> tuple[Any, list[SeedOutcome]]:
    scenario = make_scenario(
        *CHECKS,
        faults=[{**LATENCY, "where": {"node": "charge"}}, PROBE],
        tenants=("acme", "globex"),
        seeds={"count": 5},
        title="Buying",
        about="Nothing is paid twice.",
        tags=["money"],
        expect=[{"check": "once", "finding": "duplicate_effect"}],
        known=[{"check": "own", "issue": "SHOP-7", "until": "2027-03-31"}],
    )
    calm = run(1, requests=[request("t1", 0.0, 1.0), request("t2", 0.0, 1.5)])
    others = (run(2), run(3, end_s=70.0, blocked=(Blocking("time.sleep", "flow.py:7", 3.0, "charge", 1.0),)))
    custom = {"shop:stock": stock}
    outcomes = [evaluate_seed(scenario, one, calm, custom=custom) for one in (run(1), *others)]
    return scenario, [*outcomes, evaluate_seed(scenario, run(4), plan=LATE, custom=custom)]


def lines_of(fields: dict[str, Any]) -> str:
    """One line a field, and one for each entry of a list."""
    lines = []
    for name, value in fields.items():
        entries = value if isinstance(value, list) else [value]
        lines += [f"{name}: {json.dumps(entry, ensure_ascii=False)}" for entry in entries]
    return "\n".join(lines)


def compare(name: str, fields: dict[str, Any]) -> None:
    golden, told = GOLDEN / name, lines_of(fields)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(told + "\n", encoding="utf-8")
    assert told + "\n" == golden.read_text(encoding="utf-8")


def test_what_a_sweep_keeps_of_a_run_is_whole():
    """Checks, counts, series and tallies of one run are those of the golden file."""
    _, (_, second, *_) = judged()
    compare("outcome.txt", TypeAdapter(SeedOutcome).dump_python(second, mode="json"))


def test_the_result_of_a_sweep_is_whole():
    """Verdicts, reasons, numbers, bins and the exploration of four seeds are those of the golden file."""
    scenario, outcomes = judged()
    places = {f"checks[{position}]": 10 + position for position in range(4)}
    result = merge(
        scenario, outcomes, file="checkout.sim.yaml", lines=places, twice={1: None, 2: "a | b", 3: ""}, plans=PLANS,
        stopped="out of time", declared=DECLARED,
    )  # fmt: skip
    fields = result.model_dump(mode="json")
    del fields["exploration"]["scenario_sha256"]  # it changes with every new field of a scenario
    compare("result.txt", fields)


def test_two_equal_runs_are_a_kept_promise():
    """A seed that ran twice and gave the same has nothing to show."""
    scenario = make_scenario()
    outcomes = [evaluate_seed(scenario, record(requests=[request()]))]
    check = merge(scenario, outcomes, file="f", lines={}, twice={1: None}).checks[-1]
    assert (check.id, check.verdict, check.value, check.samples, check.findings) == ("determinism", "pass", 0.0, 1, ())


def test_of_a_run_with_late_calls_only_the_invariants_are_judged():
    """Its thresholds say nothing; that nothing happens twice is judged although the file does not promise it."""
    checks = [
        {"id": "no-zombies", "metric": "effects.zombies", "max": 0},
        {"id": "few-zombies", "metric": "effects.zombies", "max": 1},
        {"id": "later", "metric": "effects.zombies", "max": 0, "during": "after-faults"},
        {"id": "rarely", "metric": "trace.deadline_exceeded", "stat": "rate", "max": 0},
        {"id": "in-time", "metric": "trace.timeouts", "max": 0},
    ]
    scenario = make_scenario(*checks, faults=[LATENCY])
    runs = [record(effects=[effect(float(n)) for n in range(size)], requests=[request()]) for size in (3, 1)]
    twice, once = [evaluate_seed(scenario, one, plan=LATE) for one in runs]
    assert [check.id for check in twice.checks] == [
        "no-zombies",
        "rarely",
        "duplicates",
        "stuck",
        "lost",
        "surroundings",
    ]
    doubled, single = twice.checks[2], once.checks[2]
    assert (doubled.verdict, doubled.value, doubled.samples) == ("fail", 2.0, 3)
    assert (len(doubled.findings), doubled.found) == (2, 2)
    assert (single.verdict, single.value, single.samples) == ("pass", 0.0, 1)
    assert (twice.plan, twice.explored) == (LATE, True)
    by_the_file = evaluate_seed(scenario, record(), plan=Plan())
    assert [check.id for check in by_the_file.checks][:2] == ["no-zombies", "few-zombies"]


@pytest.mark.parametrize(("plans", "verdict"), [([LATE], "pass"), ([LATE, None], "fail"), ([None], "fail")])
def test_nothing_is_expected_of_thresholds_that_no_run_is_judged_by(plans, verdict):
    """A demonstration whose every run has late calls says nothing of its thresholds; with one that has none it does."""
    check = {"id": "in-time", "metric": "trace.timeouts", "max": 0}
    scenario = make_scenario(check, expect=[{"check": "in-time", "finding": "timeout"}])
    runs = [record(seed, requests=[request()]) for seed in range(1, 1 + len(plans))]
    outcomes = [evaluate_seed(scenario, one, plan=plan) for one, plan in zip(runs, plans, strict=True)]
    assert merge(scenario, outcomes, file="f", lines={}).verdict == verdict
