"""RUNTIME 1.16 and 1.25: bounded fan-out in a handler, and routers."""

import asyncio
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError
from runtime_samples import Events, echo, message, names_of_tasks, node, residue, roundtrip, running

from penguiflow import Context, Message, ModelRegistry, TraceEnded
from penguiflow.core import Endpoint
from penguiflow.patterns import map_concurrent, predicate_router, union_router

# -- map_concurrent --------------------------------------------------------------------------


class Calls:
    """A worker that takes as long as its item says, and knows what became of its calls."""

    def __init__(self):
        self.started = []
        self.ended = []
        self.most_at_once = 0

    async def __call__(self, delay_s):
        self.started.append(delay_s)
        self.most_at_once = max(self.most_at_once, len(self.started) - len(self.ended))
        try:
            await asyncio.sleep(delay_s)
            return f"after {delay_s}"
        finally:
            self.ended.append(delay_s)


def test_results_come_in_the_order_of_the_items(run):
    """`map_concurrent` gives results in the order of its items, whichever was ready first."""
    calls = Calls()
    results = run(map_concurrent([3, 1, 2], calls))
    assert results == ["after 3", "after 1", "after 2"]
    assert calls.ended == [1, 2, 3]
    assert run(map_concurrent(iter(()), calls)) == []


@pytest.mark.parametrize(("limit", "at_once", "took_s"), [(2, 2, 3), (100, 5, 1), (1, 1, 5), (0, 1, 5), (-3, 1, 5)])
def test_no_more_calls_run_than_allowed(run, limit, at_once, took_s):
    """At most `max_concurrency` calls run at a time, and a limit below one counts as one."""
    calls = Calls()

    async def main():
        await map_concurrent([1] * 5, calls, max_concurrency=limit)
        return asyncio.get_running_loop().time()

    assert (run(main()), calls.most_at_once) == (took_s, at_once)


def test_the_first_exception_ends_everything_and_is_raised_as_it_is(run):
    """The first exception comes out bare, with its cause, after the siblings were cancelled and before others start."""
    calls = Calls()
    error = ValueError("boom")

    async def worker(item):
        await calls(item)
        if item == 1:
            raise error from KeyError("cause")

    async def main():
        with pytest.raises(ValueError, match="boom") as raised:
            await map_concurrent([5, 1, 7, 8, 9], worker, max_concurrency=3)
        assert raised.value is error
        assert isinstance(error.__cause__, KeyError)
        assert (calls.started, sorted(calls.ended)) == ([5, 1, 7], [1, 5, 7])
        assert names_of_tasks() == []
        return asyncio.get_running_loop().time()

    assert run(main()) == 1


def test_of_two_failures_at_one_instant_the_earlier_item_counts_and_nothing_starts_between(run):
    """Calls that end at the instant of the first failure make room for no other, and the first failure is raised."""
    calls = Calls()

    async def worker(item):
        calls.started.append(item)
        await asyncio.sleep(1)
        if item in ("b", "c"):
            raise ValueError(item)

    async def main():
        with pytest.raises(ValueError, match="b"):
            await map_concurrent("abcdef", worker, max_concurrency=4)

    run(main())
    assert calls.started == ["a", "b", "c", "d", "e"]  # a ended before b failed, d at the same instant but after it


def test_a_cancelled_error_of_the_worker_is_a_failure(run):
    """A worker that raises `CancelledError` by itself fails like any other, and loses no result silently."""
    calls = Calls()

    async def worker(item):
        await calls(item)
        if item == 1:
            raise asyncio.CancelledError

    async def main():
        with pytest.raises(asyncio.CancelledError):
            await map_concurrent([1, 2, 3], worker, max_concurrency=2)
        assert asyncio.current_task().cancelling() == 0
        assert calls.started == [1, 2]

    run(main())


class Halt(BaseException):
    """Something that `except Exception` lets through."""


@pytest.mark.parametrize("error", [ExceptionGroup("several", [ValueError("a"), ValueError("b")]), Halt()])
def test_whatever_a_worker_raises_comes_out_as_it_is(run, error):
    """An exception group of the worker is not taken apart, and what is no `Exception` is not put into a group."""

    async def worker(item):
        if item == 1:
            raise error
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise Halt from None

    async def main():
        with pytest.raises(type(error)) as raised:
            await map_concurrent([0, 1], worker)
        assert raised.value is error

    run(main())


def test_a_cancelled_caller_leaves_no_call_behind(run):
    """When the caller is cancelled its calls are too, nothing new starts, even if a call swallows its cancellation."""
    calls = Calls()

    async def stubborn(item):
        try:
            await calls(item)
        except asyncio.CancelledError:
            await asyncio.sleep(1)

    async def main():
        task = asyncio.create_task(map_concurrent([10] * 9, stubborn, max_concurrency=2))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(calls.started) == 2
        assert names_of_tasks() == []
        return asyncio.get_running_loop().time()

    assert run(main()) == 2


def test_a_cancelled_trace_ends_the_calls_of_its_handler(run):
    """Cancelling a trace, or its node's timeout, reaches every call of `map_concurrent` in the handler."""
    calls = Calls()

    async def spread(msg, ctx):
        return await map_concurrent([60] * 4, calls)

    async def main():
        async with running(node(spread, timeout_s=5).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(1)
            await flow.cancel("t1", drain=True)
            assert len(calls.ended) == 4
            with pytest.raises(TraceEnded) as ended:
                await roundtrip(flow, message(), "t2")
            assert (ended.value.status, len(calls.ended)) == ("error", 8)
            assert names_of_tasks() == ["penguiflow:spread"]
            assert residue(flow) == {}

    run(main())


# -- predicate_router ------------------------------------------------------------------------

A, B = node(echo, "a"), node(echo, "b")


def always(decision):
    return lambda _: decision


async def arrivals(router, msg, **options):
    """Names of the nodes at which `msg` comes out of a router into `a` and `b`, with what came."""
    events = Events()
    async with running(router.to(A, B), middlewares=[events], **options) as flow:
        await flow.emit(msg)
        await asyncio.sleep(1)
        await flow.stop()
        results = {target.name: await flow.fetch(target) for target in (A, B) if target.name in started(events)}
        assert residue(flow) == {}
        return results


def started(events):
    return [event.node_name for event in events if event.event_type == "node_start"]


@pytest.mark.parametrize(
    ("decision", "reached"),
    [
        ("a", ["a"]),
        (B, ["b"]),
        (["b", A], ["a", "b"]),
        ((B,), ["b"]),
        (None, []),
        ([], []),
    ],
)
def test_a_message_goes_where_the_predicate_says(run, decision, reached):
    """A predicate names successors by node, name or sequence, and drops with `None` or an empty sequence."""
    router = predicate_router("router", always(decision))
    assert run(arrivals(router, "x")) == dict.fromkeys(reached, "x")


def test_the_predicate_sees_the_message(run):
    """The predicate gets what the router gets, an envelope as an envelope."""
    router = predicate_router("router", lambda msg: msg.payload)
    sent = message("b")
    assert run(arrivals(router, sent)) == {"b": sent}


def failure_of(run, router, msg="x"):
    """The exception that ends a message in a router, after two attempts."""
    events = Events()

    async def main():
        async with running(router.to(A, B), middlewares=[events], emit_errors_to_rookery=True) as flow:
            failure = await roundtrip(flow, message(msg))
            assert started(events) == [router.name]
            return failure.unwrap()

    return run(main())


@pytest.mark.parametrize("decision", ["c", ["a", "c"]])
def test_an_unknown_name_is_an_error_and_nothing_is_sent(run, decision):
    """A name that no successor has raises `KeyError` before any target was sent to."""
    error = failure_of(run, predicate_router("router", always(decision)))
    assert isinstance(error, KeyError)
    assert error.args == ("No successor named 'c'; there are: a, b",)


@pytest.mark.parametrize(("decision", "kind"), [(7, "int"), (["a", None], "NoneType"), ({"a"}, "set")])
def test_a_target_that_is_no_node_or_name_is_an_error(run, decision, kind):
    """Anything but nodes, names and sequences of them raises `TypeError`, a set too, as it has no order."""
    error = failure_of(run, predicate_router("router", always(decision)))
    assert isinstance(error, TypeError)
    assert str(error) == f"Targets must be Node or str; got {kind}. Give one, a list of them, or None"


def test_a_node_that_is_no_successor_is_an_error_and_nothing_is_sent(run):
    """A node that does not follow the router raises `KeyError` before any other target was sent to."""
    error = failure_of(run, predicate_router("router", always([A, node(echo, "c")])))
    assert "Unknown target c for router" in error.args[0]


def test_a_router_without_successors_says_so(run):
    """A router at the end of a flow has no successor to name."""
    events = Events()

    async def main():
        router = predicate_router("router", always("a"))
        async with running(router.to(), middlewares=[events], emit_errors_to_rookery=True) as flow:
            return (await roundtrip(flow, message())).unwrap()

    assert run(main()).args == ("No successor named 'a'; there are: none",)


def test_a_retried_router_sends_once(run):
    """W18: a router whose attempt timed out in mid-send sends nothing twice when it is retried."""
    got = {"a": [], "b": []}
    gate = asyncio.Event()

    async def hear(msg, ctx):
        await gate.wait()
        got[ctx.owner.name].append(msg.payload)

    async def hear_at_once(msg, ctx):
        got[ctx.owner.name].append(msg.payload)

    async def main():
        router = predicate_router("router", always(["a", "b"]))
        router.policy.timeout_s, router.policy.max_retries = 1, 3
        targets = node(hear_at_once, "a"), node(hear, "b")
        async with running(router.to(*targets), queue_maxsize=1) as flow:
            for payload in "xyz":  # z finds b full, after a has got it
                await flow.emit(message(payload), trace_id=payload)
            await asyncio.sleep(2)
            gate.set()
            await asyncio.sleep(20)
            assert residue(flow) == {}

    run(main())
    assert got == {"a": ["x", "y", "z"], "b": ["x", "y", "z"]}


def test_a_context_of_no_flow_routes_nowhere(run):
    """A router says that it needs a running flow when it is called by hand."""
    router = predicate_router("router", always("a"))

    async def main():
        for owner in (Endpoint("test"), router):
            with pytest.raises(RuntimeError, match="Context is not attached to a running flow"):
                await router.func("x", Context(owner))

    run(main())


# -- union_router ----------------------------------------------------------------------------


class Web(BaseModel):
    kind: Literal["a"] = "a"
    url: str


class Sql(BaseModel):
    kind: Literal["b"] = "b"
    query: str


class b(BaseModel):  # noqa: N801 - the class is named as the node is
    rows: int


Tagged = Annotated[Web | Sql, Field(discriminator="kind")]


def test_a_variant_goes_to_the_successor_of_its_kind(run):
    """A union router validates the payload, and sends the model to the node named after its `kind`."""
    router = union_router("router", Tagged)
    assert run(arrivals(router, {"kind": "b", "query": "q"})) == {"b": Sql(query="q")}
    assert run(arrivals(router, Web(url="u"))) == {"a": Web(url="u")}


def test_a_variant_without_a_kind_goes_to_the_successor_of_its_class(run):
    """Without a `kind` the name of the variant's class is the target."""
    assert run(arrivals(union_router("router", b | Web), {"rows": 3})) == {"b": b(rows=3)}


def test_an_envelope_is_routed_by_its_payload_and_kept(run):
    """An envelope goes on with its headers and trace id, and with the validated model as payload."""
    sent = message({"kind": "a", "url": "u"}, trace_id="t1", meta={"k": 1})
    (received,) = run(arrivals(union_router("router", Tagged), sent)).values()
    assert received == sent.model_copy(update={"payload": Web(url="u")})
    assert sent.payload == {"kind": "a", "url": "u"}


def test_a_payload_of_no_variant_is_an_error(run):
    """What is none of the variants fails validation, and a variant that no successor is named after is a `KeyError`."""
    assert isinstance(failure_of(run, union_router("router", Tagged), {"kind": "c"}), ValidationError)
    assert failure_of(run, union_router("router", int), 3).args == ("No successor named 'int'; there are: a, b",)


# -- policies --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "reached"),
    [
        (always("b"), ["b"]),
        (lambda request: request.proposed, ["a"]),
        (always([A, "b"]), ["a", "b"]),
        (always(None), []),
    ],
)
def test_a_policy_has_the_last_word(run, policy, reached):
    """A policy may confirm, replace or drop the route, also to successors that were not proposed."""
    router = predicate_router("router", always("a"), policy=policy)
    assert run(arrivals(router, "x")) == dict.fromkeys(reached, "x")
    router = union_router("router", Tagged, policy=policy)
    assert list(run(arrivals(router, Web(url="u")))) == reached


def test_a_policy_is_told_what_it_decides_on(run):
    """The request holds the message, the router, what it proposes and the trace."""
    seen = []
    router = predicate_router("router", always(["b", A]), policy=seen.append)
    sent = message(trace_id="t1")
    assert run(arrivals(router, sent)) == {}
    (request,) = seen
    assert isinstance(request.message, Message)
    assert request.message.trace_id == request.trace_id == "t1"
    assert (request.node, request.node_name, request.context.owner) == (router, "router", router)
    assert (request.proposed, request.proposed_names) == ((B, A), ("b", "a"))


def test_a_policy_is_not_asked_about_what_is_dropped(run):
    """Where the predicate drops the message there is no route to decide on."""
    seen = []
    assert run(arrivals(predicate_router("router", always([]), policy=seen.append), "x")) == {}
    assert seen == []


def test_a_policy_that_fails_sends_nothing_and_is_retried(run):
    """An error in an async policy fails the attempt before anything is sent, and the retry sends once."""
    asked = []

    async def policy(request):
        await asyncio.sleep(1)
        asked.append(request.context.attempt)
        if len(asked) == 1:
            raise ConnectionError("policy service is down")
        return request.proposed

    router = predicate_router("router", always("a"), policy=policy)
    router.policy.max_retries = 1

    async def main():
        async with running(router.to(A, B)) as flow:
            return await roundtrip(flow, message("x"))

    assert run(main()).payload == "x"
    assert asked == [0, 1]


def test_a_router_needs_no_registered_models(run):
    """Routers run in a flow with a registry that does not know them."""
    registry = ModelRegistry()
    for name in "ab":
        registry.register(name, Web, Web)
    assert run(arrivals(predicate_router("router", always("a")), {"url": "u"}, registry=registry)) == {
        "a": Web(url="u")
    }
