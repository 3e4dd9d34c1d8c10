"""Every kind of fault: whom it hits, what the flow sees, and what the recording says."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Any

import pytest
from flows_for_tests import charging, echoing, run, scenario
from hypothesis import given
from hypothesis import strategies as st

from penguiflow import InMemoryStateStore, Message, Node, NodePolicy, create
from sim.checks.evaluate import evaluate_seed
from sim.harness import run_seed
from sim.model.prepared import Prepared
from sim.model.scenario import FAULT_KINDS, Scenario

SECOND = {"stages": [{"for": "10s", "rate": "1/s"}]}


def fault(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": "it", "kind": kind, **fields}


def outcomes(recording: Any) -> list[str]:
    return [request.outcome for request in recording.requests]


def counts(recording: Any) -> tuple[int, int]:
    tally = recording.fault_counts["it"]
    return tally.matched, tally.fired


def chain(*names: str, **policy: Any) -> Any:
    """Nodes that hand on what they get, one after the other."""

    async def hand_on(message: Any, ctx: Any) -> Any:
        seen.append((ctx.owner.name, message.payload["request"]))
        await asyncio.sleep(0.01)
        return message

    seen: list[tuple[str, int]] = []
    nodes = [Node(hand_on, name=name, policy=NodePolicy(**policy)) for name in names]
    flow = create(*(node.to(*nodes[place + 1 : place + 2]) for place, node in enumerate(nodes)))
    chain.seen = seen
    return flow


# -- hang --------------------------------------------------------------------------------------


def test_a_call_that_hangs_is_ended_by_its_timeout_and_retried():
    """Within its window the first attempts never answer; the node's timeout cuts them off, and a retry answers."""
    hang = fault("hang", where={"node": "echo", "attempt": 1}, window={"from": "2s", "for": "3s"})
    recording = run(echoing, load=SECOND, inject=[hang])
    assert outcomes(recording) == ["ok"] * 10
    assert counts(recording) == (3, 3)
    timeouts = [span for span in recording.spans if span.result == "timeout"]
    assert [round(span.end_s - span.start_s, 6) for span in timeouts] == [1, 1, 1]


def test_a_call_that_hangs_without_a_timeout_is_stuck():
    """Nothing ends a call that never answers but a timeout: without one the run is stuck, and says at which fault."""
    recording = run(lambda: chain("a"), load=SECOND, inject=[fault("hang", where={"node": "a"})])
    assert recording.stuck is not None


@pytest.mark.parametrize(("side", "effects"), [("request", 0), ("response", 10)])
def test_a_hang_before_the_call_has_no_effect(side, effects):
    """`side: request` keeps the call from acting; `response` lets it act, and only its answer hangs."""
    hang = fault("hang", where={"tool": "charge"}, side=side)
    recording = run(lambda: charging(retries=0), load=SECOND, inject=[hang])
    assert len(recording.effects) == effects
    assert outcomes(recording) == ["error"] * 10


def test_a_hang_that_is_released_answers_late():
    """With `release` the answer comes after that time."""
    recording = run(lambda: chain("a"), load=SECOND, inject=[fault("hang", where={"node": "a"}, release="300ms")])
    assert [request.latency_s for request in recording.requests] == [0.31] * 10


# -- rate limit --------------------------------------------------------------------------------


def test_calls_beyond_the_rate_are_refused():
    """Four calls a second against a bucket of one that fills once a second: one in four passes."""
    limit = fault("rate_limit", where={"node": "a"}, rate="1/s")
    recording = run(lambda: chain("a"), load={"stages": [{"for": "5s", "rate": "4/s"}]}, inject=[limit])
    passed = [request.arrival_s for request in recording.requests if request.outcome == "ok"]
    assert passed == [0, 1, 2, 3, 4]
    assert {request.detail for request in recording.requests if request.outcome == "error"} == {
        "NODE_EXCEPTION: ToolRateLimited"
    }


def test_a_burst_passes_after_a_pause():
    """The bucket holds `burst` tokens: that many calls pass at once."""
    limit = fault("rate_limit", where={"node": "a"}, rate="1/s", burst=3)
    load = {"stages": [{"for": "100ms", "rate": "50/s"}]}
    recording = run(lambda: chain("a"), load=load, inject=[limit])
    assert outcomes(recording).count("ok") == 3


def test_a_refusal_tells_how_long_to_wait():
    """`retry_after` reaches the caller as an attribute of the error."""
    waits = []

    async def call(message: Any, ctx: Any) -> Any:
        try:
            await ctx.effect("mail")
        except RuntimeError as error:
            waits.append(error.retry_after_s)
        return message

    limit = fault("rate_limit", where={"tool": "mail"}, rate="1/h", retry_after="2s")
    run(lambda: create(Node(call, name="call").to()), load={"stages": [{"for": "3s", "rate": "1/s"}]}, inject=[limit])
    assert waits == [2.0, 2.0]


# -- corrupt -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "fields", "seen"),
    [
        ("retype", ["price"], {"price": "7", "names": ["ann", "bob"]}),
        ("retype", ["names"], {"price": 7, "names": 0}),
        ("remove", ["price"], {"names": ["ann", "bob"]}),
        ("truncate", ["names"], {"price": 7, "names": ["ann"]}),
        ("truncate", ["names.1"], {"price": 7, "names": ["ann", "b"]}),
        ("truncate", [], {"price": 7}),
        ("remove", ["absent"], {"price": 7, "names": ["ann", "bob"]}),
    ],
)
def test_an_answer_comes_damaged(how, fields, seen):
    """What a tool answers reaches the node cut, without fields, or of other types; the tool's own value stays whole."""
    answer = {"price": 7, "names": ["ann", "bob"]}
    got = []

    async def look_up() -> Any:
        return answer

    async def call(message: Any, ctx: Any) -> Any:
        got.append(await ctx.effect("look_up", look_up))
        return message

    damage = fault("corrupt", where={"tool": "look_up"}, how=how, fields=fields)
    run(lambda: create(Node(call, name="call").to()), load={"stages": [{"for": "1s", "rate": "1/s"}]}, inject=[damage])
    assert got == [seen]
    assert answer == {"price": 7, "names": ["ann", "bob"]}


def test_a_damaged_result_of_a_node_reaches_the_next_one():
    """At a node, the payload of the envelope that it returns is damaged."""
    damage = fault("corrupt", where={"node": "a"}, how="retype", fields=["request"])
    run(lambda: chain("a", "b"), load={"stages": [{"for": "1s", "rate": "1/s"}]}, inject=[damage])
    assert chain.seen == [("a", 0), ("b", "0")]


# -- squeeze -----------------------------------------------------------------------------------


def test_a_squeeze_lets_fewer_calls_go_on_at_once():
    """A node that handles four at a time is held to one inside the window; the others wait on their own time."""
    load = {"stages": [{"for": "100ms", "rate": "40/s"}]}
    squeeze = fault("squeeze", where={"node": "a"}, concurrency=1)
    wide = run(lambda: chain("a", concurrency=4), load=load)
    narrow = run(lambda: chain("a", concurrency=4), load=load, inject=[squeeze])
    assert max(request.latency_s for request in wide.requests) == 0.01
    assert [request.latency_s for request in narrow.requests] == [0.01] * 4
    burst = {"stages": [{"for": "1ms", "rate": "4000/s"}]}
    narrow = run(lambda: chain("a", concurrency=4), load=burst, inject=[squeeze])
    assert [round(request.latency_s + request.arrival_s, 3) for request in narrow.requests] == [0.01, 0.02, 0.03, 0.04]


def test_a_call_that_gives_up_in_the_line_hands_its_turn_on():
    """A timeout of one that waits takes it out of the line, and a timeout of one that goes on frees its place."""
    squeeze = fault("squeeze", where={"node": "a"}, concurrency=1)
    burst = {"stages": [{"for": "1ms", "rate": "4000/s"}]}
    recording = run(lambda: chain("a", concurrency=4, timeout_s=0.025), load=burst, inject=[squeeze])
    assert outcomes(recording) == ["ok", "ok", "error", "error"]


def test_a_squeezed_queue_makes_senders_wait():
    """With room for two before a slow node, the senders behind it are blocked, and no more than two ever wait."""
    burst = {"stages": [{"for": "1ms", "rate": "6000/s"}]}
    squeeze = fault("squeeze", where={"node": "b"}, queue_maxsize=2)

    def build() -> Any:
        async def quick(message: Any, ctx: Any) -> Any:
            return message

        async def slow(message: Any, ctx: Any) -> Any:
            await asyncio.sleep(1)
            return message

        first, second = Node(quick, name="a"), Node(slow, name="b")
        return create(first.to(second), second.to())

    def deepest(recording: Any) -> int:
        return max(depth.depth for depth in recording.depths if depth.node == "b")

    free, squeezed = run(build, load=burst), run(build, load=burst, inject=[squeeze])
    assert (deepest(free), deepest(squeezed)) == (5, 2)
    assert outcomes(squeezed) == ["ok"] * 6
    assert sorted(request.ended_s for request in squeezed.requests) == [1, 2, 3, 4, 5, 6]
    ended = run(build, load=burst, inject=[{**squeeze, "window": {"for": "1500ms"}}])
    assert deepest(ended) > 2


# -- messages ----------------------------------------------------------------------------------


def test_a_dropped_message_ends_its_trace_without_a_result():
    """What is lost on an edge never arrives, and the trace says that nothing came out of it."""
    drop = fault("drop", where={"edge": "a->b"}, max_fires=2)
    recording = run(lambda: chain("a", "b"), load=SECOND, inject=[drop])
    assert outcomes(recording) == ["no_result"] * 2 + ["ok"] * 8
    assert counts(recording) == (10, 2)
    assert recording.fault_counts["it"].suppressed == 8


def test_a_duplicated_message_is_handled_twice():
    """A message that arrives again runs the node behind the edge again, with a copy of its own."""
    double = fault("duplicate", where={"edge": "a->b"}, copies=2, max_fires=1)
    run(lambda: chain("a", "b"), load=SECOND, inject=[double])
    assert [request for node, request in chain.seen if node == "b"] == [0, 0, 0, *range(1, 10)]


def test_messages_overtake_each_other_on_their_way():
    """Held back for up to `within`, messages arrive in another order, and every trace still ends well."""
    reorder = fault("reorder", where={"edge": "a->b"}, within="3s")
    recording = run(lambda: chain("a", "b"), load=SECOND, inject=[reorder])
    arrived = [request for node, request in chain.seen if node == "b"]
    assert sorted(arrived) == list(range(10)) != arrived
    assert outcomes(recording) == ["ok"] * 10
    assert [request for node, request in chain.seen if node == "a"] == list(range(10))


def test_latency_on_an_edge_holds_up_nobody():
    """A message is late on its way; the node that sent it goes on with the next."""
    late = fault("latency", where={"edge": "a->b"}, delay="2s")
    recording = run(lambda: chain("a", "b"), load=SECOND, inject=[late])
    assert [request.latency_s for request in recording.requests] == [2.02] * 10


def test_a_message_that_leaves_the_flow_can_be_lost():
    """The way out is an edge, too: to `Rookery`."""
    recording = run(lambda: chain("a"), load=SECOND, inject=[fault("drop", where={"edge": "a->Rookery"}, max_fires=1)])
    assert outcomes(recording) == ["no_result"] + ["ok"] * 9


def streaming() -> Any:
    async def stream(message: Any, ctx: Any) -> None:
        for number in range(4):
            await ctx.emit_chunk(parent=message, text=f"{number}", done=number == 3)

    async def collect(message: Any, ctx: Any) -> Any:
        chunk = message.payload
        got.append((asyncio.get_running_loop().time(), chunk.seq, chunk.done))
        return message if chunk.done else None

    got: list[Any] = []
    streaming.got = got
    source, sink = Node(stream, name="stream"), Node(collect, name="collect")
    return create(source.to(sink), sink.to())


def test_a_stream_comes_slowly():
    """The first chunk is late by one delay, each further one by another."""
    slow = fault("slow_stream", where={"edge": "stream->collect"}, first_chunk="2s", gap="500ms")
    run(streaming, load={"stages": [{"for": "1s", "rate": "1/s"}]}, inject=[slow])
    assert [at_s for at_s, _, _ in streaming.got] == [2, 2.5, 3, 3.5]


def test_a_stream_breaks_off():
    """After `cut_after` chunks nothing more comes, not even the end."""
    cut = fault("slow_stream", where={"node": "collect"}, cut_after=2)
    recording = run(streaming, load={"stages": [{"for": "1s", "rate": "1/s"}]}, inject=[cut])
    assert [(seq, done) for _, seq, done in streaming.got] == [(0, False), (1, False)]
    assert outcomes(recording) == ["no_result"]


# -- store and clock ---------------------------------------------------------------------------


def test_a_failing_store_keeps_nothing_and_stops_nobody():
    """Saves fail inside the window; the flow goes on, and the events are missing."""
    stores = []

    def build(world: Any) -> Any:
        async def echo(message: Any, ctx: Any) -> Any:
            return message

        stores.append(world.store)
        return create(Node(echo, name="echo").to(), state_store=world.store)

    failing = fault("store_error", op="save_event", error="timeout")
    recording = run(build, load=SECOND, inject=[failing])
    assert outcomes(recording) == ["ok"] * 10
    assert counts(recording)[1] > 10
    store = stores[0]
    assert isinstance(store, InMemoryStateStore)
    assert asyncio.run(store.load_history("load-0")) == []


@pytest.mark.parametrize(("failing", "gaps"), [(False, 0.0), (True, 10.0)])
def test_a_history_with_gaps_is_found(failing, gaps):
    """Each request whose events did not all reach the store is one, and none where all of them did."""
    inject = [fault("store_error", op="save_event", error="timeout", chance=0.9)] if failing else []
    audit = [{"id": "audit", "metric": "invariants.history", "max": 0}]

    async def echo(message: Any, ctx: Any) -> Any:
        return message

    def build(world: Any) -> Any:
        return create(Node(echo, name="echo").to(), state_store=world.store)

    recording = run(build, load=SECOND, inject=inject, checks=audit)
    (check,) = [one for one in evaluate_seed(scenario(checks=audit), recording).checks if one.id == "audit"]
    assert (check.value, check.samples) == (gaps, 10)


def test_a_skewed_clock_misleads_the_wall_clock_only():
    """`time.time` and `datetime.now` are ahead inside the window, and drift; the monotonic clock stays right."""
    read = []

    async def look(message: Any, ctx: Any) -> Any:
        now = dt.datetime.now(dt.UTC).timestamp()
        read.append((time.monotonic(), time.time() - 1_700_000_000, now - 1_700_000_000))
        return message

    skew = fault("clock_skew", offset="-5s", drift=0.5, window={"from": "2s", "for": "2s"})
    recording = run(
        lambda: create(Node(look, name="look").to()), load={"stages": [{"for": "5s", "rate": "1/s"}]}, inject=[skew]
    )
    assert read == [(0, 0, 0), (1, 1, 1), (2, -3, -3), (3, -1.5, -1.5), (4, 4, 4)]
    assert counts(recording)[1] > 0


def test_a_clock_that_is_ahead_ends_requests_before_their_deadline():
    """A deadline is a wall-clock time: a flow whose clock is 3 s ahead takes a 2 s deadline for over."""
    ahead = fault("clock_skew", offset="3s")
    load = {**SECOND, "deadline": "2s"}
    assert set(outcomes(run(lambda: chain("a"), load=load))) == {"ok"}
    assert set(outcomes(run(lambda: chain("a"), load=load, inject=[ahead]))) == {"deadline"}


# -- errors and custom -------------------------------------------------------------------------


def test_an_error_can_be_a_status():
    """A number from 400 to 599 is an error with that status."""
    recording = run(charging, load=SECOND, inject=[fault("tool_error", where={"tool": "charge"}, error=503)])
    assert {request.detail for request in recording.requests} == {"NODE_EXCEPTION: ToolStatusError"}


class Every:
    """A custom fault: loses every n-th call that it is given."""

    def __init__(self, _fault: Any, _draws: Any, *, every: int) -> None:
        self.every, self.seen = every, 0

    async def apply(self, _call: Any, proceed: Any) -> Any:
        self.seen += 1
        if self.seen % self.every == 0:
            raise ConnectionError("custom")
        return await proceed()


def test_a_custom_fault_acts_where_the_file_says():
    """`where`, window and chance are the harness's; what happens to a hit call is the factory's."""
    custom = fault("custom", where={"node": "a"}, factory="here:Every", args={"every": 5})
    prepared = Prepared(scenario(faults=[custom], load=SECOND), lambda: chain("a"), factories={"here:Every": Every})
    recording = run_seed(prepared, 1)
    assert outcomes(recording) == (["ok"] * 4 + ["error"]) * 2
    assert recording.fires[0].effect == "here:Every"


# -- all kinds ---------------------------------------------------------------------------------

EXAMPLES: dict[str, dict[str, Any]] = {
    "latency": {"delay": "50ms"},
    "tool_error": {"error": "timeout"},
    "hang": {"release": "100ms"},
    "rate_limit": {"rate": "1/s"},
    "corrupt": {"how": "retype"},
    "squeeze": {"concurrency": 1},
    "drop": {},
    "duplicate": {},
    "reorder": {"within": "1s"},
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_fault_hits_inside_its_window_only(kind):
    """Matching calls are counted from the start of the window, included, to its end, excluded."""
    hit = fault(kind, where={"node": "b"}, window={"from": "3s", "for": "4s"}, **EXAMPLES[kind])
    recording = run(lambda: chain("a", "b"), load=SECOND, inject=[hit])
    assert counts(recording) == (4, 4)
    assert all(3 <= fire.at_s < 7 for fire in recording.fires)


@given(kinds=st.lists(st.sampled_from(sorted(EXAMPLES)), min_size=1, max_size=4), chance=st.sampled_from([0.3, 0.7]))
def test_another_fault_shifts_no_draw(kinds, chance):
    """Which of the first node's calls a fault hits does not depend on the faults of the second."""
    first = {"id": "first", "kind": "latency", "where": {"node": "a"}, "chance": chance, "delay": "1ms"}
    others = [
        {"id": f"other-{place}", "kind": kind, "where": {"node": "b"}, "chance": 0.5, **EXAMPLES[kind]}
        for place, kind in enumerate(kinds)
    ]
    runs = [run(lambda: chain("a", "b"), load=SECOND, inject=inject) for inject in ([first], [*others, first])]
    alone, beside = ([fire.address for fire in one.fires if fire.fault == "first"] for one in runs)
    assert alone == beside


def test_every_kind_has_a_model_that_says_so():
    """The list of kinds is that of the models."""
    assert len(FAULT_KINDS) == len(set(FAULT_KINDS)) == 17
    assert Scenario.model_fields["faults"].examples


def test_a_message_in_transit_keeps_its_trace_open():
    """An interceptor of a send may return a task that goes on with it; the sender goes on, and the trace waits."""

    class Later:
        acts = ("send",)

        async def intercept(self, _call: Any, proceed: Any) -> Any:
            async def later() -> None:
                await asyncio.sleep(5)
                await proceed()

            return asyncio.create_task(later())

    def build() -> Any:
        flow = chain("a", "b")
        flow.add_interceptor(Later())
        return flow

    recording = run(build, load={"stages": [{"for": "1s", "rate": "1/s"}]})
    assert [(request.outcome, request.latency_s) for request in recording.requests] == [("ok", 15.02)]


def test_what_a_handler_emits_without_waiting_passes_interceptors():
    """`emit_nowait` sends through whoever stands in between, as `emit` does."""

    async def emit(message: Message, ctx: Any) -> None:
        ctx.emit_nowait(message)

    async def end(message: Any, ctx: Any) -> Any:
        return message

    def build() -> Any:
        source, sink = Node(emit, name="emit"), Node(end, name="end")
        return create(source.to(sink), sink.to())

    late = fault("latency", where={"edge": "emit->end"}, delay="1s")
    recording = run(build, load=SECOND, inject=[late])
    assert [request.latency_s for request in recording.requests] == [1.0] * 10
