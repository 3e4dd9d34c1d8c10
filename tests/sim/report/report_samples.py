"""Results to report on: a realistic suite, and one that is as odd as a result may be. Pure data, no run."""

import math
from pathlib import Path

from sim.model.result import (
    CheckResult,
    DepthBin,
    FaultResult,
    Finding,
    LatencyBin,
    Moment,
    Numbers,
    QueueSeries,
    ScenarioResult,
    SuiteResult,
    TimeShare,
)

GOLDEN = Path(__file__).with_name("golden")
HOSTILE = "<script>alert('x')</script>\"'&\x1b[31m\u202e $x^2$ {{ 7*7 }}"


def check(id="latency-calm", **changes):
    facts = {
        "metric": "trace.latency",
        "stat": "p99",
        "during": "whole",
        "where": "",
        "severity": "fail",
        "verdict": "pass",
        "value": 0.312,
        "unit": "s",
        "limit": "<= 400 ms",
        "samples": 4800,
        "worst_seed": 8,
        "failing_seeds": (),
        "explanation": "",
    }
    return CheckResult(id=id, **{**facts, **changes})


def always_on(id, explanation):
    return check(id, metric=id, stat="count", value=0.0, unit="", limit="<= 0", worst_seed=1, explanation=explanation)


ALWAYS_ON = (
    always_on("stuck", "Everything that was accepted ends before the horizon."),
    always_on("lost", "Every request has an outcome."),
    always_on("leaks", "No tenant sees what belongs to another."),
    always_on("determinism", "The same seed gives the same bytes."),
)


def fault(id="slow-search", **changes):
    facts = {
        "kind": "latency",
        "where": "node=search tenant=acme",
        "parameters": "900 ms lognormal 0.4, max 5 s, chance 0.3",
        "start_s": 20.0,
        "end_s": 35.0,
        "matched": 731,
        "fired": 214,
        "suppressed": 0,
        "must_fire": 1,
    }
    return FaultResult(id=id, **{**facts, **changes})


FAULTS = (
    fault(),
    fault(
        "card-tool-down",
        kind="tool_error",
        where="tool=charge_card attempt=1",
        parameters="unavailable, answer lost after the effect",
        start_s=40.0,
        end_s=50.0,
        matched=96,
        fired=96,
    ),
    fault(
        "storm",
        kind="retry_storm",
        where="node=pay",
        parameters="share 0.9, 200 clients x 5 attempts, backoff 50 ms, jitter none",
        start_s=60.0,
        end_s=68.0,
        matched=2090,
        fired=1880,
    ),
)
PROBE = fault(
    "peek",
    kind="tenant_probe",
    where="",
    parameters="acme's secrets in payload, tool_result, looked for by globex in egress, logs",
    start_s=0.0,
    end_s=None,
    matched=40,
    fired=40,
    controls_seen=40,
    controls_wanted=40,
)


def duplicate(seed=17):
    def at(kind, start_s, end_s=None, **more):
        return Moment(kind=kind, start_s=start_s, end_s=start_s if end_s is None else end_s, **more)

    return Finding(
        kind="duplicate_effect",
        seed=seed,
        at_s=41.2,
        summary="charge_card key ord-17 took effect twice: attempt 1 at 40.12 s and attempt 2 at 41.20 s "
        "(trace 5f0c2a91, node charge)",
        trace_id="5f0c2a91",
        tenant="acme",
        node="charge",
        cause="A retry ran charge again from the start, although charge_card had already happened.",
        fix="Run charge_card once a key (trace_id and step) with ctx.once, or move it from charge into a commit node "
        "of its own, behind the computing one, with max_retries=0.",
        story=(
            at("arrival", 39.4, text="order-17 of acme"),
            at("waiting", 39.4, 39.52, node="price", attempt=1),
            at("running", 39.52, 39.83, node="price", attempt=1, text="ok"),
            at("waiting", 39.83, 40.0, node="charge", attempt=1),
            at("running", 40.0, 40.5, node="charge", attempt=1, text="error ToolUnavailable"),
            at("fault", 40.12, text="card-tool-down: answer lost"),
            at("effect", 40.12, node="charge", attempt=1, text="charge_card key ord-17"),
            at("backoff", 40.5, 41.0, node="charge", attempt=1),
            at("running", 41.0, 41.4, node="charge", attempt=2, text="ok"),
            at("effect", 41.2, node="charge", attempt=2, text="charge_card key ord-17"),
            at("deadline", 41.4),
            at("blocked", 41.4, 41.55, node="charge", attempt=2),
            at("running", 41.55, 41.7, node="receipt", attempt=1, text="ok"),
            at("answer", 41.7, text="ok"),
        ),
    )


def leak():
    return Finding(
        kind="leak",
        seed=4,
        at_s=12.482,
        summary="acme's tool_result secret reached globex in egress (payload.answer), node answer, trace 77ab0310",
        trace_id="77ab0310",
        tenant="globex",
        node="answer",
        cause="The answer of one tenant is served to another: what answer keeps between requests forgets the tenant.",
        fix="Put the tenant into the key of everything that answer keeps between requests.",
        story=(
            Moment(kind="arrival", start_s=12.48, end_s=12.48, text="order-240 of globex"),
            Moment(kind="running", start_s=12.48, end_s=12.482, node="answer", attempt=1, text="ok"),
            Moment(kind="deadline", start_s=20.48, end_s=20.48),
            Moment(kind="answer", start_s=12.482, end_s=12.482, text="ok"),
        ),
    )


def latency_bins(count=60, width_s=2.0, spike=(10, 17)):
    def one(index):
        low, high = spike
        factor = 9.0 if low <= index < high else 1.0 + 0.2 * math.sin(index)
        middle = round(0.11 * factor, 6)
        outcomes = {"ok": 78, "deadline": 2} if factor > 2 else {"ok": 80}
        figures = (middle, middle * 2.1, middle * 2.8, middle * 3.4)
        p50_s, p95_s, p99_s, max_s = (round(figure, 6) for figure in figures)
        start_s = index * width_s
        return LatencyBin(
            start_s=start_s,
            end_s=start_s + width_s,
            count=80,
            p50_s=p50_s,
            p95_s=p95_s,
            p99_s=p99_s,
            max_s=max_s,
            outcomes=outcomes,
        )

    return tuple(one(index) for index in range(count))


def queue(node, scale, bound=64, count=120):
    def one(index):
        middle = scale * (1 + math.sin(index / 9)) / 2
        return DepthBin(
            start_s=float(index),
            end_s=index + 1.0,
            min=int(middle * 0.4),
            median=float(int(middle)),
            max=min(int(middle * 1.7) + 1, bound or 1000),
        )

    return QueueSeries(node=node, bound=bound, bins=tuple(one(index) for index in range(count)))


QUEUES = (
    queue("price", 3),
    queue("search", 22),
    queue("charge", 60),
    queue("pay", 9, bound=0),
    queue("receipt", 1),
)
TIME_SHARES = (
    TimeShare(node="price", waiting_s=120.0, running_s=240.0, backoff_s=0.0, blocked_s=8.0),
    TimeShare(node="search", waiting_s=310.5, running_s=1400.25, backoff_s=12.0, blocked_s=0.0),
    TimeShare(node="charge", waiting_s=2210.0, running_s=880.0, backoff_s=410.0, blocked_s=31.0),
    TimeShare(node="receipt", waiting_s=0.0, running_s=90.0, backoff_s=0.0, blocked_s=0.0),
)
NUMBERS = Numbers(
    requests=4800,
    outcomes={"ok": 4712, "error": 12, "deadline": 76},
    effects=4816,
    events=61250,
    virtual_s=6120.0,
    latency_p50_s=0.112,
    latency_p95_s=0.94,
    latency_p99_s=1.642,
    latency_max_s=2.91,
)


def scenario(name="checkout-under-stress", **changes):
    facts = {
        "title": "Checkout stays correct through a slow search, a failing card tool and a retry storm",
        "about": "A retry repeats everything that a node does, its side effects too. When only the answer of the card "
        "tool is lost, the charge has already happened, and the second attempt charges again.",
        "file": f"scenarios/{name}.sim.yaml",
        "flow": "flows.checkout:build",
        "tags": ("ci", "checkout"),
        "seeds": (*range(1, 51), 4711),
        "digest": "7f3a2b91c0de44aa17f3" + "0" * 44,
        "verdict": "pass",
        "demonstration": False,
        "reason": "",
        "checks": (check(), *ALWAYS_ON),
        "faults": FAULTS,
        "numbers": NUMBERS,
        "latency": latency_bins(),
        "limits_s": {"latency-calm": 0.4, "latency-spike": 1.8},
        "queues": QUEUES,
        "time_shares": TIME_SHARES,
    }
    return ScenarioResult(name=name, **{**facts, **changes})


def charge_once(**changes):
    facts = {
        "metric": "effects.duplicates",
        "stat": "count",
        "where": "tool=charge_card",
        "verdict": "fail",
        "value": 2.0,
        "unit": "",
        "limit": "<= 0",
        "samples": 4816,
        "worst_seed": 17,
        "failing_seeds": (17, 31),
        "explanation": "charge_card took effect twice",
        "findings": (duplicate(), duplicate(31)),
        "line": 38,
    }
    return check("charge-once", **{**facts, **changes})


def spike(**changes):
    return check("latency-spike", during="slow-search", where="tenant=acme", limit="<= 1.8 s", value=1.642, **changes)


FRAGILE = scenario(
    "checkout-fragile",
    title="A lost answer charges the card twice",
    demonstration=True,
    checks=(charge_once(expected=True, met=True), check(), spike(), *ALWAYS_ON),
    caught=("charge-once: charge_card took effect twice in 2 of 51 seeds",),
)
HARDENED = scenario(
    "checkout-hardened",
    title="The charge runs once a key, whatever happens to its answer",
    about="The same load and the same faults, with the charge in a commit node of its own.",
    checks=(
        charge_once(verdict="pass", value=0.0, failing_seeds=(), findings=(), explanation=""),
        check(),
        spike(),
        *ALWAYS_ON,
    ),
)
INBOX = scenario(
    "inbox-fragile",
    title="The answer cache forgets the tenant",
    about="A support inbox that caches its answers by question only, so that one tenant reads what another was told.",
    demonstration=True,
    checks=(
        check(
            "no-leak",
            metric="leaks.confirmed",
            stat="count",
            verdict="fail",
            value=3.0,
            unit="",
            limit="<= 0",
            failing_seeds=(4, 9, 12),
            worst_seed=4,
            explanation="acme's secret reached globex",
            expected=True,
            met=True,
            findings=(leak(),),
        ),
        *ALWAYS_ON,
    ),
    faults=(PROBE,),
    seeds=tuple(range(1, 21)),
    limits_s={},
    caught=("no-leak: acme's secret reached globex in 3 of 20 seeds",),
)
BROKEN = scenario(
    "checkout-under-stress",
    verdict="fail",
    reason="charge-once fails in 2 of 51 seeds; latency-spike fails in 1 of 51 seeds",
    checks=(
        charge_once(),
        check(),
        spike(verdict="fail", failing_seeds=(8,), explanation="p99 is over its limit"),
        check(
            "queues",
            metric="queue.depth",
            stat="max",
            where="node=charge",
            severity="warn",
            verdict="warn",
            value=64.0,
            unit="",
            limit="<= 48",
            failing_seeds=(3, 4, 5, 9),
            worst_seed=3,
            explanation="charge had 64 messages waiting",
        ),
        *ALWAYS_ON,
    ),
)
QUIET = scenario(
    "golden-service",
    title="The golden service, under a fault that never fires",
    about="",
    verdict="inconclusive",
    reason="latency-calm is inconclusive: fault slow-search fired 0 times and must fire 1",
    checks=(check(verdict="inconclusive", value=0.2, explanation="fault slow-search fired 0 times"), *ALWAYS_ON),
    faults=(fault(matched=0, fired=0),),
)


def suite(*scenarios, verdict="pass", exit_code=0):
    return SuiteResult(version="0.1.0", verdict=verdict, exit_code=exit_code, scenarios=scenarios)


def demo_suite():
    """What `make demo` shows: every build behaves as it is expected to."""
    return suite(FRAGILE, HARDENED, INBOX)


def failing_suite():
    """A failure, an inconclusive scenario and a demonstration side by side."""
    return suite(BROKEN, QUIET, FRAGILE, HARDENED, verdict="fail", exit_code=1)


def odd_suite():
    """Nothing ran, one request, hostile and very long names, scripts of the world, very many checks."""
    nothing = Numbers(
        requests=0,
        outcomes={},
        effects=0,
        events=0,
        virtual_s=0.0,
        latency_p50_s=None,
        latency_p95_s=None,
        latency_p99_s=None,
        latency_max_s=None,
    )
    no_bin = LatencyBin(
        start_s=0.0, end_s=1.0, count=1, p50_s=None, p95_s=None, p99_s=None, max_s=None, outcomes={"unanswered": 1}
    )
    one_bin = LatencyBin(
        start_s=0.0, end_s=1.0, count=1, p50_s=0.0, p95_s=0.0, p99_s=0.0, max_s=0.0, outcomes={"ok": 1}
    )
    bare = {"faults": (), "queues": (), "time_shares": (), "limits_s": {}, "latency": (), "checks": (), "tags": ()}
    hostile_story = tuple(
        Moment(kind=kind, start_s=0.1 * place, end_s=0.1 * place + 0.05 * (place % 2), node=HOSTILE, text=HOSTILE)
        for place, kind in enumerate(("waiting", "effect", "running", "unheard-of", "fault"))
    )
    hostile = Finding(
        kind=HOSTILE, seed=1, at_s=0.0, summary=HOSTILE, tenant=HOSTILE, cause=HOSTILE, fix=HOSTILE, story=hostile_story
    )
    broken = check(
        HOSTILE, metric=HOSTILE, where=HOSTILE, verdict="error", value=None, limit="", explanation=HOSTILE,
        failing_seeds=(1,), findings=(hostile,),
    )  # fmt: skip
    long = "a-very-long-name-without-a-place-to-break-" * 5
    return suite(
        scenario("nothing-ran", numbers=nothing, seeds=(), title="", about="", **{**bare, "latency": (no_bin,)}),
        scenario("one-request", numbers=nothing.model_copy(update={"requests": 1, "outcomes": {"ok": 1}}),
                 seeds=(1,), **{**bare, "latency": (one_bin,), "limits_s": {"calm": 0.0}}),
        scenario(HOSTILE, title=HOSTILE, about=HOSTILE, file=HOSTILE, flow=HOSTILE, tags=(HOSTILE,), reason=HOSTILE,
                 verdict="error", checks=(broken,), caught=(HOSTILE,),
                 faults=(fault(HOSTILE, parameters=HOSTILE, end_s=20.0),), queues=(queue(HOSTILE, 3),),
                 time_shares=(TimeShare(node=HOSTILE, waiting_s=1, running_s=1, backoff_s=1, blocked_s=1),)),
        scenario(long, title=long, checks=tuple(check(f"{long}{number}") for number in range(60)),
                 faults=tuple(fault(f"fault-{number}-{long}", start_s=float(number)) for number in range(15)),
                 queues=tuple(queue(f"{long}{number}", 30 - number) for number in range(15))),
        scenario("größe-注文-🐧", title="注文は一度だけ処理される — ogni ordine è pagato una volta sola 🐧",
                 faults=(fault("langsame-suche-検索"),), queues=(queue("検索", 9),)),
        scenario("../../escape", checks=(charge_once(expected=True, met=False),), verdict="fail", demonstration=True,
                 reason="charge-once passes in every seed"),
        verdict="error",
        exit_code=1,
    )  # fmt: skip
