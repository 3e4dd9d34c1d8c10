"""Every field of what findings hold, at the edges of each rule, all in one golden file.

`UPDATE_GOLDEN=1 pytest tests/sim/checks/test_evidence.py` writes it anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from made_recordings import LATENCY, PROBE, depths, effect, make_scenario, record, request, sighting, span

from sim.checks.evaluate import evaluate_seed
from sim.model.limits import NodeLimits
from sim.model.properties import PropertyTally
from sim.model.recording import INGRESS, Blocking, Depth, Fire, JoinIncomplete, Stuck, ToolCall

GOLDEN = Path(__file__).parent / "golden" / "evidence.txt"
LIMITS = {"charge": NodeLimits(timeout_s=2.0, max_retries=3, backoff_base_s=0.5, cancel_grace_s=1.0)}
LATE = {"outcome": "deadline", "deadline_s": 2.0}
TIMEOUTS = {"metric": "trace.timeouts", "max": 0}
DUPLICATES = {"metric": "effects.duplicates", "max": 0}
ZOMBIES = {"metric": "effects.zombies", "max": 0}
LEAKS = {"metric": "leaks.confirmed", "max": 0}
NO_CHECK: dict[str, Any] = {}
SEVERAL = [request(f"t{n}", 0.5 * n, 2.5, **{**LATE, "deadline_s": 2.4}) for n in range(5)]
OPEN = [request(f"t{n}", 0.5 * n, None) for n in range(5)]


def late(*spans: Any, **fields: Any) -> Any:
    others = [request("t2", 0.0, 2.0, tenant="globex"), request("t3", 0.0, 2.0, tenant="initech")]
    return record(requests=[request("t1", 0.0, 2.0, **LATE), *others], spans=list(spans), **fields)


def ahead(kind: str, start_s: float, end_s: float, node="charge", trace_id="t2") -> Any:
    return span(kind, start_s, end_s, node=node, trace_id=trace_id)


CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "five are late, three are told": (TIMEOUTS, record(requests=SEVERAL, spans=[span(trace_id="t0")])),
    "times are told to the microsecond": (
        TIMEOUTS,
        record(
            requests=[request("t1", 0.00000012, 2.00000056, outcome="deadline", deadline_s=1.00000034)],
            spans=[span(start_s=0.50000012, end_s=1.50000056)], effects=[effect(0.75000012)],
        ),
    ),
    "still waiting at the end": (TIMEOUTS, record(requests=[request("t1", 1.0, None)], spans=[span(end_s=30.0)])),
    "without a deadline, it was given up": (
        TIMEOUTS, record(requests=[request("t1", 0.0, 2.0, outcome="deadline")], spans=[span(end_s=2.0)]),
    ),
    "ended as it arrived": (TIMEOUTS, record(requests=[request("t1", 1.0, 1.0, outcome="deadline", deadline_s=1.0)])),
    "three parts of four are told": (
        TIMEOUTS,
        late(
            span("waiting", 0.0, 0.3, node="price"), span("running", 0.3, 0.5, node="price"),
            span("waiting", 0.5, 1.6), span("running", 1.6, 2.0),
        ),
    ),
    "behind two others, one of them hit": (
        TIMEOUTS,
        late(
            span("waiting", 0.0, 2.0), ahead("running", 0.5, 1.0), ahead("blocked", 0.0, 0.3),
            ahead("running", 1.0, 2.5, trace_id="t3"), ahead("backoff", 0.0, 2.0), ahead("running", 0.0, 2.0, "price"),
            fires=[
                Fire("slow", 0.2, "attempt/charge//initech/t3/0/0", "late by 1 s"),
                Fire("down", 0.3, "tool/charge//initech/t3/0/0", "refused"),
                Fire("slow", 0.4, "attempt/charge//initech/t3/1/0", "late by 2 s"),
            ],
        ),
    ),
    "behind one that ran twice": (
        TIMEOUTS,
        late(
            span("waiting", 0.0, 2.0), ahead("running", 0.0, 0.5), ahead("running", 0.6, 1.2),
            ahead("running", 1.2, 2.0, trace_id="t3"),
        ),
    ),
    "behind what nobody sent": (TIMEOUTS, late(span("waiting", 0.0, 2.0), ahead("running", 0.0, 1.0, trace_id="t9"))),
    "blocked before the flow": (
        TIMEOUTS,
        late(
            span("blocked", 0.0, 2.0, node=INGRESS), ahead("waiting", 0.0, 1.5, "price"), ahead("running", 0.0, 2.0),
            edges=(("price", "charge"),),
        ),
    ),
    "blocked behind what backs off": (
        TIMEOUTS,
        late(
            span("blocked", 0.5, 2.0, node="price"), ahead("backoff", 0.0, 1.0), ahead("running", 1.0, 1.3),
            edges=(("price", "charge"), ("charge", "charge")),
        ),
    ),
    "in the windows of two faults": (
        TIMEOUTS,
        late(
            span("running", 0.0, 2.0),
            windows={"slow": (0.0, 2.1), "ended": (0.0, 2.0), "down": (2.0, 3.0), "later": (2.1, 3.0)},
        ),
    ),
    "between two nodes": (
        TIMEOUTS, late(span("running", 0.0, 0.2, node="price"), span("waiting", 1.8, 2.0)),
    ),
    "after the third attempt": (
        TIMEOUTS,
        late(
            span(end_s=0.1), span("backoff", 0.1, 0.2), span(start_s=0.2, end_s=0.3, attempt=2),
            span("backoff", 0.3, 2.0, attempt=2),
        ),
    ),
    "a queue without a bound": (
        TIMEOUTS,
        late(
            span("waiting", 0.0, 2.0),
            depths=[
                *depths("price", (0.0, 9)), *depths("charge", (0.1, 3), (0.2, 5), (9.0, 1), bound=0),
            ],
        ),
    ),
    "late answers are past their deadline": (
        {"metric": "trace.deadline_exceeded", "max": 0},
        record(requests=[request("t1", 0.0, 3.0, deadline_s=2.0), request("t2", 0.0, 3.0, deadline_s=3.0)]),
    ),
    "a join that got too little": (
        {"metric": "trace.errors", "max": 0},
        record(
            requests=[request("t1", 0.0, 1.0, outcome="no_result"), request("t2", 0.0, 1.0, outcome="error")],
            spans=[span(node="price"), span(node="charge", trace_id="t2"), span(attempt=2, trace_id="t2")],
            joins_incomplete=[JoinIncomplete("t2", "other", 1, 2), JoinIncomplete("t1", "gather", 2, 3)],
        ),
    ),
    "an error while it waited": (
        {"metric": "trace.errors", "max": 0},
        record(requests=[request(outcome="error")], spans=[span("waiting")]),
    ),
    "the slowest four": (
        {"metric": "trace.latency", "stat": "max", "max": "1s", "where": {"tenant": "acme"}},
        record(requests=[request(f"t{n}", float(n), 3.0 + (n * 7) % 5 + n) for n in range(5)]),
    ),
    "a death in between": (DUPLICATES, record(effects=[effect(1.0), effect(2.0, attempt=2)], deaths_s=[0.5, 1.5])),
    "a death as it repeats": (DUPLICATES, record(effects=[effect(1.0), effect(2.0, attempt=2)], deaths_s=[2.0])),
    "no death in between": (DUPLICATES, record(effects=[effect(1.0), effect(2.0, attempt=2)], deaths_s=[0.9, 2.1])),
    "twice at a service, perhaps": (
        DUPLICATES,
        record(effects=[effect(1.0, service="bank", certain=False), effect(2.0, attempt=2, service="bank")]),
    ),
    "in two nodes of one trace": (DUPLICATES, record(effects=[effect(1.0, node="price"), effect(2.0)])),
    "in one attempt without a key": (DUPLICATES, record(effects=[effect(1.0, None), effect(2.0, None)])),
    "one key for different things": (
        DUPLICATES, record(effects=[effect(1.0), effect(2.0, args_digest="b"), effect(3.0), effect(4.0), effect(5.0)]),
    ),
    **{
        f"nobody waits any more: {gone}": (
            ZOMBIES,
            record(
                requests=[request("t1", 0.0, 2.5, **LATE)],
                effects=[
                    effect(3.0 + n, gone=gone, service="bank" if n % 2 else None)
                    for n in range(4 if gone == "deadline" else 1)
                ],
            ),
        )
        for gone in ("answered", "refused", "cancelled", "deadline", "gave_up")
    },
    "late for a request that nobody knows": (ZOMBIES, record(effects=[effect(3.0, gone="cancelled", node=None)])),
    "late for one that is still open": (
        ZOMBIES, record(requests=[request(ended_s=None)], effects=[effect(3.0, gone="deadline")]),
    ),
    "without keys, by node": (
        {"metric": "effects.unkeyed", "max": 0},
        record(
            effects=[
                effect(1.0), effect(2.0, None), effect(3.0, None), effect(4.0, None, node="price"),
                effect(5.0, None, service="bank"), effect(6.0, None, name="ship"), effect(7.0, node="price"),
            ],
        ),
    ),
    "leaks, each way once": (
        LEAKS,
        record(
            sightings=[
                sighting(leaked=False), sighting(at_s=3.5), sighting(at_s=4.0, seen_by="initech"),
                sighting(at_s=5.0, sink="logs", seen_by=None, line="flow.py:7", form="base64", path=""),
                sighting(at_s=6.0, sink="errors", trace_id=None), sighting(at_s=7.0, place="memory"),
            ],
        ),
    ),
    **{
        f"a leak into {sink} from {place}": (LEAKS, record(sightings=[sighting(sink=sink, place=place, **fields)]))
        for sink, place, fields in (
            ("errors", "tool_result", {"fault": "", "node": None}),
            ("errors", "payload", {}),
            ("state", "memory", {"node": None, "trace_id": None}),
            ("events", "payload", {"seen_by": None}),
            ("bus", "tool_result", {"line": "flow.py:7"}),
            ("egress", "memory", {}),
            ("egress", "headers", {"node": None}),
        )
    },
    "five are stuck": ({"metric": "traces.stuck", "max": 0}, record(requests=OPEN, horizon_reached=True)),
    "five are lost": ({"metric": "traces.lost", "max": 0}, record(requests=OPEN)),
    "much is left": (
        {"metric": "state.residue", "max": 0},
        record(residue={"floes": 0, "open traces": 2, "timers": 1, "tasks": 3, "joins": 4}),
    ),
    "messages out of nothing": (
        {"metric": "invariants.conservation", "max": 0},
        record(
            messages_in={"price": 3, "charge": 1},
            spans=[
                span(node="price"), span("waiting", node="price", result="deadline"),
                span("waiting", node="price", result="cancelled"), span("waiting", node="price", result="ok"),
                span("waiting", node="price", attempt=2, result="deadline"), span(node="price", attempt=2),
                span(), span(),
            ],
        ),
    ),
    "five have a gap in their history": (
        {"metric": "invariants.history", "max": 0},
        record(requests=SEVERAL, unstored={f"t{n}": n for n in range(1, 9)}),
    ),
    "five attempts too many": (
        {"metric": "invariants.executions", "max": 0},
        record(requests=[request()], spans=[span(attempt=attempt) for attempt in range(1, 10)]),
    ),
    "five ran too long": (
        {"metric": "invariants.timeout_bound", "max": 0},
        record(spans=[span(start_s=0.5, end_s=3.4 + n / 10, attempt=n) for n in range(7)]),
    ),
    "five ended after their deadline": (
        {"metric": "invariants.deadline_bound", "max": 0}, record(requests=SEVERAL),
    ),
    "a queue grows in a window": (
        {"metric": "queue.growth", "stat": "max", "max": 0.5, "during": "slow"},
        record(
            depths=[
                *depths("price", (9.0, 1), (15.0, 2)), *depths("charge", *[(float(at_s), at_s) for at_s in range(25)]),
            ],
        ),
    ),
    "behind others at one node": (
        {"metric": "head_of_line", "stat": "max", "max": "0.1s", "where": {"node": "charge"}},
        late(
            span("waiting", 0.0, 0.8, node="price"), ahead("running", 0.0, 1.0, "price"),
            span("waiting", 1.0, 1.5), ahead("running", 1.0, 2.0), ahead("waiting", 0.0, 0.2, trace_id="t3"),
        ),
    ),
    "unfair in a window": (
        {"metric": "fairness", "stat": "min", "min": 0.9, "during": "slow"},
        record(requests=[request("t1", 10.0, 19.0), request("t2", 11.0, 12.0, tenant="globex"), request("t3", 1.0)]),
    ),
    "callers in step": (
        {"metric": "retries.synchronised", "stat": "mean", "max": 0.1},
        record(
            requests=[request(f"t{n}", at_s, client_attempt=2) for n, at_s in enumerate((1.0, 1.009, 1.01, 2.0))],
        ),
    ),
    "a node in step": (
        {"metric": "retries.synchronised", "stat": "mean", "max": 0.1},
        record(
            requests=[request("t1"), request("t2")],
            spans=[
                span(start_s=at_s, attempt=2, trace_id=trace, node=node)
                for at_s, trace, node in ((1.0, "t1", "price"), (2.0, "t1", "charge"), (2.005, "t2", "charge"))
            ],
        ),
    ),
    "calls of a tool": (
        {"metric": "attempts.per_request", "stat": "max", "max": 1, "where": {"tool": "search"}},
        record(
            requests=[request("t1"), request("t2", order="t1", client_attempt=2), request("t3")],
            tool_calls=[ToolCall("search", trace, "price", 1.0) for trace in ("t1", "t1", "t2", "t3", "t9")],
        ),
    ),
    "a deep queue before its window": (
        {"metric": "queue.depth", "stat": "max", "max": 1, "during": "slow"},
        record(depths=[Depth(1.0, "charge", 3, 0), Depth(9.0, "charge", 2, 0), Depth(20.0, "charge", 7, 0)]),
    ),
    "a deep queue in its window": (
        {"metric": "queue.depth", "stat": "max", "max": 1, "during": "slow", "where": {"node": "charge"}},
        record(depths=[*depths("charge", (10.0, 2), (11.0, 4), (12.0, 3)), Depth(13.0, "price", 9, 9)]),
    ),
    "a slow recovery": (
        {"metric": "recovery.time", "stat": "max", "max": "2s", "during": "slow"},
        record(requests=[request("t1", 15.0, 25.0), request("t2", 9.0, 10.0), request("t3", 16.0, 24.0)]),
    ),
    "no recovery": (
        {"metric": "recovery.time", "stat": "max", "max": "20s", "during": "slow"},
        record(requests=[request("t1", 9.0, 26.0), request("t2", 12.0, None), request("t3", 22.0, None)]),
    ),
    "below its minimum": (
        {"metric": "trace.latency", "stat": "min", "min": "2s", "max": "3s", "during": "slow"},
        record(requests=[request("t1", 12.0, 13.5)]),
    ),
    "slower than without faults": (
        {"metric": "queue.depth", "stat": "mean", "max": 2, "versus": "baseline"},
        record(depths=depths("charge", (0.0, 9))),
    ),
    "effects that no run without faults has": (
        {"metric": "effects.duplicates", "stat": "count", "max": 2, "min": 0, "versus": "baseline"},
        record(effects=[effect(1.0), effect(2.0)]),
    ),
    "as without faults, and still too little": (
        {"metric": "trace.errors", "stat": "count", "min": 2, "versus": "baseline"}, record(requests=[request()]),
    ),
    "more than without faults, and still too little": (
        {"metric": "trace.latency", "stat": "max", "min": 20, "versus": "baseline"},
        record(requests=[request("t1", 0.0, 3.0)]),
    ),
    "nothing moves": (
        NO_CHECK,
        record(requests=OPEN, stuck=Stuck(3.0000001, "nothing is ready", ("a f.py:7 Lock", "b waits for a message"))),
    ),
    "no time passes": (NO_CHECK, record(stuck=Stuck(3.0, "a task runs and runs"))),
    "a ring": (
        NO_CHECK,
        record(stuck=Stuck(3.0, "a ring", (*(f"{name} f.py:7 Lock" for name in "edcba"),), ("a", "b", "c"))),
    ),
    "busy at the horizon": (
        NO_CHECK, record(requests=OPEN[:1], horizon_reached=True, unfinished=["t1 at charge", "t2 at price"]),
    ),
    "calls at the horizon": (NO_CHECK, record(horizon_reached=True, unfinished=["t1 at charge"], never_arrived=2)),
    "the horizon cuts the load off": (NO_CHECK, record(horizon_reached=True, never_arrived=2)),
    "never answered": (NO_CHECK, record(requests=OPEN)),
    "secrets in what every run of two tenants plants": (
        NO_CHECK,
        record(requests=[request("t1"), request("t2", tenant="globex")], sightings=[sighting(), sighting(sink="bus")]),
    ),
    "statements that do not hold": (
        NO_CHECK,
        record(
            properties={
                tally.name: tally
                for tally in (
                    PropertyTally("always", "b", 4, 2, 3.0, "charge"),
                    PropertyTally("always", "holds", 4),
                    PropertyTally("sometimes", "seldom", 0, 3, 1.0, "price"),
                    PropertyTally("always", "a", 0, 1, 3.0, "charge"),
                    PropertyTally("unreachable", "never here", 0, 1, 2.0, "price"),
                    PropertyTally("always", "c", 0, 1, None, "charge"),
                )
            },
        ),
    ),
    "blocked, and more": (
        NO_CHECK,
        record(
            blocked=(Blocking("time.sleep", "f.py:7", 3.0, "charge", 1.0),), refused=("a socket",),
            withheld=("API_KEY",), uncontrolled=("time kept at f.py:9",),
        ),
    ),
    "refused": (NO_CHECK, record(refused=("a socket", "a file", "a process", "a thread"), withheld=("API_KEY",))),
    "withheld": (NO_CHECK, record(withheld=("API_KEY", "HOME", "LANG", "TZ"), uncontrolled=("time kept",))),
    "uncontrolled": (NO_CHECK, record(uncontrolled=("time kept", "random kept", "uuid kept", "urandom kept"))),
}  # fmt: skip


def told(name: str) -> str:
    given, recording = CASES[name]
    recording.limits = LIMITS
    checks = [{"id": "promise", **given}] if given else []
    scenario = make_scenario(*checks, faults=[LATENCY, PROBE], tenants=("acme", "globex", "initech"))
    baseline = record(requests=[request("t1", 0.0, 0.25)], depths=depths("charge", (0.0, 2)))
    lines = [f"## {name}"]
    for check in evaluate_seed(scenario, recording, baseline).checks:
        if given and check.id != "promise":
            continue
        value = "nothing" if check.value is None else f"{check.value:.6g}"
        lines.append(
            f"{check.id}: {check.verdict}, {value} of {check.samples}, {check.found} found, {check.headline!r}"
        )
        for finding in check.findings:
            where = (finding.kind, finding.seed, finding.at_s, finding.trace_id, finding.tenant, finding.node)
            lines += [f"- {where}", f"  {finding.summary}", f"  why: {finding.cause}", f"  try: {finding.fix}"]
            lines += [
                f"  | {moment.start_s} to {moment.end_s} {moment.kind} {moment.node} {moment.attempt} {moment.text}"
                for moment in finding.story
            ]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def golden() -> dict[str, str]:
    """The golden file by case."""
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text("\n\n".join(map(told, CASES)) + "\n", encoding="utf-8")
    parts = GOLDEN.read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    return {part.partition("\n")[0].removeprefix("## "): part for part in parts}


@pytest.mark.parametrize("name", CASES)
def test_the_evidence_is_whole(name, golden):
    """Number, count, time, place, words, advice and story of what broke a promise are those of the golden file."""
    assert told(name) == golden[name]
