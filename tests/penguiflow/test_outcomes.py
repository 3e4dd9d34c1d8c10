"""RUNTIME section 5: every trace has one definite outcome, and it can be read without hanging."""

import asyncio
import contextlib
import dataclasses

import pytest
from runtime_samples import Events, echo, failing, message, names_of_tasks, node, residue, roundtrip, running, sleeper

from penguiflow import Message, ModelRegistry, TraceEnded, TraceNotFound, create


async def _nothing(msg, ctx):
    return None


@pytest.mark.parametrize(
    ("handler", "status", "code"),
    [
        (echo, "result", None),
        (failing(), "error", "NODE_EXCEPTION"),
        (_nothing, "no_result", None),
    ],
    ids=["result", "error", "no_result"],
)
@pytest.mark.parametrize("when", ["before its end", "after its end"])
def test_an_outcome_says_how_a_trace_ended(run, handler, status, code, when):
    """Results, errors and silence are told apart, with the error, whether one asks early or late."""

    async def main():
        async with running(node(handler).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            if when == "after its end":
                await asyncio.sleep(1)
            outcome = await flow.outcome(trace_id="t1")
            assert (residue(flow), flow._engine.ledger.unread) == ({}, 0)
            return outcome

    outcome = run(main())
    assert (outcome.trace_id, outcome.tenant, outcome.status) == ("t1", "acme", status)
    assert (outcome.error.code if outcome.error else None) == code
    assert (outcome.result is not None) == (status == "result")


def test_an_outcome_cannot_be_changed(run):
    """What is told of a trace is a value of its own."""

    async def main():
        async with running(node(echo).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            return await flow.outcome(trace_id="t1")

    with pytest.raises(dataclasses.FrozenInstanceError):
        run(main()).status = "error"


def test_an_outcome_holds_every_result_that_nobody_fetched(run):
    """What was fetched before the end is not in the outcome; what came after is, in order."""

    async def three(msg, ctx):
        for part in range(3):
            await ctx.emit(msg.model_copy(update={"payload": part}))
            await asyncio.sleep(1)

    async def main():
        async with running(node(three).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            first = await flow.fetch(trace_id="t1")
            outcome = await flow.outcome(trace_id="t1")
            return first.payload, [result.payload for result in outcome.results]

    assert run(main()) == (0, [1, 2])


@pytest.mark.parametrize("trace", ["unknown", "read", "only waited for"])
def test_an_outcome_that_is_not_there_is_told_at_once(run, trace):
    """Asking for a trace that was never sent, or was read already, fails instead of waiting."""

    async def main():
        async with running(node(echo).to()) as flow:
            early = asyncio.ensure_future(flow.fetch(trace_id="only waited for"))
            await roundtrip(flow, message(), "read")
            with pytest.raises(TraceNotFound, match=f"trace {trace} is not known"):
                await flow.outcome(trace_id=trace)
            early.cancel()

    run(main())


def test_a_cancelled_trace_has_an_outcome(run):
    """Whoever waits for the outcome of a trace learns at once that it was cancelled."""

    async def main():
        async with running(node(sleeper(100)).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            waiting = asyncio.ensure_future(flow.outcome(trace_id="t1"))
            await asyncio.sleep(1)
            await flow.cancel("t1")
            outcome = await waiting
            return outcome.status, outcome.error.code, asyncio.get_running_loop().time()

    assert run(main()) == ("cancelled", "TRACE_CANCELLED", 1)


async def _emit_for_ever(msg, ctx):
    for part in range(100):
        await ctx.emit(part)


@pytest.mark.parametrize("phase", ["in the queue", "while running", "in backoff", "at egress", "waiting to get in"])
def test_w13_a_deadline_gives_exactly_one_outcome_in_every_phase(run, phase):
    """Wherever a trace is when its time is up, it ends then, once, as `deadline`."""
    handlers = {
        "in the queue": node(sleeper(50)),
        "while running": node(sleeper(50)),
        "in backoff": node(failing(), max_retries=9, backoff_base=50),
        "at egress": node(_emit_for_ever),
        "waiting to get in": node(sleeper(50)),
    }
    ahead = {"in the queue": 1, "waiting to get in": 2}.get(phase, 0)

    async def main():
        async with running(handlers[phase].to(), queue_maxsize=1) as flow:
            for index in range(ahead):
                await flow.emit(message(trace_id=f"ahead{index}"))
                await asyncio.sleep(0)
            late = Message.within(5, payload=1, headers={"tenant": "acme"}, trace_id="t1")
            sent = asyncio.ensure_future(flow.emit(late))
            await asyncio.sleep(1)
            outcome = await flow.outcome(trace_id="t1")
            assert asyncio.get_running_loop().time() == pytest.approx(5)
            await sent
            await asyncio.sleep(300)
            with pytest.raises(TraceNotFound):
                await flow.outcome(trace_id="t1")
            return outcome

    outcome = run(main())
    assert (outcome.status, outcome.error.code) == ("deadline", "DEADLINE_EXCEEDED")
    assert outcome.results[-1].payload.text == "Deadline exceeded"


def test_an_outcome_that_is_given_up_may_be_asked_again(run):
    """A timeout around `outcome` loses nothing."""

    async def main():
        async with running(node(sleeper(2)).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(flow.outcome(trace_id="t1"), 1)
            return await flow.outcome(trace_id="t1")

    assert run(main()).status == "result"


def test_two_who_ask_for_an_outcome_disturb_no_newer_trace_of_that_id(run):
    """The id is used again the moment the first of two askers has its answer, and the second harms nothing."""

    async def main():
        async with running(node(sleeper(1)).to()) as flow:

            async def ask_and_send_again():
                await flow.outcome(trace_id="t1")
                await flow.emit(message("again"), trace_id="t1")

            await flow.emit(message(), trace_id="t1")
            first = asyncio.ensure_future(ask_and_send_again())
            await asyncio.sleep(0)
            assert (await flow.outcome(trace_id="t1")).status == "result"
            await first
            return (await flow.fetch(trace_id="t1")).payload

    assert run(main()) == "again"


def test_the_newest_outcomes_are_kept(run):
    """Of 1,030 outcomes that nobody reads, the oldest six are forgotten."""

    async def main():
        async with running(node(_nothing).to()) as flow:
            for index in range(1030):
                await flow.emit(message(), trace_id=f"t{index}")
            await asyncio.sleep(1)
            with pytest.raises(TraceNotFound):
                await flow.outcome(trace_id="t5")
            return (await flow.outcome(trace_id="t6")).status, flow._engine.ledger.unread

    assert run(main()) == ("no_result", 1023)


# -- cancel to the end -----------------------------------------------------------------------


async def _slow_to_leave(msg, ctx):
    try:
        await asyncio.sleep(100)
    finally:
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("drain", [True, False])
def test_a_drained_cancel_returns_when_the_handler_has_cleaned_up(run, drain):
    """With `drain` a cancel waits for the handler's cleanup; without, it returns at once."""
    events = Events()

    async def main():
        async with running(node(_slow_to_leave).to(), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(1)
            assert await flow.cancel("t1", drain=drain) is True
            assert ("trace_cancel_finish" in events.kinds()) == drain
            return asyncio.get_running_loop().time()

    assert run(main()) == (1.5 if drain else 1)


def test_a_drained_cancel_does_not_wait_for_a_handler_that_never_leaves(run):
    """A handler that ignores its cancellation holds up a drained cancel for its grace only."""

    async def deaf(msg, ctx):
        for _ in range(10):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                continue

    async def main():
        async with running(node(deaf, cancel_grace_s=2).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(1)
            await flow.cancel("t1", drain=True)
            return asyncio.get_running_loop().time()

    assert run(main()) == 3


# -- the life of a flow ----------------------------------------------------------------------


def test_a_flow_runs_inside_its_context_and_is_stopped_at_its_end(run):
    """`async with` runs the flow with the models that it was given, and stops it however the block ends."""
    registry = ModelRegistry()

    async def main():
        flow = create(node(echo, validate="none").to(), registry=registry)
        async with flow as entered:
            assert entered is flow
            assert flow.registry is registry
            await roundtrip(flow, message())
        assert names_of_tasks() == []
        with contextlib.suppress(ZeroDivisionError):
            async with flow:
                raise ZeroDivisionError
        return names_of_tasks()

    assert run(main()) == []


def test_a_flow_that_runs_already_may_be_entered(run):
    """A flow that was run by hand, with models of its own, is only stopped by its context."""
    registry = ModelRegistry()

    async def main():
        flow = create(node(echo, validate="none").to())
        flow.run(registry=registry)
        async with flow:
            assert flow.registry is registry
        return names_of_tasks()

    assert run(main()) == []


def test_a_drain_waits_for_what_was_accepted_and_takes_nothing_new(run):
    """While a flow is drained its traces end, its results can be read, and new messages are refused."""

    async def main():
        async with running(node(sleeper(1)).to()) as flow:
            for index in range(3):
                await flow.emit(message(index), trace_id=f"t{index}")
            draining = asyncio.ensure_future(flow.drain(10))
            await asyncio.sleep(0)
            for refused in (flow.emit(message()), flow.emit(message(), trace_id="new")):
                with pytest.raises(RuntimeError, match="draining"):
                    await refused
            with pytest.raises(RuntimeError, match="draining"):
                flow.emit_nowait("bare")
            assert (await flow.fetch(trace_id="t1")).payload == 1
            drained = await draining
            assert drained.complete
            assert asyncio.get_running_loop().time() == 3
            return (await flow.fetch(trace_id="t2")).payload

    assert run(main()) == 2


def test_a_drain_says_what_was_left(run):
    """When its time is up, `drain` names the traces that have not ended, oldest first, and leaves them running."""

    async def main():
        async with running(node(sleeper(2)).to()) as flow:
            waiting = asyncio.ensure_future(flow.fetch(trace_id="nobody sent this"))
            await flow.emit("bare")
            await asyncio.sleep(1)
            await flow.emit(message(), trace_id="t1")
            drained = await flow.drain(0.5)
            waiting.cancel()
            assert not drained.complete
            assert (await flow.drain()).complete
            return [(left.trace_id, left.tenant, left.pending, left.inflight, left.age_s) for left in drained.left]

    assert run(main()) == [(None, None, 1, 1, 1.5), ("t1", "acme", 1, 0, 0.5)]


@pytest.mark.parametrize("end", ["drain", "stop"])
def test_an_emit_that_waits_for_its_turn_is_told_that_the_flow_takes_no_more(run, end):
    """A second scoped emit behind a result that nobody fetched ends when the flow is drained or stopped."""

    async def main():
        async with running(node(echo).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            second = asyncio.ensure_future(flow.emit(message(), trace_id="t1"))
            await asyncio.sleep(1)
            assert not second.done()
            await getattr(flow, end)()
            with pytest.raises(RuntimeError, match=r"draining|not running"):
                await second

    run(main())


def test_a_drained_flow_may_be_stopped_and_run_again(run):
    """After `stop` and `run` a drained flow takes messages as before."""

    async def main():
        flow = create(node(echo).to())
        with pytest.raises(RuntimeError, match="not running"):
            await flow.drain(1)
        async with flow:
            await flow.drain(1)
        async with flow:
            return (await roundtrip(flow, message())).payload

    assert run(main()) == "ping"


@pytest.mark.parametrize(("fields", "left_s"), [({}, [None, None]), ({"deadline_s": 1_700_000_001.5}, [1.5, 0.0])])
def test_a_handler_knows_how_much_time_is_left(run, fields, left_s):
    """`ctx.deadline_remaining()` counts down to 0, and is `None` where the message has no deadline."""
    seen = []

    async def handler(msg, ctx):
        seen.append(ctx.deadline_remaining())
        try:
            await asyncio.sleep(2)
        finally:
            seen.append(ctx.deadline_remaining())

    async def main():
        async with running(node(handler).to()) as flow:
            await flow.emit(message(**fields), trace_id="t1")
            await flow.outcome(trace_id="t1")
            await asyncio.sleep(1)

    run(main())
    assert seen == left_s


def test_a_fetch_of_a_dropped_outcome_ends_at_once(run):
    """A roundtrip whose result made room for 1,024 newer ones is told so, and its id may be used again."""

    async def main():
        async with running(node(echo).to()) as flow:
            for index in range(1030):
                await flow.emit(message(), trace_id=f"t{index}")
            await asyncio.sleep(1)
            with pytest.raises(TraceEnded, match="t5 ended without a result to fetch \\(result\\)"):
                await flow.fetch(trace_id="t5")
            return (await roundtrip(flow, message("again"), "t5")).payload

    assert run(main()) == "again"


def test_a_trace_that_was_read_to_its_end_says_that_it_ended(run):
    """After its last result a trace of several still tells how it ended, and so does one that failed later."""

    async def two(msg, ctx):
        await ctx.emit(msg)
        await ctx.emit(msg)
        if msg.payload == "fail":
            raise ValueError

    async def main():
        statuses = []
        async with running(node(two).to()) as flow:
            for payload in ("ping", "fail"):
                await flow.emit(message(payload), trace_id="t1")
                await asyncio.sleep(1)
                for _ in range(2):
                    await flow.fetch(trace_id="t1")
                with pytest.raises(TraceEnded) as ended:
                    await flow.fetch(trace_id="t1")
                statuses.append(ended.value.status)
        return statuses

    assert run(main()) == ["result", "error"]


def test_a_trace_that_stop_cuts_off_is_cancelled_whatever_it_gave_before(run):
    """A handler that stop ends in the middle leaves a cancelled trace, though an earlier result of it was read."""

    async def slow(msg, ctx):
        await ctx.emit(msg)
        await asyncio.sleep(60)

    async def main():
        async with running(node(slow).to()) as flow:
            await roundtrip(flow, message())
        return (await flow.outcome(trace_id="t1")).status

    assert run(main()) == "cancelled"
