"""Recordings and scenarios made by hand, for the tests of the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.checks.evaluate import evaluate_seed
from sim.checks.verdicts import merge
from sim.checks.windows import Interval
from sim.model.recording import Depth, Effect, FaultCount, Recording, Request, Sighting, Span
from sim.model.scenario import CheckWhere, Scenario

if TYPE_CHECKING:
    from sim.model.outcome import SeedOutcome
    from sim.model.result import CheckResult, ScenarioResult

WINDOW = {"from": "10s", "for": "10s"}
LATENCY = {"id": "slow", "kind": "latency", "delay": "1s", "window": WINDOW}
PROBE = {"id": "peek", "kind": "tenant_probe", "victim": "acme", "attacker": "globex", "plant": ["payload", "headers"]}
ANY = CheckWhere()


def make_scenario(*checks: dict[str, Any], faults=(), expect=(), tenants=("acme",), **fields: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "schema": "penguiflow.sim/1",
            "name": "checkout",
            "flow": "shop.flows:build",
            "tenants": {tenant: {} for tenant in tenants},
            "load": {"stages": [{"for": "30s", "rate": "1/s"}]},
            "faults": list(faults),
            "checks": list(checks),
            "expect": list(expect),
            **fields,
        }
    )


def request(trace_id="t1", arrival_s=0.0, ended_s: float | None = 1.0, **fields: Any) -> Request:
    outcome = "unanswered" if ended_s is None else "ok"
    known = {"index": 0, "tenant": "acme", "order": trace_id, "origin": "load", "client_attempt": 1, "outcome": outcome}
    return Request(trace_id=trace_id, arrival_s=arrival_s, ended_s=ended_s, **{**known, **fields})


def span(kind="running", start_s=0.0, end_s=1.0, *, trace_id="t1", node="charge", attempt=1, result="") -> Span:
    return Span(trace_id, node, kind, attempt, start_s, end_s, result)


def effect(at_s=1.0, key: str | None = "t1/charge", **fields: Any) -> Effect:
    known = {
        "name": "charge_card", "args_digest": "a", "trace_id": "t1", "tenant": "acme", "node": "charge",
        "attempt": 1,
    }  # fmt: skip
    return Effect(key=key, at_s=at_s, **{**known, **fields})


def sighting(*, leaked=True, **fields: Any) -> Sighting:
    known = {
        "fault": "peek", "place": "payload", "owner": "acme", "sink": "egress", "seen_by": "globex",
        "node": "answer", "trace_id": "t1", "at_s": 3.0, "path": "payload.text",
    }  # fmt: skip
    return Sighting(leaked=leaked, **{**known, **fields})


def depths(node: str, *changes: tuple[float, int], bound=8) -> list[Depth]:
    return [Depth(at_s, node, depth, bound) for at_s, depth in changes]


def record(seed=1, end_s=30.0, **fields: Any) -> Recording:
    known: dict[str, Any] = {"digest": f"digest-{seed}", "nodes": ("price", "charge")}
    if "fault_counts" not in fields:
        known["fault_counts"] = {"slow": FaultCount(5, 3, 0), "peek": FaultCount(4, 4, 0)}
    return Recording(scenario="checkout", seed=seed, end_s=end_s, **{**known, **fields})


def judge(scenario: Scenario, *recordings: Recording, deterministic: bool | None = None) -> ScenarioResult:
    outcomes: list[SeedOutcome] = [evaluate_seed(scenario, recording) for recording in recordings]
    twice = {} if deterministic is None else {outcomes[0].seed: None if deterministic else ""}
    return merge(scenario, outcomes, file="checkout.sim.yaml", lines={"checks[0]": 12}, twice=twice)


def judge_check(check: dict[str, Any], *recordings: Recording, **kwargs: Any) -> CheckResult:
    return judge(make_scenario(check, **kwargs), *recordings).checks[0]


def between(start_s: float, end_s: float) -> Interval:
    return Interval(start_s, end_s)
