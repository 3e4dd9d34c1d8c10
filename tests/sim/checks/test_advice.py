"""What findings advise, all in one golden file.

`UPDATE_GOLDEN=1 pytest tests/sim/checks/test_advice.py` writes it anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from made_recordings import PROBE, depths, effect, judge, make_scenario, record, request, sighting, span

from sim.model.limits import NodeLimits
from sim.model.metrics import METRICS
from sim.model.recording import Blocking, Fire, Stuck

if TYPE_CHECKING:
    from sim.model.recording import Recording
    from sim.model.result import ScenarioResult

GOLDEN = Path(__file__).parent / "golden" / "advice.txt"
LIMITS = {
    "charge": NodeLimits(timeout_s=2.0, max_retries=3, backoff_base_s=0.5, backoff_mult=2.0, cancel_grace_s=1.0),
    "price": NodeLimits(),
}
LATE = {"outcome": "deadline", "deadline_s": 2.0}
WINDOW = {"from": "10s", "for": "10s"}
SLOW = {"id": "slow", "kind": "latency", "delay": "1s", "window": WINDOW}
AHEAD = span("running", 0.0, 1.9, trace_id="t2")


def check(metric: str, **fields: Any) -> dict[str, Any]:
    return {"id": "promise", "metric": metric, "max": 0, **fields}


def late(*spans: Any, **fields: Any) -> Any:
    requests = [request("t1", 0.0, 2.0, **LATE), request("t2", 0.0, 2.0, tenant="globex")]
    return record(requests=requests, spans=[*spans, AHEAD], edges=(("price", "charge"),), **fields)


CASES: dict[str, tuple[dict[str, Any] | None, Any]] = {
    "timeout, queued": (check("trace.timeouts"), late(span("waiting", 0.0, 2.0), depths=depths("charge", (0.0, 7)))),
    "timeout, running": (
        check("trace.timeouts"),
        late(span(start_s=0.0, end_s=2.0), fires=[Fire("slow", 0.1, "attempt/charge//acme/t1/0/0", "late by 1 s")]),
    ),
    "timeout, backing off": (check("trace.timeouts"), late(span("running", 0.0, 0.5), span("backoff", 0.5, 2.0))),
    "timeout, blocked": (check("trace.timeouts"), late(span("blocked", 0.0, 2.0, node="price"))),
    "timeout, unseen": (check("trace.timeouts"), late()),
    "deadline, queued": (
        check("trace.deadline_exceeded", where={"phase": "queued"}),
        late(span("waiting", 0.0, 2.0)),
    ),
    "error": (
        check("trace.errors"),
        record(requests=[request(outcome="error", detail="NODE_EXCEPTION: ValueError")], spans=[span()]),
    ),
    "slow": (check("trace.latency", stat="p99", max="10ms"), record(requests=[request()], spans=[span()])),
    "duplicate without a key": (
        check("effects.duplicates"), record(effects=[effect(1.0, None), effect(2.0, None, attempt=2)]),
    ),
    "duplicate with the same key": (
        check("effects.duplicates"), record(effects=[effect(1.0), effect(2.0, attempt=2)]),
    ),
    "duplicate with the same key and other arguments": (
        check("effects.duplicates"), record(effects=[effect(1.0), effect(2.0, attempt=2, args_digest="b")]),
    ),
    "duplicate in another trace": (
        check("effects.duplicates"), record(effects=[effect(1.0), effect(2.0, trace_id="t2")]),
    ),
    "zombie": (
        check("effects.zombies"),
        record(requests=[request("t1", 0.0, 2.0, **LATE)], effects=[effect(2.5, gone="deadline")]),
    ),
    "unkeyed": (check("effects.unkeyed"), record(effects=[effect(1.0, None)])),
    "leak into an answer": (check("leaks.confirmed"), record(sightings=[sighting()])),
    "leak into a log": (check("leaks.confirmed"), record(sightings=[sighting(sink="logs", seen_by=None)])),
    "stuck request": (check("traces.stuck"), record(requests=[request(ended_s=None)], horizon_reached=True)),
    "lost request": (check("traces.lost"), record(requests=[request(ended_s=None)])),
    "nothing moves": (None, record(requests=[request(ended_s=None)], stuck=Stuck(3.0, "nothing is ready"))),
    "a ring": (
        None,
        record(stuck=Stuck(3.0, "tasks wait in a ring", ("a flow.py:7 Lock", "b flow.py:9 Lock"), ("a", "b"))),
    ),
    "amplification": (
        check("attempts.per_request", stat="max", max=2),
        record(requests=[request()], spans=[span(attempt=attempt) for attempt in range(1, 5)]),
    ),
    "retries in step": (
        check("retries.synchronised", stat="mean", max=0.1),
        record(requests=[request("t1"), request("t2")], spans=[span(attempt=2), span(attempt=2, trace_id="t2")]),
    ),
    "never recovered": (
        check("recovery.time", stat="max", max="1s", during="slow"), record(requests=[request("t1", 15.0, None)]),
    ),
    "deep queue": (check("queue.depth", stat="max", max=5), record(depths=depths("charge", (1.0, 8)))),
    "growing queue": (
        check("queue.growth", stat="max", max=0.5),
        record(depths=depths("charge", *[(float(tick), tick) for tick in range(30)])),
    ),
    "behind another tenant": (
        check("head_of_line", stat="max", max="1s"), late(span("waiting", 0.0, 1.9), span("running", 1.9, 2.0)),
    ),
    "unfair": (
        {"id": "promise", "metric": "fairness", "stat": "min", "min": 0.9},
        record(requests=[request("t1", 0.0, 9.0), request("t2", 0.0, 1.0, tenant="globex")]),
    ),
    "residue": (check("state.residue"), record(residue={"open traces": 2})),
    "one attempt too many": (check("invariants.executions"), record(spans=[span(attempt=5)])),
    "a message vanished": (check("invariants.conservation"), record(messages_in={"charge": 1})),
    "a gap in the stored history": (
        check("invariants.history"), record(requests=[request("t1", 0.0, 2.5)], unstored={"t1": 2}),
    ),
    "open past the deadline": (
        check("invariants.deadline_bound"), record(requests=[request("t1", 0.0, 2.5, deadline_s=2.0)]),
    ),
    "past the timeout": (check("invariants.timeout_bound"), record(spans=[span(end_s=9.0)])),
    "blocked loop": (None, record(blocked=(Blocking("time.sleep", "flow.py:7", 3.0, "charge", 1.0),))),
    "nothing to point at": (
        {"id": "promise", "metric": "trace.latency", "stat": "count", "min": 5}, record(requests=[request()]),
    ),
}  # fmt: skip


def judged(given: dict[str, Any] | None, recording: Any) -> ScenarioResult:
    recording.limits = LIMITS
    checks = [] if given is None else [given]
    return judge(make_scenario(*checks, faults=[SLOW, PROBE], tenants=("acme", "globex")), recording)


def advice(name: str, given: dict[str, Any] | None, recording: Any) -> str:
    result = judged(given, recording)
    broken = next(one for one in result.checks if one.findings)
    finding = broken.findings[0]
    return f"## {name}\n{broken.explanation}\n- {finding.summary}\n  why: {finding.cause}\n  try: {finding.fix}\n"


def test_the_advice_reads_as_it_should():
    """Every kind of finding has a cause and a fix that name the node and the values concerned."""
    told = "\n".join(advice(name, *case) for name, case in CASES.items())
    hold_against(GOLDEN, told)


def whole(name: str, given: dict[str, Any] | None, recording: Any) -> str:
    """What `result.json` says of the broken check: the verdict's reason, and every finding with its story."""
    result = judged(given, recording)
    broken = [one for one in result.checks if one.findings]
    checks = [one.model_dump(mode="json") for one in broken]
    return f"## {name}\n{result.reason}\n{json.dumps(checks, indent=0, sort_keys=True, ensure_ascii=False)}\n"


def test_a_finding_holds_all_that_is_known_of_it():
    """Number, unit, limit, seeds, places, and the story of the request with each of its moments are as they were."""
    hold_against(GOLDEN.with_name("findings.txt"), "\n".join(whole(name, *case) for name, case in CASES.items()))


def test_a_result_holds_the_numbers_of_its_run():
    """Bins, shares of time, tallies of nodes and faults of a busy run are as they were."""
    result = judged(check("trace.timeouts"), busy())
    hold_against(GOLDEN.with_name("numbers.txt"), result.model_dump_json(indent=1, exclude={"checks"}) + "\n")


def busy() -> Recording:
    """A hundred requests of two tenants, in which everything happens that a result counts."""
    requests, spans, levels = [], [], []
    for index in range(100):
        start_s, trace_id = index * 0.37, f"t{index}"
        tenant, ended_s = ("acme", "globex")[index % 3 == 0], start_s + 0.1 + index % 7 * 0.3
        outcome = {0: "error", 5: "deadline", 8: "cancelled"}.get(index % 11, "ok")
        requests.append(
            request(trace_id, start_s, ended_s, tenant=tenant, outcome=outcome) if index % 13 else
            request(trace_id, start_s, None, tenant=tenant, outcome="unanswered")
        )  # fmt: skip
        spans += [
            span("waiting", start_s, start_s + 0.02, trace_id=trace_id, node="price"),
            span("running", start_s + 0.02, start_s + 0.05, trace_id=trace_id, node="price"),
            span("blocked", start_s + 0.05, start_s + 0.06, trace_id=trace_id, node="price"),
            span("running", start_s + 0.06, start_s + 0.09, trace_id=trace_id, result=("ok", "error")[index % 2]),
            *([span("backoff", start_s + 0.09, start_s + 0.5, trace_id=trace_id)] if index % 2 else []),
        ]
        levels.append((start_s, index % 9))
    return record(requests=requests, spans=spans, depths=depths("charge", *levels), effects=[effect(1.0)], events=777)


def hold_against(golden: Path, told: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


def test_every_metric_has_advice():
    """No metric is missing from the golden file but custom, whose advice is its author's."""
    shown = [given["metric"] for given, _ in CASES.values() if given is not None]
    assert [metric for metric in METRICS if metric not in shown] == ["custom"]
