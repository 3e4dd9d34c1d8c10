"""RUNTIME rows W3, W8, W10, W11, W12, W35: a trace keeps to itself, and leaves nothing behind."""

import asyncio
import contextlib
import contextvars

import pytest
from runtime_samples import Events, echo, failing, message, names_of_tasks, node, residue, roundtrip, running, sleeper

from penguiflow import FlowError, Message, TraceCancelled, TraceEnded


def test_w03_an_unscoped_fetch_never_gets_a_scoped_result(run):
    """An unscoped fetch that was waiting first takes nothing that a scoped emit brought forth."""

    async def main():
        async with running(node(echo).to()) as flow:
            thief = asyncio.ensure_future(flow.fetch())
            await asyncio.sleep(0)
            result = await roundtrip(flow, message("secret", tenant="globex"))
            await asyncio.sleep(1)
            assert not thief.done()
            thief.cancel()
            return result

    assert run(main()).headers.tenant == "globex"


def test_w03_context_variables_of_one_trace_do_not_reach_the_next(run):
    """What a handler binds to a context variable is gone when the next message comes, whether or not it waited."""
    who = contextvars.ContextVar("who", default="nobody")

    async def handler(msg, ctx):
        before = who.get()
        who.set(msg.headers.tenant)
        if msg.payload:
            await asyncio.sleep(msg.payload)
        assert who.get() == msg.headers.tenant
        return before

    async def main():
        async with running(node(handler).to()) as flow:
            return [await roundtrip(flow, message(wait_s), f"t{index}") for index, wait_s in enumerate((0, 1, 0, 1))]

    assert run(main()) == ["nobody"] * 4


def test_w03_events_name_the_tenant(run):
    """Every event of a trace carries its tenant."""
    events = Events()

    async def main():
        async with running(node(echo).to(), middlewares=[events]) as flow:
            await roundtrip(flow, message(tenant="globex"))

    run(main())
    assert {event.tenant for event in events} == {"globex"}


def test_w08_a_fetch_that_is_given_up_may_be_asked_again(run):
    """A scoped fetch that a timeout ended gets the result when it is asked again."""

    async def main():
        async with running(node(sleeper(2)).to()) as flow:
            with pytest.raises(TimeoutError):
                await roundtrip(flow, message(), timeout_s=1)
            result = await flow.fetch(trace_id="t1")
            assert residue(flow) == {}
            return result

    assert run(main()).payload == "ping"


def test_w08_a_new_roundtrip_never_gets_the_late_result_of_the_old_one(run):
    """After a client gave up and sent again under the same trace id, it gets the new answer, not the late one."""

    async def main():
        async with running(node(sleeper(2)).to()) as flow:
            with pytest.raises(TimeoutError):
                await roundtrip(flow, message("old"), timeout_s=1)
            result = await roundtrip(flow, message("new"))
            assert residue(flow) == {}
            return result

    assert run(main()).payload == "new"


def test_w08_the_second_emit_of_a_trace_waits_for_the_first_roundtrip(run):
    """Two scoped emits of one trace are two roundtrips, one after the other."""

    async def main():
        async with running(node(echo).to()) as flow:
            await flow.emit(message(1), trace_id="t1")
            second = asyncio.ensure_future(flow.emit(message(2), trace_id="t1"))
            await asyncio.sleep(1)
            assert not second.done()
            results = [(await flow.fetch(trace_id="t1")).payload]
            await second
            return [*results, (await flow.fetch(trace_id="t1")).payload]

    assert run(main()) == [1, 2]


async def _fail_every_other(msg, ctx):
    if msg.payload % 2:
        raise ValueError
    await asyncio.sleep(0.001)
    return msg


@pytest.mark.parametrize("how", ["read", "cancelled", "given up", "forgotten"])
def test_w10_two_thousand_roundtrips_leave_nothing_behind(run, how):
    """Successes and failures that are read, cancelled, given up or forgotten leave at most 1,024 unread outcomes."""

    async def one(flow, trace_id, index):
        await flow.emit(message(index), trace_id=trace_id)
        if how == "cancelled":
            await flow.cancel(trace_id)
        elif how in ("read", "given up"):
            with pytest.raises(TimeoutError) if index % 2 or how == "given up" else _nothing():
                await asyncio.wait_for(flow.fetch(trace_id=trace_id), 0.0001 if how == "given up" else None)

    async def main():
        async with running(node(_fail_every_other).to()) as flow:
            for index in range(2000):
                await one(flow, f"t{index}", index)
            await asyncio.sleep(10)
            assert residue(flow) == {}
            assert flow._engine.ledger.unread <= (0 if how == "read" else 1024)
            assert names_of_tasks() == ["penguiflow:_fail_every_other"]

    run(main())


def _nothing():
    return contextlib.nullcontext()


def test_w11_an_emit_that_is_given_up_leaves_the_trace_usable(run):
    """An emit that a timeout ended on a full edge counts nowhere, and the same trace may be sent again."""

    async def main():
        async with running(node(sleeper(1)).to(), queue_maxsize=1) as flow:
            for name in ("running", "queued"):
                await flow.emit(message(name), trace_id=name)
                await asyncio.sleep(0)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(flow.emit(message("late"), trace_id="late"), 0.1)
            assert await flow.cancel("late") is False
            for name in ("running", "queued"):
                await flow.fetch(trace_id=name)
            result = await roundtrip(flow, message("again"), "late")
            assert residue(flow) == {}
            return result

    assert run(main()).payload == "again"


def test_w11_an_emit_given_up_when_its_deadline_passes_leaves_the_trace_usable(run):
    """An emit that is cancelled in the tick of its deadline keeps no later roundtrip of its trace waiting."""

    async def main():
        async with running(node(sleeper(5)).to(), queue_maxsize=1) as flow:
            for name in ("running", "queued"):
                await flow.emit(message(name), trace_id=name)
                await asyncio.sleep(0)
            late = Message.within(1, payload="late", headers={"tenant": "acme"})
            blocked = asyncio.ensure_future(flow.emit(late, trace_id="late"))
            await asyncio.sleep(0)
            flow._engine.expire(flow._engine.ledger.find("late"), late)
            blocked.cancel()
            result = await roundtrip(flow, message("again"), "late")
            assert blocked.cancelled()
            return result

    assert run(main()).payload == "again"


def test_w11_a_refused_emit_nowait_leaves_nothing(run):
    """`emit_nowait` on a full edge raises, sends nothing and opens no trace."""

    async def main():
        async with running(node(sleeper(1)).to(), queue_maxsize=1) as flow:
            flow.emit_nowait(message(1))
            with pytest.raises(asyncio.QueueFull):
                flow.emit_nowait(message(2))
            assert len(flow._engine.ledger) == 1
            result = await flow.fetch()
            assert residue(flow) == {}
            return result

    assert run(main()).payload == 1


def test_w12_a_cancelled_trace_may_be_sent_again_at_once(run):
    """Time out, cancel, retry under the same id: the retry is answered, and the old attempt does not count."""
    started = []

    async def slow_then_fast(msg, ctx):
        started.append(msg.payload)
        await asyncio.sleep(5 if msg.payload == "first" else 0.1)
        return msg

    async def main():
        async with running(node(slow_then_fast).to()) as flow:
            with pytest.raises(TimeoutError):
                await roundtrip(flow, message("first"), timeout_s=1)
            assert await flow.cancel("t1") is True
            result = await roundtrip(flow, message("second"))
            assert residue(flow) == {}
            return result

    assert run(main()).payload == "second"
    assert started == ["first", "second"]


def test_w35_results_that_nobody_reads_block_no_scoped_caller(run):
    """A producer whose results are never fetched holds up itself, and no scoped roundtrip on another path."""

    async def main():
        noisy, quiet = node(echo, "noisy"), node(echo, "quiet")
        async with running(noisy.to(), quiet.to(), queue_maxsize=2) as flow:
            flood = asyncio.ensure_future(
                asyncio.wait([asyncio.ensure_future(flow.emit(n, to=noisy)) for n in range(50)])
            )
            await asyncio.sleep(1)
            await flow.emit(message("mine"), to=quiet, trace_id="t1")
            result = await flow.fetch(trace_id="t1")
            for _ in range(50):
                await flow.fetch()
            await flood
            assert residue(flow) == {}
            return result

    assert run(main()).payload == "mine"


def test_a_fetch_may_come_before_its_emit(run):
    """A scoped fetch that waits before anything was sent gets what is sent later."""

    async def main():
        async with running(node(echo).to()) as flow:
            early = asyncio.ensure_future(flow.fetch(trace_id="t1"))
            await asyncio.sleep(1)
            await flow.emit(message("later"), trace_id="t1")
            result = await early
            assert residue(flow) == {}
            return result

    assert run(main()).payload == "later"


def test_a_scoped_fetch_gets_the_result_of_an_unscoped_emit(run):
    """A result goes to a fetch that waits for its trace, though an unscoped fetch waits too."""

    async def main():
        async with running(node(sleeper(1)).to()) as flow:
            anyone = asyncio.ensure_future(flow.fetch())
            mine = asyncio.ensure_future(flow.fetch(trace_id="t1"))
            await flow.emit(message(1, trace_id="t1"))
            await flow.emit(message(2, trace_id="t2"))
            return (await mine).payload, (await anyone).payload

    assert run(main()) == (1, 2)


def test_a_result_whose_fetch_was_given_up_in_the_same_tick_is_not_lost(run):
    """When a scoped fetch is cancelled at the instant at which its unscoped result comes, others may still read it."""

    async def main():
        async with running(node(echo).to()) as flow:
            mine = asyncio.ensure_future(flow.fetch(trace_id="t1"))
            await asyncio.sleep(0)
            await flow.emit(message(trace_id="t1"))
            while not flow._engine.ledger.find("t1").results:  # noqa: ASYNC110 - the tick is the point
                await asyncio.sleep(0)
            mine.cancel()
            result = await flow.fetch()
            assert mine.cancelled()
            assert residue(flow) == {}
            return result

    assert run(main()).payload == "ping"


def test_an_emit_that_waits_keeps_its_trace_open(run):
    """A trace whose first message is done stays open while a second one still waits for room."""

    async def main():
        async with running(node(sleeper(1)).to(), queue_maxsize=1) as flow:
            emits = asyncio.gather(*(flow.emit(message(n, trace_id="t1")) for n in range(4)))
            results = [(await flow.fetch(trace_id="t1")).payload for _ in range(4)]
            await emits
            assert residue(flow) == {}
            return results

    assert run(main()) == [0, 1, 2, 3]


def test_an_emit_of_a_cancelled_trace_ends_at_once(run):
    """An emit that waits for room ends with `TraceCancelled` when its trace is cancelled, long before there is room."""

    async def main():
        async with running(node(sleeper(100)).to(), queue_maxsize=1) as flow:
            for name in ("running", "queued"):
                await flow.emit(message(name), trace_id=name)
                await asyncio.sleep(0)
            blocked = asyncio.ensure_future(flow.emit(message(), trace_id="blocked"))
            await asyncio.sleep(1)
            assert await flow.cancel("blocked") is True
            with pytest.raises(TraceCancelled):
                await blocked
            with pytest.raises(TraceEnded, match="cancelled"):
                await flow.fetch(trace_id="blocked")
            assert flow._engine.stations[flow.graph.nodes[0]].incoming[0].blocked_senders == 0
            return asyncio.get_running_loop().time()

    assert run(main()) == 1


def test_an_error_is_read_once_and_then_forgotten(run):
    """A failure that was fetched as a value leaves no outcome behind."""

    async def main():
        async with running(node(failing()).to(), emit_errors_to_rookery=True) as flow:
            error = await roundtrip(flow, message())
            assert (residue(flow), flow._engine.ledger.unread) == ({}, 0)
            return error

    assert isinstance(run(main()), FlowError)
