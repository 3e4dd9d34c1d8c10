"""RUNTIME rows W13, W15, W18, W31 and 1.10: deadlines, timeouts, retries and backoff."""

import asyncio
import threading

import pytest
from runtime_samples import Events, echo, message, node, residue, roundtrip, running, sleeper

from penguiflow import FinalAnswer, Message, TraceEnded, ambient


def late(payload="ping", within_s=0.05, **fields):
    return Message.within(within_s, payload=payload, headers={"tenant": "acme"}, **fields)


def is_deadline_answer(result):
    return result.payload == FinalAnswer(text="Deadline exceeded")


def now_s():
    return asyncio.get_running_loop().time()


# -- W13: deadlines --------------------------------------------------------------------------


def test_w13_a_deadline_ends_a_handler_that_runs(run):
    """The answer comes at the deadline, not when the handler would have been done."""
    events = Events()

    async def main():
        async with running(node(sleeper(9)).to(), middlewares=[events]) as flow:
            result = await roundtrip(flow, late())
            return result, now_s()

    result, ended_s = run(main())
    assert is_deadline_answer(result)
    assert ended_s == pytest.approx(0.05, abs=1e-6)
    assert events.kinds() == ["node_start", "deadline_skip"]
    assert events.one("deadline_skip").extra["phase"] == "running"
    assert set(events.one("deadline_skip").extra) == {"phase", "deadline_s"}


def test_w13_a_deadline_ends_a_backoff(run):
    """No attempt starts after the deadline."""
    events = Events()

    async def fail(msg, ctx):
        raise ValueError

    async def main():
        flaky = node(fail, max_retries=50, backoff_base=0.02, backoff_mult=1)
        async with running(flaky.to(), middlewares=[events]) as flow:
            result = await roundtrip(flow, late())
            await asyncio.sleep(10)
            assert residue(flow) == {}
            return result

    assert is_deadline_answer(run(main()))
    assert events.kinds().count("node_start") == 3
    assert events.one("deadline_skip").extra["phase"] == "backoff"


def test_w13_a_deadline_ends_what_waits_in_a_queue(run):
    """A message behind a slow one is answered at its own deadline."""
    events = Events()

    async def main():
        async with running(node(sleeper(5)).to(), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id="slow")
            result = await roundtrip(flow, late(), "late")
            answered_s = now_s()
            await flow.fetch(trace_id="slow")
            return result, answered_s

    result, answered_s = run(main())
    assert is_deadline_answer(result)
    assert answered_s == pytest.approx(0.05, abs=1e-6)
    skip = events.one("deadline_skip")
    assert (skip.extra["phase"], skip.queue_wait_ms) == ("queued", pytest.approx(50, abs=1e-3))


def test_w13_a_trace_gets_one_deadline_answer(run):
    """A fan-out of three gives one deadline answer, in the envelope of its trace."""

    async def main():
        branches = [node(sleeper(9), name) for name in "abc"]
        async with running(node(echo, "in").to(*branches)) as flow:
            result = await roundtrip(flow, late())
            await asyncio.sleep(60)
            assert (residue(flow), flow._engine.ledger.unread) == ({}, 0)
            return result

    result = run(main())
    assert is_deadline_answer(result)
    assert (result.headers.tenant, result.trace_id) == ("acme", "t1")


def test_w13_a_message_whose_deadline_has_passed_never_starts(run):
    """A deadline of long ago is answered without a call of the handler."""
    calls = []

    async def handler(msg, ctx):
        calls.append(msg)

    async def main():
        async with running(node(handler).to()) as flow:
            return await roundtrip(flow, message(deadline_s=30))

    assert is_deadline_answer(run(main()))
    assert calls == []


def test_w13_a_final_answer_that_is_late_is_handed_out_as_it_is(run):
    """A message that already carries a final answer is its own deadline answer."""

    async def main():
        async with running(node(sleeper(9)).to()) as flow:
            return await roundtrip(flow, late(FinalAnswer(text="nearly")))

    assert run(main()).payload.text == "nearly"


def test_w13_an_emit_that_waits_for_room_ends_at_its_deadline(run):
    """The deadline of a message that is not even in a queue yet holds too."""

    async def main():
        async with running(node(sleeper(9)).to(), queue_maxsize=1) as flow:
            for name in ("running", "queued"):
                await flow.emit(message(name), trace_id=name)
                await asyncio.sleep(0)
            result = await roundtrip(flow, late(), "late")
            return result, now_s()

    result, ended_s = run(main())
    assert is_deadline_answer(result)
    assert ended_s == pytest.approx(0.05, abs=1e-6)


def test_w13_a_step_of_the_wall_clock_moves_no_deadline(run, monkeypatch):
    """A deadline that was taken up is kept on the monotonic clock."""

    async def main():
        async with running(node(sleeper(1)).to()) as flow:
            await flow.emit(late(within_s=2), trace_id="t1")
            wall_s = ambient.wall()
            monkeypatch.setattr(ambient, "wall", lambda: wall_s + 3600)
            return await flow.fetch(trace_id="t1")

    assert run(main()).payload == "ping"


@pytest.mark.parametrize("deadline_s", [float("nan"), float("inf")])
def test_w13_a_deadline_that_is_no_time_is_none(run, deadline_s):
    """NaN and infinity, which envelopes accept, never expire and disturb no timer."""

    async def main():
        async with running(node(sleeper(1)).to()) as flow:
            return await roundtrip(flow, message(deadline_s=deadline_s))

    assert run(main()).payload == "ping"


# -- W15: timeouts ---------------------------------------------------------------------------


def test_w15_a_handler_that_swallows_its_timeout_has_timed_out(run):
    """An answer that a handler gives after it was told to end does not count."""

    async def stubborn(msg, ctx):
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            return msg

    async def main():
        async with running(node(stubborn, timeout_s=0.1).to()) as flow:
            with pytest.raises(TraceEnded) as caught:
                await roundtrip(flow, message())
            return caught.value.error, now_s()

    error, ended_s = run(main())
    assert (error.code, error.message) == ("NODE_TIMEOUT", "Node 'stubborn' timed out after 0.10s")
    assert ended_s == 0.1


def test_w15_a_handler_that_blocks_the_loop_has_timed_out(run):
    """An answer after the time is up is a timeout, even if nothing could interrupt the handler."""

    async def blocking(msg, ctx):
        asyncio.get_running_loop().advance(0.4)
        return msg

    async def main():
        async with running(node(blocking, timeout_s=0.1).to()) as flow:
            with pytest.raises(TraceEnded, match="NODE_TIMEOUT"):
                await roundtrip(flow, message())

    run(main())


def test_w15_a_handler_that_will_not_end_is_left_behind(run):
    """After its grace the attempt is settled, another worker serves the next message, and the late end is told."""
    events = Events()

    async def cleaning_up(msg, ctx):
        if msg.payload == "quick":
            return msg
        try:
            await asyncio.sleep(9)
        finally:
            await asyncio.sleep(6)

    async def main():
        stuck = node(cleaning_up, timeout_s=1, cancel_grace_s=0.5)
        async with running(stuck.to(), middlewares=[events]) as flow:
            with pytest.raises(TraceEnded, match="NODE_TIMEOUT"):
                await roundtrip(flow, message(), "t1")
            failed_s = now_s()
            result = await roundtrip(flow, message("quick"), "t2")
            served_s = now_s()
            await asyncio.sleep(20)
            assert residue(flow) == {}
            return result.payload, failed_s, served_s

    assert run(main()) == ("quick", 1.5, 1.5)
    assert events.kinds("t1") == ["node_start", "node_abandoned", "node_timeout", "node_failed", "node_late_finish"]
    assert events.one("node_late_finish").latency_ms == 7000


def test_w15_a_handler_left_behind_may_emit_nothing_any_more(run):
    """What an abandoned attempt still emits is refused, while its retry answers."""
    refused = []

    async def handler(msg, ctx):
        if ctx.attempt:
            return msg
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            await asyncio.sleep(6)
            try:
                await ctx.emit(msg)
            except RuntimeError as error:
                refused.append(str(error))

    async def main():
        slow = node(handler, timeout_s=1, cancel_grace_s=0.5, max_retries=1, backoff_base=0)
        async with running(slow.to(node(echo))) as flow:
            result = await roundtrip(flow, message())
            await asyncio.sleep(20)
            assert (residue(flow), flow._engine.ledger.unread) == ({}, 0)
            return result

    assert run(main()).payload == "ping"
    assert len(refused) == 1


def test_w15_a_timeout_in_the_tick_of_completion_gives_one_outcome(run):
    """A handler that would end exactly when its time is up gives either a result or a timeout, and leaves no trace."""

    async def main():
        async with running(node(sleeper(1), timeout_s=1).to()) as flow:
            outcomes = []
            for index in range(3):
                try:
                    outcomes.append((await roundtrip(flow, message(), f"t{index}")).payload)
                except TraceEnded as ended:
                    outcomes.append(ended.error.code)
            assert (residue(flow), flow._engine.ledger.unread) == ({}, 0)
            return outcomes

    outcomes = run(main())
    assert len(outcomes) == 3
    assert set(outcomes) in ({"ping"}, {"NODE_TIMEOUT"})


def test_a_timeout_of_zero_lets_only_handlers_pass_that_never_wait(run):
    """With `timeout_s=0` a handler that waits times out at once."""

    async def main():
        quick, slow = node(echo, "quick", timeout_s=0), node(sleeper(1), "slow", timeout_s=0)
        async with running(quick.to(), slow.to()) as flow:
            await flow.emit(message(), to=quick, trace_id="t1")
            result = await flow.fetch(trace_id="t1")
            await flow.emit(message(), to=slow, trace_id="t2")
            with pytest.raises(TraceEnded, match="NODE_TIMEOUT"):
                await flow.fetch(trace_id="t2")
            return result

    assert run(main()).payload == "ping"


def test_a_timeout_covers_what_the_handler_emits_but_not_what_it_returns(run):
    """Waiting for room counts for `ctx.emit`, and not for the returned value."""

    async def emit(msg, ctx):
        if msg.payload == "emit":
            await ctx.emit(msg)
            return None
        return msg

    async def main(kind):
        first = node(emit, "first", timeout_s=1)
        async with running(first.to(node(sleeper(5), "slow")), queue_maxsize=1) as flow:
            for index in range(2):
                await flow.emit(message(kind), trace_id=f"fill{index}")
            return await roundtrip(flow, message(kind), "last")

    assert run(main("return")).payload == "return"
    with pytest.raises(TraceEnded, match="NODE_TIMEOUT"):
        run(main("emit"))


def test_a_timeout_error_of_the_handler_itself_is_a_timeout(run):
    """A `TimeoutError` out of the handler counts as a timeout of the node, with or without a policy."""

    async def main():
        async def handler(msg, ctx):
            async with asyncio.timeout(1):
                await asyncio.sleep(9)

        async with running(node(handler).to()) as flow:
            with pytest.raises(TraceEnded) as caught:
                await roundtrip(flow, message())
            return caught.value.error

    error = run(main())
    assert (error.code, error.metadata["timeout_s"]) == ("NODE_TIMEOUT", None)


# -- W18, W31: retries -----------------------------------------------------------------------


def test_w18_a_handler_sees_its_attempt_and_a_key_that_stays(run):
    """`ctx.attempt` counts from 0, and the idempotency key of a step is the same on every attempt."""
    seen = []

    async def handler(msg, ctx):
        seen.append((ctx.attempt, ctx.idempotency_key("charge")))
        if ctx.attempt < 2:
            raise ValueError
        return msg

    async def main():
        async with running(node(handler, max_retries=2).to()) as flow:
            await roundtrip(flow, message())

    run(main())
    assert seen == [(0, "t1/charge"), (1, "t1/charge"), (2, "t1/charge")]


def test_w18_a_payload_that_one_attempt_changed_is_fresh_on_the_next(run):
    """Attempts do not see what earlier ones did to their message."""
    lengths = []

    async def handler(msg, ctx):
        msg.payload.append("x")
        msg.meta["touched"] = True
        lengths.append((len(msg.payload), len(msg.meta)))
        if ctx.attempt < 2:
            raise ValueError

    async def main():
        async with running(node(handler, max_retries=2).to()) as flow:
            with pytest.raises(TraceEnded):
                await roundtrip(flow, message([]))

    run(main())
    assert lengths == [(1, 1)] * 3


def test_w31_branches_of_a_fan_out_share_nothing(run):
    """What one branch does to its message is not seen by another."""
    seen = {}

    def noting(name):
        async def note(msg, ctx):
            msg.payload.append(name)
            msg.meta[name] = True
            await asyncio.sleep(1)
            seen[name] = (msg.payload, sorted(msg.meta))

        return node(note, name)

    async def main():
        async with running(node(echo, "in").to(noting("a"), noting("b"))) as flow:
            await flow.emit(message([]))
            await asyncio.sleep(5)

    run(main())
    assert seen == {"a": (["a"], ["a"]), "b": (["b"], ["b"])}


def test_w31_a_linear_chain_passes_its_message_on_as_it_is(run):
    """Without a fan-out, edits in place are seen downstream."""

    async def mark(msg, ctx):
        msg.meta["marked"] = True
        return msg

    async def main():
        async with running(node(mark).to(node(echo))) as flow:
            return await roundtrip(flow, message())

    assert run(main()).meta == {"marked": True}


def test_w31_a_payload_that_cannot_be_copied_is_passed_on_all_the_same(run):
    """A lock in a payload does not stop a fan-out."""

    async def main():
        async with running(node(echo, "in").to(node(echo, "a"), node(echo, "b"))) as flow:
            await flow.emit(threading.Lock())
            return [await flow.fetch(), await flow.fetch()]

    first, second = run(main())
    assert first is second


def test_backoff_grows_up_to_its_bound(run):
    """Waits of 0.01, 0.02, 0.03 and 0.03 s lie between five attempts."""
    events = Events()

    async def fail(msg, ctx):
        raise ValueError

    async def main():
        policy = {"max_retries": 4, "backoff_base": 0.01, "backoff_mult": 2, "max_backoff": 0.03}
        async with running(node(fail, **policy).to(), middlewares=[events]) as flow:
            with pytest.raises(TraceEnded):
                await roundtrip(flow, message())

    run(main())
    retries = [event for event in events if event.event_type == "node_retry"]
    assert [event.extra["sleep_s"] for event in retries] == [0.01, 0.02, 0.03, 0.03]
    assert [event.attempt for event in retries] == [1, 2, 3, 4]


def test_what_a_failed_attempt_had_fetched_is_not_lost(run):
    """A message that a handler fetched goes back into the queue when its attempt fails, and the retry finds it."""

    async def pairs(msg, ctx):
        other = await ctx.fetch()
        if ctx.attempt == 0:
            raise ValueError
        return (msg, other)

    async def main():
        async with running(node(pairs, max_retries=1, backoff_base=0).to()) as flow:
            await flow.emit("a")
            await flow.emit("b")
            result = await flow.fetch()
            assert residue(flow) == {}
            return result

    assert sorted(run(main())) == ["a", "b"]
