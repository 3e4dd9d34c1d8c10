"""The flow dies in the middle of a run: what happens to what it had begun, and what the next one gets."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from flows_for_tests import charging, echo, run, scenario

import sim
from penguiflow import Node, NodePolicy, StoredEvent, create
from sim.checks.evaluate import evaluate_seed
from sim.harness import run_seed
from sim.model.plan import plan_from
from sim.model.prepared import Prepared
from sim.subject import BuildError, FunctionSubject, WrappingSeam

ONE = {"stages": [{"for": "1s", "rate": "1/s"}]}
FIVE = {"stages": [{"for": "1s", "rate": "5/s"}]}


def power(**fields: Any) -> dict[str, Any]:
    return {"id": "power", "kind": "crash", "where": {"tool": "charge"}, "restart_after": "5s", **fields}


def outcomes(recording: Any) -> list[str]:
    return [request.outcome for request in recording.requests]


def acted(recording: Any) -> list[tuple[str, float, bool]]:
    return [(effect.trace_id, round(effect.at_s, 3), effect.certain) for effect in recording.effects]


def test_a_death_before_the_call_leaves_no_effect_and_the_request_is_delivered_again():
    """The caller waits over the restart, and what it asked for happens once."""
    recording = run(charging, inject=[power()], load=ONE)
    assert recording.deaths_s == [0.0]
    assert outcomes(recording) == ["ok"]
    assert acted(recording) == [("load-0", 5.02, True)]
    assert recording.requests[0].latency_s == 5.02


def test_a_death_after_the_effect_makes_it_happen_twice():
    """At-least-once delivery repeats what had happened when nobody knew of it yet."""
    recording = run(charging, inject=[power(after_effect=True)], load=ONE)
    assert acted(recording) == [("load-0", 0.02, True), ("load-0", 5.04, True)]
    assert outcomes(recording) == ["ok"]


def test_what_was_under_way_elsewhere_has_perhaps_happened():
    """A death at one call cuts other calls off: the outside may have carried them out."""

    def two_tills() -> Any:
        async def slowly() -> None:
            await asyncio.sleep(0.5)

        async def pay(message: Any, ctx: Any) -> Any:
            await ctx.effect("charge", slowly, key=message.trace_id)
            return message

        return create(Node(pay, name="pay", policy=NodePolicy(concurrency=5)).to())

    recording = run(two_tills, inject=[power(window={"from": "150ms"})], load=FIVE)
    assert acted(recording)[:1] == [("load-0", 0.2, False)]
    assert outcomes(recording) == ["ok"] * 5
    assert len(recording.effects) == 6


def test_the_dead_do_not_log_and_run_no_finally():
    """What a handler would do on its way out does not happen, not even at the end of the run."""
    said: list[str] = []

    def tidy() -> Any:
        async def pay(message: Any, ctx: Any) -> Any:
            try:
                await ctx.effect("charge", key="k")
                await asyncio.sleep(1)
                await ctx.effect("ship", key="k")
            finally:
                logging.getLogger("pay").warning("tidied up at %s", asyncio.get_running_loop().time())
                said.append("tidied up")
            return message

        return create(Node(pay, name="pay").to())

    recording = run(tidy, inject=[power(where={"tool": "ship"})], load=ONE)
    assert recording.unfinished == []
    assert [effect.name for effect in recording.effects] == ["charge", "charge", "ship"]
    assert said == ["tidied up"]


def test_what_waits_in_a_queue_dies_with_the_flow_and_the_books_balance():
    """Of several requests that wait for one worker, those in its queue come again, and no message is said to vanish."""
    books = [{"id": "books", "metric": "invariants.conservation", "max": 0}]
    fault = power(where={"tool": "charge", "trace": "load-9"})
    recording = run(charging, inject=[fault], load={"stages": [{"for": "1s", "rate": "100/s"}]}, checks=books)
    assert len(recording.deaths_s) == 1
    queued = [one for one in recording.depths if one.node == "pay" and one.at_s <= recording.deaths_s[0]]
    assert max(one.depth for one in queued) > 5
    (check,) = [one for one in evaluate_seed(scenario(checks=books), recording).checks if one.id == "books"]
    assert (check.verdict, check.value) == ("pass", 0.0)


def test_requests_that_arrive_while_it_is_down_wait_outside():
    """The time until the restart is told as blocked time of the ingress, and nobody is refused."""
    recording = run(charging, inject=[power(restart_after="2s")], load=FIVE)
    blocked = {span.trace_id: round(span.end_s - span.start_s, 3) for span in recording.spans if span.kind == "blocked"}
    assert blocked == {"load-0": 2.0, "load-1": 1.8, "load-2": 1.6, "load-3": 1.4, "load-4": 1.2}
    assert outcomes(recording) == ["ok"] * 5


def test_a_request_comes_again_as_it_was_sent():
    """Trace, tenant, deadline and payload are the same, also where the dead handler had changed what it was given."""
    seen: list[Any] = []

    def changing() -> Any:
        async def pay(message: Any, ctx: Any) -> Any:
            seen.append((message.trace_id, message.headers.tenant, message.deadline_s, dict(message.payload)))
            message.payload["changed"] = True
            await ctx.effect("charge", key="k")
            return message

        return create(Node(pay, name="pay").to())

    run(changing, inject=[power()], load={**ONE, "deadline": "30s"})
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_an_answered_request_is_not_delivered_again():
    """What the flow has answered is acknowledged: only what was open comes again."""
    recording = run(charging, inject=[power(window={"from": "500ms"})], load=FIVE)
    attempts = [span.trace_id for span in recording.spans if span.kind == "running"]
    assert attempts == ["load-0", "load-1", "load-2", "load-3", "load-3", "load-4"]


def test_a_request_whose_caller_has_gone_comes_again_all_the_same():
    """A broker keeps what is not acknowledged; its effect is a zombie."""
    recording = run(charging, inject=[power(restart_after="10s")], load={**ONE, "client": {"give_up_after": "1s"}})
    assert outcomes(recording) == ["deadline"]
    assert [(effect.trace_id, effect.gone) for effect in recording.effects] == [("load-0", "gave_up")]


def test_a_request_called_off_while_it_is_down_is_withdrawn():
    """The caller cancels before the new flow is there: nothing is delivered."""
    cancelling = {**ONE, "client": {"cancel": {"chance": 1, "after": "1s"}}}
    recording = run(charging, inject=[power(restart_after="10s")], load=cancelling)
    assert outcomes(recording) == ["cancelled"]
    assert recording.effects == []


def test_a_deadline_that_passed_meanwhile_is_told():
    """A new flow looks at the deadline of what it gets."""
    recording = run(charging, inject=[power()], load={**ONE, "deadline": "2s"})
    assert outcomes(recording) == ["deadline"]
    assert recording.effects == []


def test_it_dies_as_often_as_the_file_says():
    """Once without a word; calls are counted over all lives, so `call: 1` is met once."""
    often = run(charging, inject=[power(max_fires=3)], load=FIVE)
    assert len(often.deaths_s) == 3
    assert outcomes(often) == ["ok"] * 5
    count = run(charging, inject=[power()], load=FIVE).fault_counts["power"]
    assert (count.matched, count.fired, count.suppressed) == (6, 1, 5)
    first_calls = run(charging, inject=[power(where={"tool": "charge", "call": 1}, max_fires=9)], load=ONE)
    assert len(first_calls.deaths_s) == 1


def test_the_store_outlives_the_flow():
    """A flow that writes into its store what it did can be correct over a death; its memory alone cannot."""

    def remembering(world: Any) -> Any:
        async def pay(message: Any, ctx: Any) -> Any:
            history = await world.store.load_history(message.trace_id)
            if not any(event.kind == "charging" for event in history):
                event = StoredEvent(
                    trace_id=message.trace_id, ts=0, kind="charging", node_name="pay", node_id="pay", payload={}
                )
                await world.store.save_event(event)
                await ctx.effect("charge", key=message.trace_id)
            return message

        return create(Node(pay, name="pay").to())

    for after_effect in (False, True):
        recording = run(remembering, inject=[power(after_effect=after_effect)], load=FIVE)
        assert outcomes(recording) == ["ok"] * 5
        assert len(recording.effects) == 5 - (not after_effect)


def test_a_function_dies_too():
    """What is no flow is called again by the next one that is built."""

    def functional() -> FunctionSubject:
        seam = WrappingSeam()

        async def charge(order: str) -> None:
            await asyncio.sleep(0.1)

        pay = seam.tool(charge, key=lambda order: order)

        async def handle(request: Any) -> str:
            await pay(str(request["request"]))
            return "paid"

        return FunctionSubject(handle, seam)

    recording = run(functional, inject=[power(after_effect=True)], load=FIVE)
    assert outcomes(recording) == ["ok"] * 5
    assert len(recording.effects) == 6
    assert recording.residue == {"calls under way": 0}


def test_a_thread_dies_with_its_flow():
    """A late commit of a dead thread does not happen."""
    written: list[str] = []

    def threaded() -> Any:
        def commit(trace_id: str) -> None:
            sim.blocking(3)
            written.append(trace_id)

        async def pay(message: Any, ctx: Any) -> Any:
            thread = asyncio.create_task(asyncio.to_thread(commit, message.trace_id))
            await asyncio.sleep(1)
            await ctx.effect("charge", key="k")
            await thread
            return message

        return create(Node(pay, name="pay").to())

    recording = run(threaded, inject=[power()], load=ONE)
    assert outcomes(recording) == ["ok"]
    assert written == ["load-0"]


def test_a_builder_that_fails_the_second_time_is_told():
    """A flow that cannot be built again ends the run with the builder's own error."""
    built = []

    def once() -> Any:
        built.append(1)
        if len(built) > 1:
            raise OSError("no such file")
        return charging()

    with pytest.raises(BuildError, match="no such file"):
        run(once, inject=[power()], load=ONE)


def test_a_run_with_deaths_repeats():
    """The same seed gives the same bytes, and another run does not see the dead of this one."""
    fields = {
        "inject": [power(chance=0.3, max_fires=4)],
        "load": {"arrival": "poisson", "stages": [{"for": "5s", "rate": "8/s"}]},
    }
    assert run(charging, **fields) == run(charging, **fields)
    assert run(charging, inject=()) == run(charging, inject=())


def test_a_fault_that_cannot_hit_leaves_requests_as_they_are():
    """Who waits for the death of a flow does not change what its callers see."""
    idle = run(charging, inject=[power(chance=0)], load=FIVE)
    without = run(charging, load=FIVE)
    assert idle.requests == without.requests
    assert idle.effects == without.effects


def test_the_twin_without_faults_does_not_die():
    """The baseline sends the same requests to a flow that lives."""
    assert run(charging, faults=False, inject=[power()], load=ONE).deaths_s == []


def planned(crash: dict[str, int], **fields: Any) -> Any:
    prepared = Prepared(scenario(load=FIVE, **fields), charging)
    return run_seed(prepared, 1, plan=plan_from({"kind": "crash", "crash": crash}))


def test_a_plan_lets_it_die_at_its_call():
    """1 is the beginning of a call, 2 the moment after its effect; the next flow comes a second later."""
    before, after = planned({"pay/charge@load-2#1": 1}), planned({"pay/charge@load-2#1": 2})
    assert [trace for trace, _, _ in acted(before)].count("load-2") == 1
    assert [trace for trace, _, _ in acted(after)].count("load-2") == 2
    assert before.deaths_s == [0.4]
    assert before.requests[2].latency_s == 1.02


def test_a_duplicate_over_a_death_says_so():
    """The cause is the death, and the advice is a memory that outlives the flow."""
    described = scenario(load=ONE, checks=[{"id": "once", "metric": "effects.duplicates", "max": 0}])
    recording = run_seed(
        Prepared(described, lambda: charging("charge")), 1, plan=plan_from({"crash": {"pay/charge@load-0#1": 2}})
    )
    checks = evaluate_seed(described, recording, None, plan=plan_from({"kind": "crash"})).checks
    (finding,) = next(check for check in checks if check.id == "once").findings
    assert "The flow died in between" in finding.cause
    assert "ctx.once remembers in memory only" in finding.fix


def test_echoes_of_a_dead_flow_reach_nobody():
    """A node death at an attempt, where no tool is called, is repeated like any other."""

    def echoing() -> Any:
        return create(Node(echo, name="echo").to())

    recording = run(echoing, inject=[power(where={"node": "echo"}, after_effect=True)], load=ONE)
    assert outcomes(recording) == ["ok"]
    assert [span.result for span in recording.spans if span.kind == "running"] == ["died", "ok"]
