"""RUNTIME 1.8 and section 5: what a handler may do through its context."""

import asyncio

import pytest
from runtime_samples import Events, echo, message, node, residue, roundtrip, running

from penguiflow import Context, StepNotExecuted, StepUnknown, TraceEnded, digest
from penguiflow.core import Endpoint


def test_a_detached_context_may_be_made_and_says_so_when_it_is_used(run):
    """Tests of applications make contexts of their own; sending and fetching through them is an error."""
    ctx = Context(Endpoint("test"))

    async def main():
        for attempt in (ctx.emit("x"), ctx.fetch(), ctx.fetch_any()):
            with pytest.raises(RuntimeError, match="Context is not attached to a running flow"):
                await attempt
        for attempt in (lambda: ctx.emit_nowait("x"), ctx.fetch_nowait):
            with pytest.raises(RuntimeError, match="Context is not attached to a running flow"):
                attempt()
        with pytest.raises(RuntimeError, match="needs a trace id"):
            ctx.idempotency_key("step")
        assert await ctx.effect("tool") is None

    run(main())
    assert (ctx.outgoing_count(), ctx.queue_depth_in(), ctx.queue_depth_out(), ctx.attempt) == (0, 0, 0, 0)


def test_a_handler_emits_to_all_successors_or_to_those_named(run):
    """`ctx.emit` without a target reaches every successor, with one only that, and others are unknown."""
    a, b = node(echo, "a"), node(echo, "b")

    async def spread(msg, ctx):
        assert ctx.owner.name == "spread"
        assert ctx.outgoing_count() == 2
        await ctx.emit("all")
        await ctx.emit("to a", to=a)
        ctx.emit_nowait("to both", to=[a, b])
        with pytest.raises(KeyError, match="Unknown target c for spread"):
            await ctx.emit("x", to=node(echo, "c"))

    async def main():
        async with running(node(spread).to(a, b)) as flow:
            await flow.emit("go")
            results = [[await flow.fetch(from_=exit_) for exit_ in (a, b, a)], await flow.fetch(from_=a)]
            assert len(flow._engine.rookery) == 1
            return results

    assert run(main()) == [["all", "all", "to a"], "to both"]


def test_emit_without_waiting_sends_to_all_or_to_none(run):
    """`ctx.emit_nowait` raises `QueueFull` before it has sent anything."""
    refused = []
    gate = asyncio.Event()

    async def spread(msg, ctx):
        for _ in range(9):
            try:
                ctx.emit_nowait(msg)
            except asyncio.QueueFull:
                refused.append(ctx.queue_depth_out())

    async def slow(msg, ctx):
        await gate.wait()
        return msg

    async def main():
        async with running(node(spread).to(node(slow, "a"), node(slow, "b")), queue_maxsize=3) as flow:
            await flow.emit("x")
            await asyncio.sleep(1)
            gate.set()
            results = [await flow.fetch() for _ in range(6)]
            assert residue(flow) == {}
            return results

    assert run(main()) == ["x"] * 6
    assert refused == [6] * 6


def test_an_exit_emits_into_the_rookery(run):
    """At the end of the flow `ctx.emit` and `ctx.emit_nowait` hand out results."""

    async def twice(msg, ctx):
        await ctx.emit("first")
        ctx.emit_nowait("second")
        return "third"

    async def main():
        async with running(node(twice).to()) as flow:
            await flow.emit(1)
            return [await flow.fetch() for _ in range(3)]

    assert run(main()) == ["first", "second", "third"]


def test_a_handler_may_fetch_from_its_own_queue(run):
    """`ctx.fetch` gives what waits before the node, over one edge where that is asked for."""
    a, b = node(echo, "a"), node(echo, "b")

    async def gather(msg, ctx):
        if msg != "a":
            return msg
        other = await ctx.fetch(from_=b)
        with pytest.raises(asyncio.QueueEmpty, match="no messages available"):
            ctx.fetch_nowait(a)
        with pytest.raises(KeyError, match="Unknown source gather for gather"):
            await ctx.fetch(ctx.owner)
        return (msg, other)

    async def main():
        joined = node(gather)
        async with running(a.to(joined), b.to(joined)) as flow:
            await flow.emit("a", to=a)
            await asyncio.sleep(1)
            await flow.emit("b", to=b)
            result = await flow.fetch()
            assert residue(flow) == {}
            return result

    assert run(main()) == ("a", "b")


# -- effects ---------------------------------------------------------------------------------


def test_an_effect_is_carried_out_and_told(run):
    """`ctx.effect` gives its function's result; the event shows name, key and a digest, never the arguments."""
    events = Events()

    async def pay(msg, ctx):
        async def charge():
            return "receipt"

        return await ctx.effect("charge_card", charge, key=ctx.idempotency_key("charge"), args={"card": "4242"})

    async def main():
        async with running(node(pay, "pay").to(), middlewares=[events]) as flow:
            return await roundtrip(flow, message())

    assert run(main()) == "receipt"
    effect = events.one("effect")
    assert effect.extra == {"effect": "charge_card", "key": "t1/charge", "args_digest": digest({"card": "4242"})}
    assert (effect.node_name, effect.trace_id, effect.attempt, effect.tenant) == ("pay", "t1", 0, "acme")


def test_the_arguments_of_an_effect_count_as_they_were_given(run):
    """What the function does to them afterwards changes no digest: not the interceptor's, not the event's."""
    events, card = Events(), {"number": "4242"}
    given = digest(card)
    calls = []

    class Listening:
        acts = ("tool",)

        async def intercept(self, call, proceed):
            calls.append(call.args_digest)
            return await proceed()

    async def pay(msg, ctx):
        async def charge():
            card.clear()

        await ctx.effect("charge_card", charge, args=card)
        return "paid"

    async def main():
        async with running(node(pay, "pay").to(), middlewares=[events]) as flow:
            flow.add_interceptor(Listening())
            return await roundtrip(flow, message())

    assert run(main()) == "paid"
    assert calls == [given]
    assert events.one("effect").extra["args_digest"] == given


def test_an_effect_that_fails_is_no_effect(run):
    """The event comes after the function, so a failed one tells nothing."""
    events = Events()

    async def pay(msg, ctx):
        async def charge():
            raise OSError

        await ctx.effect("charge_card", charge)

    async def main():
        async with running(node(pay).to(), middlewares=[events]) as flow:
            with pytest.raises(TraceEnded, match="OSError"):
                await roundtrip(flow, message())

    run(main())
    assert "effect" not in events.kinds()


def test_digests_follow_values_and_not_order_or_identity():
    """Equal values of any kind have equal digests, different ones differ."""
    assert digest({"a": 1, "b": {2, 3}}) == digest({"b": {3, 2}, "a": 1})
    assert digest(message("x", trace_id="t", ts=1.0)) == digest(message("x", trace_id="t", ts=1.0))
    assert digest(object()) == digest(object())
    assert len({digest(value) for value in (None, 0, "0", [0], b"0", {"a": 0})}) == 6


def test_once_runs_a_step_once_for_all_attempts(run):
    """A step that was done on the first attempt gives its result again on the second, and is not done twice."""
    charges = []

    async def pay(msg, ctx):
        async def charge():
            charges.append(ctx.attempt)
            return "receipt"

        receipt = await ctx.once("charge", charge)
        if ctx.attempt == 0:
            raise ValueError
        return receipt

    async def main():
        async with running(node(pay, max_retries=1).to()) as flow:
            return await roundtrip(flow, message())

    assert run(main()) == "receipt"
    assert charges == [0]


def test_once_does_not_repeat_a_step_whose_end_is_unknown(run):
    """A step that was begun and failed may have happened, so the retry is refused, unless nothing happened for sure."""
    begun = []

    def paying(error):
        async def pay(msg, ctx):
            async def charge():
                begun.append(ctx.attempt)
                if ctx.attempt == 0:
                    raise error
                return "receipt"

            return await ctx.once("charge", charge)

        return node(pay, max_retries=1)

    async def main(error):
        begun.clear()
        async with running(paying(error).to()) as flow:
            return await roundtrip(flow, message())

    with pytest.raises(TraceEnded) as caught:
        run(main(OSError("answer lost")))
    assert isinstance(caught.value.error.unwrap(), StepUnknown)
    assert begun == [0]
    assert run(main(StepNotExecuted())) == "receipt"
    assert begun == [0, 1]


def test_once_makes_concurrent_callers_wait_for_the_first(run):
    """Two branches that ask for the same step of one trace get the result of one call."""
    calls = []

    async def pay(msg, ctx):
        async def charge():
            calls.append(1)
            await asyncio.sleep(1)
            return "receipt"

        return await ctx.once("charge", charge)

    async def main():
        async with running(node(echo, "in").to(node(pay, "a"), node(pay, "b"))) as flow:
            await flow.emit(message(), trace_id="t1")
            return [await flow.fetch(trace_id="t1") for _ in range(2)]

    assert run(main()) == ["receipt", "receipt"]
    assert calls == [1]
