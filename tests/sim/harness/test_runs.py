"""One scenario, one seed: what a run writes down."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import pytest
from flows_for_tests import charging, echo, echoing, run, silent

from penguiflow import Node, NodePolicy, create

ONE = {"stages": [{"for": "1s", "rate": "1/s"}]}
POISSON = {"arrival": "poisson", "stages": [{"for": "10s", "rate": "2/s"}]}


def outcomes(recording: Any) -> list[str]:
    return [request.outcome for request in recording.requests]


def slow(**fields: Any) -> dict[str, Any]:
    return {"id": "slow", "kind": "latency", "delay": "300ms", **fields}


def test_every_request_of_a_healthy_flow_is_answered():
    """Twenty arrivals give twenty answers, each after its service time."""
    recording = run(echoing)
    assert outcomes(recording) == ["ok"] * 20
    assert {request.latency_s for request in recording.requests} == {0.05}
    assert recording.stuck is None
    assert not recording.horizon_reached


def test_the_same_seed_gives_the_same_recording():
    """Two runs of one seed are equal in every field."""
    fields = {"inject": [slow(chance=0.5)], "load": POISSON}
    assert run(echoing, **fields) == run(echoing, **fields)


def test_another_seed_gives_another_digest():
    """The digest sees that arrivals came at other times."""
    assert run(echoing, 1, load=POISSON).digest != run(echoing, 2, load=POISSON).digest


def test_a_flow_that_never_answers_is_stuck_and_says_where():
    """Nothing ready, no timer, callers waiting: the run ends with who waits for what."""
    recording = run(silent)
    assert recording.stuck is not None
    assert any("flows_for_tests.py" in wait for wait in recording.stuck.waits)
    assert "20 callers wait for their answers, the first of them load-0" in recording.stuck.waits
    assert outcomes(recording) == ["unanswered"] * 20
    assert recording.unfinished


def test_latency_with_chance_zero_leaves_the_recording_as_without_it():
    """A fault that can never hit changes nothing but its own tally."""
    without = run(echoing, load=POISSON)
    idle = run(echoing, load=POISSON, inject=[slow(chance=0)])
    assert idle.fault_counts.pop("slow").matched == len(without.requests)
    assert idle == without


def test_taking_one_fault_away_leaves_the_draws_of_the_others():
    """The calls that a fault hits do not depend on which other faults there are."""
    both = run(echoing, load=POISSON, inject=[slow(chance=0.3), slow(id="other", chance=0.3, delay="1ms")])
    alone = run(echoing, load=POISSON, inject=[slow(id="other", chance=0.3, delay="1ms")])
    hit = [fire.address for fire in both.fires if fire.fault == "other"]
    assert hit == [fire.address for fire in alone.fires]
    assert hit


def test_a_late_answer_times_out_and_is_retried():
    """Latency at the seam counts against the node's timeout, and the retries show in the spans."""
    recording = run(echoing, inject=[slow(delay="2s", where={"attempt": 1})], load=ONE)
    assert outcomes(recording)[0] == "ok"
    first = [(span.kind, span.result) for span in recording.spans if span.trace_id == "load-0"]
    assert first[:3] == [("running", "timeout"), ("backoff", ""), ("running", "ok")]


def test_an_error_before_the_effect_leaves_no_effect():
    """A tool that fails before it acts is charged once, by the retry."""
    fault = {"id": "down", "kind": "tool_error", "where": {"tool": "charge", "attempt": 1}}
    recording = run(charging, inject=[fault])
    assert outcomes(recording) == ["ok"] * 20
    assert [effect.attempt for effect in recording.effects] == [2] * 20


def test_a_lost_answer_leaves_the_effect_and_the_retry_repeats_it():
    """A tool whose answer is lost has acted: two effects for one order."""
    fault = {"id": "lost", "kind": "tool_error", "where": {"tool": "charge", "attempt": 1}, "after_effect": True}
    recording = run(charging, inject=[fault])
    assert outcomes(recording) == ["ok"] * 20
    assert [effect.attempt for effect in recording.effects if effect.trace_id == "load-3"] == [1, 2]


def test_an_effect_after_the_caller_gave_up_is_a_zombie():
    """A handler that ignores its cancellation acts for nobody, and the effect says so."""

    async def stubborn(message: Any, ctx: Any) -> Any:
        try:
            await asyncio.sleep(3)
        except asyncio.CancelledError:
            await asyncio.sleep(0.5)
        await ctx.effect("charge")

    def build() -> Any:
        return create(Node(stubborn, name="stubborn").to())

    load = {"deadline": "1s", "stages": [{"for": "1s", "rate": "1/s"}]}
    recording = run(build, load=load)
    assert outcomes(recording) == ["deadline"]
    assert [effect.gone for effect in recording.effects] == ["deadline"]


def test_a_storm_brings_its_own_callers_who_retry_in_step():
    """Each caller of a storm asks again after every failure, and its tries share one order."""
    fault = {
        "id": "storm", "kind": "retry_storm", "where": {"node": "echo"}, "window": {"from": "2s", "for": "3s"},
        "share": 1.0, "clients": 4, "attempts": 3, "backoff": "100ms",
    }  # fmt: skip
    recording = run(echoing, inject=[fault])
    storm = [request for request in recording.requests if request.origin == "storm"]
    assert len({request.order for request in storm}) == 4
    assert {request.arrival_s for request in storm if request.client_attempt == 1} == {2.0}
    assert max(request.client_attempt for request in storm) == 3
    assert recording.fault_counts["storm"].fired == recording.fault_counts["storm"].matched > 12


def test_the_baseline_twin_has_the_same_arrivals_and_no_faults():
    """With faults off, every request arrives as before and nothing fires."""
    spoilt = run(echoing, load=POISSON, inject=[slow(delay="900ms")])
    twin = run(echoing, load=POISSON, inject=[slow(delay="900ms")], faults=False)
    assert [request.arrival_s for request in twin.requests] == [request.arrival_s for request in spoilt.requests]
    assert not twin.fires


def cached(key: Any) -> Any:
    answers: dict[Any, Any] = {}

    async def answer(message: Any, ctx: Any) -> Any:
        return message.model_copy(update={"payload": answers.setdefault(key(message), message.payload)})

    return create(Node(answer, name="answer").to())


PROBE = {"id": "peek", "kind": "tenant_probe", "victim": "globex", "attacker": "acme", "plant": ["payload", "headers"]}


def test_a_cache_that_forgets_the_tenant_leaks_and_the_sighting_names_all():
    """The canary of one tenant in another's answer is a leak with owner, reader, sink and path."""
    recording = run(lambda: cached(lambda _: "same"), inject=[PROBE], load=POISSON)
    leaked = [sighting for sighting in recording.sightings if sighting.leaked]
    assert {(leak.owner, leak.seen_by, leak.sink, leak.path, leak.place) for leak in leaked} == {
        ("globex", "acme", "egress", "payload.canary", "payload")
    }


def test_a_cache_that_knows_the_tenant_shows_the_canary_to_its_owner_only():
    """Without a leak the positive control is still seen, so that the silence means something."""
    recording = run(lambda: cached(lambda message: message.headers.tenant), inject=[PROBE], load=POISSON)
    assert recording.sightings
    assert not [sighting for sighting in recording.sightings if sighting.leaked]
    assert recording.controls_missing == []


def test_another_tenants_history_in_an_answer_is_a_leak():
    """What is stored of one tenant is marked too, so that reading it for another one is found."""
    first: list[str] = []

    def build(world: Any) -> Any:
        async def remember(message: Any, ctx: Any) -> Any:
            first.append(message.trace_id)
            history = await ctx.runtime.load_history(first[0])
            return message.model_copy(update={"payload": [event.payload for event in history]})

        return create(Node(remember, name="remember").to(), state_store=world.store)

    recording = run(build, inject=[{**PROBE, "plant": ["state"]}], load=POISSON)
    assert {(leak.seen_by, leak.sink, leak.place) for leak in recording.sightings if leak.leaked} == {
        ("acme", "egress", "state")
    }
    assert recording.controls_missing == []


def test_another_tenants_tool_result_in_an_answer_is_a_leak():
    """What a tool gives for one tenant is marked, wherever the flow keeps it."""

    def build() -> Any:
        books: dict[str, Any] = {}

        async def look_up() -> Any:
            return {"balance": "12"}

        async def answer(message: Any, ctx: Any) -> Any:
            if "book" not in books:
                books["book"] = await ctx.effect("ledger", look_up, args={})
            return message.model_copy(update={"payload": books["book"]})

        return create(Node(answer, name="answer").to())

    recording = run(build, inject=[{**PROBE, "plant": ["tool_result"]}], load=POISSON)
    assert {leak.place for leak in recording.sightings if leak.leaked} == {"tool_result"}


def test_a_probe_marks_the_requests_of_its_window_only():
    """The requests of the victim that arrive in the window are marked, and counted as matched and fired."""
    recording = run(echoing, inject=[{**PROBE, "window": {"from": "4s", "for": "3s"}}], load=POISSON)
    victims = [request for request in recording.requests if request.tenant == "globex"]
    inside = {request.trace_id for request in victims if 4 <= request.arrival_s < 7}
    assert {seen.trace_id for seen in recording.sightings if seen.fault == "peek"} <= inside
    assert recording.fault_counts["peek"].fired == recording.fault_counts["peek"].matched == len(inside) > 0


def test_a_probe_marks_by_chance_and_by_address():
    """`chance` spares some requests of the victim, always the same ones."""
    runs = [run(echoing, inject=[{**PROBE, "chance": 0.5}], load=POISSON) for _ in range(2)]
    counts = runs[0].fault_counts["peek"]
    assert 0 < counts.fired < counts.matched
    assert runs[0].sightings == runs[1].sightings


def test_a_canary_that_nobody_saw_is_a_missing_control():
    """A flow that gives nothing back proves nothing about leaks."""

    async def swallow(message: Any, ctx: Any) -> Any:
        return "done"

    recording = run(lambda: create(Node(swallow, name="swallow").to()), inject=[PROBE])
    assert recording.controls_missing == ["peek/payload", "peek/headers"]


def test_another_tenants_data_in_a_log_line_is_a_leak():
    """A log line belongs to the tenant whose message is being handled."""
    seen: list[str] = []

    async def gossip(message: Any, ctx: Any) -> Any:
        logging.getLogger("app").warning("before you came %s", seen[-1:] or "nobody")
        seen.append(str(message.payload))
        return message

    recording = run(lambda: create(Node(gossip, name="gossip").to()), inject=[PROBE], load=POISSON)
    assert {leak.sink for leak in recording.sightings if leak.leaked} == {"logs"}


def test_work_that_goes_on_at_the_horizon_is_reported():
    """A run that is still busy when its time is up says so, with what was unfinished."""

    async def endless(message: Any, ctx: Any) -> Any:
        for _ in range(1000):
            await asyncio.sleep(10)

    recording = run(lambda: create(Node(endless, name="endless").to()), horizon="60s")
    assert recording.horizon_reached
    assert recording.end_s == 60.0
    assert recording.unfinished


def test_nothing_of_one_run_reaches_the_next():
    """A run after many others equals the first one."""
    first = run(echoing, 7, load=POISSON)
    for seed in range(3):
        run(charging, seed, load=POISSON)
        run(silent, seed)
    assert run(echoing, 7, load=POISSON) == first


def test_where_the_time_went_adds_up_to_the_latency():
    """Waiting, running and backing off explain every second of a request."""
    recording = run(echoing, load={"stages": [{"for": "4s", "rate": "30/s"}]}, inject=[slow(chance=0.1)])
    for request in recording.requests:
        spent = sum(span.end_s - span.start_s for span in recording.spans if span.trace_id == request.trace_id)
        assert spent == pytest.approx(request.latency_s, abs=1e-5)


def test_a_blocked_sender_is_counted_as_such():
    """What finds no room is blocked, at a node or before the flow, and every second of it is told."""

    async def sluggish(message: Any, ctx: Any) -> Any:
        await asyncio.sleep(1)
        return message

    def build() -> Any:
        first, second = Node(echo, name="first"), Node(sluggish, name="second", policy=NodePolicy())
        return create(first.to(second), second.to(), queue_maxsize=1)

    recording = run(build, load={"stages": [{"for": "2s", "rate": "5/s"}]})
    assert {span.node for span in recording.spans if span.kind == "blocked"} == {"first", "ingress"}
    for request in recording.requests:
        spent = sum(span.end_s - span.start_s for span in recording.spans if span.trace_id == request.trace_id)
        assert spent == pytest.approx(request.latency_s, abs=1e-5)


def test_messages_of_one_trace_at_one_node_have_their_own_spans():
    """Three retrying messages of one trace back off side by side, and no span runs backwards."""

    async def spread(message: Any, ctx: Any) -> None:
        for part in range(3):
            await ctx.emit(message.model_copy(update={"payload": part}))

    async def flaky(message: Any, ctx: Any) -> Any:
        await asyncio.sleep(0.01)
        if ctx.attempt == 0:
            raise ValueError
        return message

    def build() -> Any:
        policy = NodePolicy(max_retries=1, backoff_base=0.5)
        first, second = Node(spread, name="first"), Node(flaky, name="second", policy=policy)
        return create(first.to(second), second.to())

    recording = run(build, load=ONE)
    assert all(span.end_s >= span.start_s for span in recording.spans)
    assert [span.kind for span in recording.spans].count("backoff") == 3


def test_an_effect_that_is_cut_off_has_perhaps_happened():
    """A charge that times out under way is written down as uncertain, on every attempt."""

    async def slow_bank() -> None:
        await asyncio.sleep(2)

    async def pay(message: Any, ctx: Any) -> Any:
        await ctx.effect("charge", slow_bank, args=message.payload)
        return message

    policy = NodePolicy(timeout_s=1, max_retries=1, backoff_base=0.1)
    recording = run(lambda: create(Node(pay, name="pay", policy=policy).to()), load=ONE)
    assert [(effect.attempt, effect.certain) for effect in recording.effects] == [(1, False), (2, False)]


def test_the_arguments_of_an_effect_are_those_it_was_called_with():
    """A tool that changes its arguments does not change what it is known by."""

    async def pay(message: Any, ctx: Any) -> Any:
        order = {"items": [1]}

        async def grow() -> None:
            order["items"].append(ctx.attempt)

        await ctx.effect("charge", grow, args=order)
        return message

    fault = {"id": "lost", "kind": "tool_error", "where": {"tool": "charge", "attempt": 1}, "after_effect": True}
    policy = NodePolicy(max_retries=1, backoff_base=0.1)
    recording = run(lambda: create(Node(pay, name="pay", policy=policy).to()), inject=[fault], load=ONE)
    assert len(recording.effects) == 2
    assert len({effect.args_digest for effect in recording.effects}) == 1


def test_an_effect_of_a_task_left_behind_is_seen():
    """A charge that a handler leaves to a background task counts, and its caller no longer waits."""
    tasks: list[Any] = []

    async def pay(message: Any, ctx: Any) -> Any:
        async def later() -> None:
            await asyncio.sleep(5)
            await ctx.effect("charge")

        tasks.append(asyncio.create_task(later()))
        return message

    recording = run(lambda: create(Node(pay, name="pay").to()), load=ONE)
    assert [effect.gone for effect in recording.effects] == ["answered"]


def test_a_charge_at_the_deadline_comes_too_late():
    """Whoever acts while the deadline cancels it acts for nobody."""

    async def pay(message: Any, ctx: Any) -> Any:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            await ctx.effect("charge")
            raise

    load = {"deadline": "4s", **ONE}
    recording = run(lambda: create(Node(pay, name="pay").to()), load=load)
    assert [(effect.at_s, effect.gone) for effect in recording.effects] == [(4.0, "deadline")]


@pytest.mark.parametrize("wrap", [lambda text: {text}, lambda _text: type("Box", (), {})(), str])
def test_leaks_are_found_in_sets_objects_and_printed_lines(wrap):
    """Another tenant's data is found in a set, on an object, and in what is printed."""
    seen: list[Any] = []

    async def gossip(message: Any, ctx: Any) -> Any:
        value = wrap(message.payload["canary"]) if "canary" in message.payload else None
        if value is not None and hasattr(value, "__dict__"):
            value.text = message.payload["canary"]
        if value is not None:
            seen.append(value)
        if isinstance(value, str) or (value is None and seen and isinstance(seen[0], str)):
            sys.stdout.write(f"before you came {seen[0]}\n")
            return message
        return message.model_copy(update={"payload": {"docs": seen[0] if seen else message.payload}})

    recording = run(lambda: create(Node(gossip, name="gossip").to()), inject=[PROBE], load=POISSON)
    assert [sighting for sighting in recording.sightings if sighting.leaked]


def test_a_shared_background_task_is_nobodys_leak():
    """A task that outlives its request works for nobody in particular, so its log lines accuse nobody."""
    tasks: list[Any] = []

    async def queue(message: Any, ctx: Any) -> Any:
        async def flush() -> None:
            await asyncio.sleep(1)
            logging.getLogger("app").warning("flushing %s", message.payload)

        tasks.append(asyncio.create_task(flush()))
        return message

    recording = run(lambda: create(Node(queue, name="queue").to()), inject=[PROBE], load=POISSON)
    assert not [sighting for sighting in recording.sightings if sighting.leaked]


def test_requests_that_the_horizon_cuts_off_are_counted():
    """A run that ends before its load says how many requests never arrived."""
    recording = run(echoing, load={"stages": [{"for": "100s", "rate": "1/s"}]}, horizon="60s")
    assert recording.never_arrived == 39


def test_a_flow_that_spins_is_stuck_and_says_where():
    """A handler that yields for ever without letting time pass ends as stuck, with its line."""

    async def spin(message: Any, ctx: Any) -> None:
        for _ in range(10**9):
            await asyncio.sleep(0)

    recording = run(lambda: create(Node(spin, name="spin").to()), load=ONE)
    assert recording.stuck is not None
    assert "a task spins at test_runs.py:" in recording.stuck.reason
