"""Effects as the outside world sees them: twice, under a used key, without a key, too late."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from flows_for_tests import charging, run, scenario

from penguiflow import Node, NodePolicy, create
from sim.checks.evaluate import evaluate_seed
from sim.model.recording import Recording
from sim.model.service_call import ServiceCall
from sim.watch import EffectWatch, Recorder

if TYPE_CHECKING:
    from sim.model.recording import Gone
    from sim.model.result import Finding

ONE = {"stages": [{"for": "1s", "rate": "1/s"}]}
FEW = {"stages": [{"for": "4s", "rate": "1/s"}]}


def findings(recording: Recording, metric: str) -> list[Finding]:
    judged = scenario(checks=[{"id": "it", "metric": metric, "max": 0}])
    return list(evaluate_seed(judged, recording).checks[0].findings)


def kinds(recording: Recording, metric: str = "effects.duplicates") -> list[str]:
    return [finding.kind for finding in findings(recording, metric)]


def acting(act: Any, *, retries: int = 0, timeout_s: float | None = None) -> Any:
    async def node(message: Any, ctx: Any) -> Any:
        await act(message, ctx)
        return message

    policy = NodePolicy(max_retries=retries, timeout_s=timeout_s, backoff_base=0.1)
    return create(Node(node, name="pay", policy=policy).to())


# -- twice, and under a used key -------------------------------------------------------------


def test_one_key_in_two_traces_of_one_tenant_is_a_duplicate():
    """A key that comes from the order is the same in whatever trace the order is sent again."""
    recording = run(partial(acting, lambda _m, ctx: ctx.effect("charge", key="order-7", args={})), load=FEW,
                    tenants={"acme": {}})  # fmt: skip
    assert set(kinds(recording)) == {"duplicate_effect"}
    assert "asked again in another trace" in findings(recording, "effects.duplicates")[0].cause


def test_two_tenants_may_use_one_key():
    """Keys belong to their tenant: the order number 7 of one is not the order number 7 of the other."""

    async def act(message: Any, ctx: Any) -> None:
        if message.headers.tenant not in seen:
            seen.append(message.headers.tenant)
            await ctx.effect("charge", key="order-7", args={})

    seen: list[str] = []
    recording = run(partial(acting, act), load={"stages": [{"for": "20s", "rate": "1/s"}]})
    assert sorted(effect.tenant or "" for effect in recording.effects) == ["acme", "globex"]
    assert kinds(recording) == []


def test_one_key_with_other_arguments_is_a_finding_of_its_own():
    """What a service that knows keys would refuse: the same key stands for two different things."""
    amounts = iter(range(9))
    act = partial(acting, lambda _m, ctx: ctx.effect("charge", key="k", args={"cents": next(amounts)}))
    recording = run(act, load={"stages": [{"for": "2s", "rate": "1/s"}]}, tenants={"acme": {}})
    assert kinds(recording) == ["reused_key"]
    (finding,) = findings(recording, "effects.duplicates")
    assert "took effect twice with different arguments: attempt 1 at" in finding.summary
    assert "stands for two different things" in finding.cause


def test_a_repeat_is_told_from_a_reuse_of_its_key_even_when_both_happen():
    """Of three effects under one key, the third repeats the second, whose arguments it has."""
    amounts = iter([1, 2, 2])
    act = partial(acting, lambda _m, ctx: ctx.effect("charge", key="k", args=next(amounts)))
    recording = run(act, load={"stages": [{"for": "3s", "rate": "1/s"}]}, tenants={"acme": {}})
    assert kinds(recording) == ["reused_key", "duplicate_effect"]


def test_a_retry_without_a_key_repeats_what_it_did_and_nothing_else():
    """The same name and arguments at one node in one trace are a duplicate; other arguments are another effect."""
    amounts = iter(range(99))

    async def act(message: Any, ctx: Any) -> None:
        await ctx.effect("note", args={"always": "this"})
        await ctx.effect("book", args={"line": next(amounts)})
        if ctx.attempt == 0:
            raise ValueError

    recording = run(partial(acting, act, retries=1), load=ONE)
    assert [finding.summary.split()[0] for finding in findings(recording, "effects.duplicates")] == ["note"]


def test_effects_outside_every_trace_are_no_duplicates_and_no_zombies():
    """What nobody asked for can be told from nothing else, and comes too late for nobody."""
    recording, watch = watched(gone="deadline")
    for _ in range(2):
        carry_out(watch, call(trace_id=None, key=None))
    assert [effect.gone for effect in recording.effects] == ["", ""]
    assert kinds(recording) == kinds(recording, "effects.zombies") == []


# -- without a key ---------------------------------------------------------------------------


def test_effects_without_a_key_are_told_once_with_how_often():
    """One finding for a tool and a node says how many of its effects have no key."""
    calls = iter(range(99))

    async def act(message: Any, ctx: Any) -> None:
        await ctx.effect("charge", key="k" if next(calls) == 2 else None, args={})
        await ctx.effect("mail", args={})

    recording = run(partial(acting, act), load=FEW)
    told = [finding.summary for finding in findings(recording, "effects.unkeyed")]
    assert len(told) == 2
    assert told[0].startswith("charge took effect without a key, 3 of 4 times, first at ")
    assert told[1].startswith("mail took effect without a key, 4 of 4 times, first at ")


# -- too late --------------------------------------------------------------------------------


async def _after(seconds: float, ctx: Any) -> None:
    await asyncio.sleep(seconds)
    await ctx.effect("charge")


async def _in_the_background(message: Any, ctx: Any) -> None:
    tasks.append(asyncio.create_task(_after(5, ctx)))


async def _told_no_first(message: Any, ctx: Any) -> None:
    tasks.append(asyncio.create_task(_after(5, ctx)))
    raise ValueError


async def _through_its_deadline(message: Any, ctx: Any) -> None:
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        await asyncio.sleep(0.5)
    await ctx.effect("charge")


async def _cancelled_by_itself(message: Any, ctx: Any) -> None:
    tasks.append(asyncio.create_task(_after(5, ctx)))
    await ctx.runtime.cancel(message.trace_id)
    await asyncio.sleep(1)


tasks: list[Any] = []


@pytest.mark.parametrize(
    ("act", "gone", "words"),
    [
        (_in_the_background, "answered", "after the caller had its answer at "),
        (_told_no_first, "refused", "after the caller was told that it had failed at "),
        (_through_its_deadline, "deadline", "after its deadline at 4.00 s"),
        (_cancelled_by_itself, "cancelled", "after it was cancelled at "),
    ],
)
def test_each_kind_of_zombie_is_told_apart(act, gone, words):
    """Whether the caller had its answer, was told no, was cancelled, or its time was up: each has its own way out."""
    recording = run(partial(acting, act), load={**ONE, "deadline": "4s"})
    assert [effect.gone for effect in recording.effects] == [gone]
    (finding,) = findings(recording, "effects.zombies")
    assert finding.kind == "zombie_effect"
    assert words in finding.summary
    assert "pay" in finding.cause + finding.fix


def test_a_caller_that_left_before_its_deadline_has_given_up():
    """Its own patience is not the request's deadline, which nobody in the flow could have looked at."""
    load = {**ONE, "client": {"give_up_after": "2s"}}
    recording = run(partial(acting, lambda _message, ctx: _after(5, ctx)), load=load)
    assert [effect.gone for effect in recording.effects] == ["gave_up"]
    (finding,) = findings(recording, "effects.zombies")
    assert "after the caller had given up at 2.00 s" in finding.summary
    assert "no longer than their caller waits" in finding.fix


def test_an_effect_in_time_is_no_zombie():
    """While the caller waits, nothing is late."""
    recording = run(charging)
    assert [effect.gone for effect in recording.effects] == [""] * 20
    assert kinds(recording, "effects.zombies") == []


# -- what the watcher takes in ---------------------------------------------------------------


def watched(*, gone: Gone = "", nodes: tuple[str, ...] = ()) -> tuple[Recording, EffectWatch]:
    recording = Recording("by hand", 1)
    clock = iter(range(99))
    recorder = Recorder(recording, lambda: 0.0)
    return recording, EffectWatch(recording, recorder, lambda: float(next(clock)), lambda _trace: gone, nodes=nodes)


def call(**fields: Any) -> ServiceCall:
    known = {
        "act": "tool", "node": "pay", "name": "POST /charges", "trace_id": "t1", "tenant": "acme", "attempt": 0,
        "occurrence": 0, "value": {"cents": 5}, "key": "k", "service": "bank", "is_effect": True,
    }  # fmt: skip
    return ServiceCall(**{**known, **fields})


def carry_out(watch: EffectWatch, one: Any, *, error: BaseException | None = None) -> None:
    async def proceed() -> str:
        if error is not None:
            raise error
        return "done"

    with pytest.raises(StopIteration if error is None else type(error)):
        watch.intercept(one, proceed).send(None)


def test_a_service_call_is_an_effect_only_where_it_changes_something():
    """A POST counts under the name of its service, a GET does not."""
    recording, watch = watched()
    carry_out(watch, call())
    carry_out(watch, call(name="GET /charges", is_effect=False))
    assert [(effect.service, effect.name) for effect in recording.effects] == [("bank", "POST /charges")]


def test_one_key_at_two_services_is_no_duplicate():
    """Each service has keys of its own."""
    recording, watch = watched()
    for service in ("bank", "depot", "bank"):
        carry_out(watch, call(service=service))
    assert kinds(recording) == ["duplicate_effect"]
    assert findings(recording, "effects.duplicates")[0].summary.startswith("POST /charges at bank key ")


def test_a_declared_node_is_an_effect_of_its_own_each_time_its_body_ends():
    """Its key is made from trace and node, so a second body for one trace is a duplicate."""
    recording, watch = watched(nodes=("ship",))
    assert "attempt" in watch.acts
    for node in ("ship", "pack", "ship"):
        carry_out(watch, call(act="attempt", node=node, name=None, key=None))
    assert [(effect.name, effect.key) for effect in recording.effects] == [("ship", "t1/ship")] * 2
    assert kinds(recording) == ["duplicate_effect"]


class Killed(BaseException):
    """What a process dies of."""


@pytest.mark.parametrize("end", [asyncio.CancelledError(), Killed(), GeneratorExit()])
def test_an_effect_that_was_cut_off_is_kept_as_uncertain(end):
    """Cancelled or killed under way, it has perhaps happened; no crash loses it."""
    recording, watch = watched()
    carry_out(watch, call(), error=end)
    assert [effect.certain for effect in recording.effects] == [False]


def test_a_tool_that_fails_has_done_nothing():
    """An exception of its own is the tool's word that nothing happened."""
    recording, watch = watched()
    carry_out(watch, call(), error=ValueError())
    assert recording.effects == []


def test_what_a_flow_did_before_it_was_built_anew_is_known_to_the_next():
    """One watcher stands around the flow before a crash and the flow after it, and the repeat is found."""
    recording, watch = watched()
    carry_out(watch, call(), error=Killed())
    carry_out(watch, call())
    (finding,) = findings(recording, "effects.duplicates")
    assert "attempt 1 perhaps (it was cut off)" in finding.summary


def test_what_a_deadline_cuts_off_in_time_is_not_late():
    """A charge that begins before the deadline and is cut off by it has perhaps happened, and then not too late."""

    def build():
        async def slow():
            await asyncio.sleep(1)

        async def pay(message, ctx):
            await ctx.effect("charge", slow)
            return message

        return create(Node(pay, name="pay", policy=NodePolicy()).to())

    recording = run(build, load={"deadline": "500ms", "stages": [{"for": "1s", "rate": "1/s"}]})
    assert [(effect.certain, effect.at_s, effect.gone) for effect in recording.effects] == [(False, 0.5, "")]
