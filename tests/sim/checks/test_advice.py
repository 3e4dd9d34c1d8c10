"""What findings advise, all in one golden file.

`UPDATE_GOLDEN=1 pytest tests/sim/checks/test_advice.py` writes it anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from made_recordings import PROBE, depths, effect, judge, make_scenario, record, request, sighting, span

from sim.model.limits import NodeLimits
from sim.model.metrics import METRICS
from sim.model.recording import Blocking, Fire, Stuck

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


def advice(name: str, given: dict[str, Any] | None, recording: Any) -> str:
    recording.limits = LIMITS
    checks = [] if given is None else [given]
    result = judge(make_scenario(*checks, faults=[SLOW, PROBE], tenants=("acme", "globex")), recording)
    broken = next(one for one in result.checks if one.findings)
    finding = broken.findings[0]
    return f"## {name}\n{broken.explanation}\n- {finding.summary}\n  why: {finding.cause}\n  try: {finding.fix}\n"


def test_the_advice_reads_as_it_should():
    """Every kind of finding has a cause and a fix that name the node and the values concerned."""
    told = "\n".join(advice(name, *case) for name, case in CASES.items())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(told, encoding="utf-8")
    assert told == GOLDEN.read_text(encoding="utf-8")


def test_every_metric_has_advice():
    """No metric is missing from the golden file but custom, whose advice is its author's."""
    shown = [given["metric"] for given, _ in CASES.values() if given is not None]
    assert [metric for metric in METRICS if metric not in shown] == ["custom"]
