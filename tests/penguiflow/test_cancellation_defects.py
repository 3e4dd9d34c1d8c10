"""RUNTIME rows W4, W9, W14 and 1.11: cancelling ends one trace, and nothing else."""

import asyncio

import pytest
from runtime_samples import Events, echo, message, names_of_tasks, node, residue, roundtrip, running, sleeper

from penguiflow import TraceCancelled, TraceEnded


async def _stray_cancellation(msg, ctx):
    """What an HTTP client does whose connection task was cancelled."""
    inner = asyncio.ensure_future(asyncio.sleep(10))
    asyncio.get_running_loop().call_soon(inner.cancel)
    await inner


@pytest.mark.parametrize("payload", [message(trace_id="t1"), 5], ids=["envelope", "bare"])
def test_w04_a_stray_cancelled_error_is_a_failure_like_any_other(run, payload):
    """A handler in which something else was cancelled is retried, and its worker lives on."""
    events = Events()

    async def second_time_lucky(msg, ctx):
        return msg if ctx.attempt else await _stray_cancellation(msg, ctx)

    async def main():
        lucky = node(second_time_lucky, max_retries=1)
        async with running(lucky.to(), middlewares=[events]) as flow:
            await flow.emit(payload)
            await flow.emit(payload)
            return [await flow.fetch(), await flow.fetch()]

    assert run(main()) == [payload, payload]
    assert events.kinds()[:5] == ["node_start", "node_error", "node_retry", "node_start", "node_error"]


def test_w04_a_stray_cancelled_error_reaches_the_caller(run):
    """Without retries the caller learns of it as a node exception."""

    async def main():
        async with running(node(_stray_cancellation).to()) as flow:
            with pytest.raises(TraceEnded) as caught:
                await roundtrip(flow, message())
            return caught.value.error

    assert (run(main())).exception_type == "CancelledError"


def test_w04_a_handler_that_cancels_its_own_task_ends_no_worker(run):
    """A handler that asks for its own task to be cancelled, and returns, harms nobody who comes after."""

    async def handler(msg, ctx):
        if msg.payload == "rude":
            asyncio.current_task().cancel()
            return msg
        async with asyncio.timeout(10):
            await asyncio.sleep(1)
        assert asyncio.current_task().cancelling() == 0
        return msg

    async def main():
        async with running(node(handler).to()) as flow:
            results = [await roundtrip(flow, message(text), text) for text in ("rude", "polite", "rude", "polite")]
            return [result.payload for result in results]

    assert run(main()) == ["rude", "polite", "rude", "polite"]


def test_w04_an_exception_that_cannot_be_shown_ends_no_worker(run):
    """A handler whose exception fails to render is a failure like any other."""

    class UnspeakableError(Exception):
        def __str__(self):
            raise RuntimeError

        __repr__ = __str__

    async def handler(msg, ctx):
        if msg.payload == "bad":
            raise UnspeakableError
        return msg

    async def main():
        async with running(node(handler).to()) as flow:
            with pytest.raises(TraceEnded, match="cannot be shown"):
                await roundtrip(flow, message("bad"), "t1")
            return await roundtrip(flow, message("good"), "t2")

    assert run(main()).payload == "good"


def test_w04_an_exception_outside_the_usual_tree_ends_no_worker(run):
    """A handler that raises a `BaseException` of its own fails its own trace only."""

    class Abort(BaseException):
        pass

    async def handler(msg, ctx):
        if msg.payload == "bad":
            raise Abort
        return msg

    async def main():
        async with running(node(handler).to()) as flow:
            with pytest.raises(TraceEnded, match="Abort"):
                await roundtrip(flow, message("bad"), "t1")
            return await roundtrip(flow, message("good"), "t2")

    assert run(main()).payload == "good"


def test_w04_the_end_of_the_program_ends_workers_that_nobody_stopped(run):
    """Workers give way when everything is cancelled, idle or busy, as `asyncio.run` does at its end."""

    async def main():
        async with running(node(echo, "idle").to(), node(sleeper(10), "busy").to()) as flow:
            await flow.emit(message())
            await asyncio.sleep(1)
            workers = [task for task in asyncio.all_tasks() if task.get_name().startswith("penguiflow:")]
            for worker in workers:
                worker.cancel()
            await asyncio.sleep(0.001)
            return [worker.done() for worker in workers]

    assert run(main()) == [True, True]


def test_w09_cancelling_one_trace_disturbs_no_other(run):
    """Cancelling in a full queue with blocked senders drops one trace's messages, and the others keep their order."""
    seen = []

    async def slow(msg, ctx):
        seen.append(msg.payload)
        await asyncio.sleep(1)

    async def main():
        async with running(node(slow).to(), queue_maxsize=2) as flow:
            names = ["run", "a", "b", "c", "d"]
            emits = [asyncio.ensure_future(flow.emit(message(name), trace_id=name)) for name in names]
            await asyncio.sleep(0.5)
            assert await flow.cancel("a") is True
            await asyncio.gather(*emits)
            await asyncio.sleep(10)
            assert residue(flow) == {}

    run(main())
    assert seen == ["run", "b", "c", "d"]


def test_w14_a_backoff_holds_up_nobody_and_ends_with_its_trace(run):
    """While one trace backs off another is served at once, and cancelling the first ends its backoff at once."""
    events = Events()

    async def handler(msg, ctx):
        if msg.payload == "fail":
            raise ValueError
        return msg

    async def main():
        flaky = node(handler, max_retries=3, backoff_base=60)
        async with running(flaky.to(), middlewares=[events]) as flow:
            await flow.emit(message("fail"), trace_id="a")
            await roundtrip(flow, message("fine"), "b")
            served_s = asyncio.get_running_loop().time()
            assert await flow.cancel("a") is True
            assert residue(flow) == {}
            return served_s, asyncio.get_running_loop().time()

    assert run(main()) == (0, 0)
    assert events.kinds("a") == [
        *("node_start", "node_error", "node_retry"),
        *("trace_cancel_start", "trace_cancel_drop", "trace_cancel_finish"),
    ]
    assert events.one("trace_cancel_drop").extra["phase"] == "backoff"


def test_cancel_interrupts_what_runs_and_drops_what_waits(run):
    """A cancelled trace ends with its own events, once each, and its fetch ends with it."""
    events = Events()

    async def main():
        async with running(node(echo, "in").to(node(sleeper(9), "a")), middlewares=[events]) as flow:
            await flow.emit(message(), trace_id="t1")
            waiting = asyncio.ensure_future(flow.fetch(trace_id="t1"))
            await asyncio.sleep(1)
            assert await flow.cancel("t1") is True
            assert await flow.cancel("t1") is True, "its handler has not ended yet"
            with pytest.raises(TraceEnded) as caught:
                await waiting
            await asyncio.sleep(1)
            assert residue(flow) == {}
            return caught.value

    ended = run(main())
    assert (ended.status, ended.error.code) == ("cancelled", "TRACE_CANCELLED")
    assert events.kinds()[2:] == ["node_start", "trace_cancel_start", "node_trace_cancelled", "trace_cancel_finish"]
    start, finish = events.one("trace_cancel_start"), events.one("trace_cancel_finish")
    assert (start.trace_pending, start.trace_inflight, start.trace_cancelled, start.outgoing_edges) == (1, 1, True, 1)
    assert (finish.trace_pending, finish.trace_inflight, finish.trace_cancelled) == (0, 0, False)
    assert (start.node_name, finish.node_name) == ("OpenSea", "Rookery")


def test_cancel_throws_away_a_result_that_was_not_fetched(run):
    """A finished trace with an unread result may still be cancelled, and then has none."""

    async def main():
        async with running(node(echo).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(1)
            assert await flow.cancel("t1") is True
            with pytest.raises(TraceEnded, match="cancelled"):
                await flow.fetch(trace_id="t1")

    run(main())


def test_cancel_in_the_tick_of_completion_gives_one_outcome(run):
    """When a handler ends at the instant of the cancel, the trace is cancelled and its result is not seen."""

    async def main():
        gate = asyncio.Event()

        async def handler(msg, ctx):
            await gate.wait()
            return msg

        async with running(node(handler).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(1)
            gate.set()
            assert await flow.cancel("t1") is True
            with pytest.raises(TraceEnded, match="cancelled"):
                await flow.fetch(trace_id="t1")
            await asyncio.sleep(1)
            result = await roundtrip(flow, message("next"), "t2")
            assert residue(flow) == {}
            return result

    assert run(main()).payload == "next"


@pytest.mark.parametrize("waits", [False, True])
def test_a_handler_may_cancel_its_own_trace(run, waits):
    """A handler that cancels the trace that it works for gives no result, and the next message is served."""

    async def handler(msg, ctx):
        if msg.payload == "cancel":
            assert await ctx.runtime.cancel(msg.trace_id) is True
            if waits:
                await asyncio.sleep(10)
        return msg

    async def main():
        async with running(node(handler).to()) as flow:
            with pytest.raises(TraceEnded, match="cancelled"):
                await roundtrip(flow, message("cancel"), "t1")
            result = await roundtrip(flow, message("fine"), "t2")
            assert residue(flow) == {}
            return result.payload, asyncio.get_running_loop().time()

    assert run(main()) == ("fine", 0)


def test_what_a_cancelled_handler_still_emits_goes_nowhere(run):
    """A handler that answers its cancellation by emitting is refused, and nothing of its trace goes on."""
    refused, reached = [], []

    async def clean_up(msg, ctx):
        try:
            await asyncio.sleep(10)
        finally:
            try:
                await ctx.emit(msg)
            except RuntimeError as error:
                refused.append(str(error))

    async def reach(msg, ctx):
        reached.append(msg)

    async def main():
        async with running(node(clean_up, "first").to(node(reach))) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(1)
            await flow.cancel("t1")
            await asyncio.sleep(1)
            assert residue(flow) == {}

    run(main())
    assert reached == []
    assert "this attempt of node 'first' is over" in refused[0]


def test_a_worker_that_waits_for_room_ends_with_its_trace(run):
    """A worker that is blocked downstream on behalf of a cancelled trace goes on with the next one."""

    async def main():
        slow = node(sleeper(5), "slow")
        async with running(node(echo, "in").to(slow), queue_maxsize=1) as flow:
            for name in ("a", "b", "c", "d"):
                await flow.emit(message(name), trace_id=name)
            await asyncio.sleep(1)
            assert await flow.cancel("c") is True
            results = [(await flow.fetch(trace_id=name)).payload for name in ("a", "b", "d")]
            assert residue(flow) == {}
            return results

    assert run(main()) == ["a", "b", "d"]


def test_a_handler_may_end_with_trace_cancelled(run):
    """`TraceCancelled` out of a handler, as a cancelled subflow raises it, is no failure and not retried."""
    events = Events()

    async def handler(msg, ctx):
        raise TraceCancelled(msg.trace_id)

    async def main():
        async with running(node(handler, max_retries=3).to(), middlewares=[events]) as flow:
            with pytest.raises(TraceEnded):
                await roundtrip(flow, message())

    run(main())
    assert events.kinds() == ["node_start", "node_trace_cancelled"]


def test_cancelling_needs_a_running_flow_and_a_live_trace(run):
    """A trace that is unknown or over cannot be cancelled, and a stopped flow says that it does not run."""

    async def main():
        async with running(node(echo).to()) as flow:
            assert await flow.cancel("nobody") is False
            await roundtrip(flow, message())
            assert await flow.cancel("t1") is False
        with pytest.raises(RuntimeError, match="PenguiFlow is not running"):
            await flow.cancel("t1")
        assert names_of_tasks() == []

    run(main())
