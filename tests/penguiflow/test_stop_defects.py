"""RUNTIME rows W20, W26 and the life of a flow: stop leaves nothing running, waiting or remembered."""

import asyncio

import pytest
from runtime_samples import (
    Events,
    echo,
    failing,
    message,
    names_of_tasks,
    node,
    residue,
    roundtrip,
    running,
    sleeper,
)

from penguiflow import ModelRegistry, TraceEnded, create


def now_s():
    return asyncio.get_running_loop().time()


def test_w20_nothing_of_one_run_is_seen_in_the_next(run):
    """Messages that waited, ran or backed off, and results that nobody fetched, end with their run."""
    seen = []

    async def handler(msg, ctx):
        seen.append(msg.payload)
        if msg.payload == "backoff":
            raise ValueError
        if msg.payload == "running":
            await asyncio.sleep(9)
        return msg

    async def main():
        flow = create(node(handler, max_retries=1, backoff_base=1).to())
        flow.run()
        for name in ("unread", "backoff", "running", "queued"):
            await flow.emit(message(name))
        await flow.emit(message("scoped"), trace_id="t1")
        await asyncio.sleep(0.5)
        await flow.stop()
        assert {name: size for name, size in residue(flow).items() if name != "results"} == {}
        flow.run()
        await asyncio.sleep(30)
        await flow.emit(message("second run"))
        result = await flow.fetch()
        await flow.stop()
        assert names_of_tasks() == []
        return result.payload

    assert run(main()) == "second run"
    assert seen == ["unread", "backoff", "running", "second run"]


def test_w20_a_bare_payload_that_backs_off_ends_with_its_run(run):
    """A retry of a message without a trace id does not come back after a restart."""
    calls = []

    async def handler(msg, ctx):
        calls.append(msg)
        raise ValueError

    async def main():
        flow = create(node(handler, max_retries=5, backoff_base=1).to())
        flow.run()
        await flow.emit("bare")
        await asyncio.sleep(0.5)
        await flow.stop()
        flow.run()
        await asyncio.sleep(60)
        await flow.stop()
        assert residue(flow) == {}

    run(main())
    assert calls == ["bare"]


def test_w20_stop_lets_everybody_go_who_waits(run):
    """Fetches and emits that wait end when the flow stops."""

    async def main():
        flow = create(node(sleeper(9)).to(), queue_maxsize=1)
        flow.run()
        for name in ("running", "queued"):
            await flow.emit(message(name), trace_id=name)
            await asyncio.sleep(0)
        waiting = [
            asyncio.ensure_future(action)
            for action in (
                flow.fetch(),
                flow.fetch(trace_id="running"),
                flow.fetch(trace_id="unknown"),
                flow.emit(message(), trace_id="blocked"),
                flow.emit("bare"),
                flow.emit(message(), trace_id="running"),
            )
        ]
        await asyncio.sleep(1)
        await flow.stop()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert (residue(flow), names_of_tasks()) == ({}, [])
        return [type(end) for end in ends]

    assert run(main()) == [RuntimeError, TraceEnded, TraceEnded, RuntimeError, RuntimeError, RuntimeError]


def test_w20_results_stay_readable_after_stop_and_then_fetch_says_that_there_are_none(run):
    """A stopped flow still gives what it had, and refuses to wait for more."""

    async def main():
        flow = create(node(echo).to())
        flow.run()
        await flow.emit("bare")
        await flow.emit(message(), trace_id="t1")
        await asyncio.sleep(1)
        await flow.stop()
        results = [await flow.fetch(), (await flow.fetch(trace_id="t1")).payload]
        with pytest.raises(RuntimeError, match="stopped and has no result left"):
            await flow.fetch()
        with pytest.raises(RuntimeError, match="stopped and has no outcome"):
            await flow.fetch(trace_id="t1")
        return results

    assert run(main()) == ["bare", "ping"]


@pytest.mark.parametrize("waits", [False, True])
def test_w20_a_handler_may_stop_its_own_flow(run, waits):
    """A handler that stops the flow ends it for all, gives no result, and the flow may run again."""

    async def handler(msg, ctx):
        if msg.payload == "stop":
            await ctx.runtime.stop()
            if waits:
                await asyncio.sleep(60)
        return msg

    async def main():
        flow = create(node(handler).to(node(echo)))
        flow.run()
        with pytest.raises(TraceEnded, match="cancelled"):
            await roundtrip(flow, message("stop"))
        await asyncio.sleep(1)
        assert (residue(flow), names_of_tasks()) == ({}, [])
        flow.run()
        result = await roundtrip(flow, message("again"))
        await flow.stop()
        return result.payload

    assert run(main()) == "again"


def test_stop_is_bounded_though_a_handler_ignores_its_cancellation(run):
    """A handler that will not end holds up `stop` for five seconds, and what it does later counts nowhere."""

    async def stubborn(msg, ctx):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)
        with pytest.raises(RuntimeError, match="is over"):
            await ctx.emit(msg)
        return msg

    async def main():
        flow = create(node(stubborn).to(node(echo)))
        flow.run()
        await flow.emit(message(), trace_id="t1")
        await asyncio.sleep(1)
        await flow.stop()
        stopped_s = now_s()
        await asyncio.sleep(120)
        assert (residue(flow), names_of_tasks()) == ({}, [])
        return stopped_s

    assert run(main()) == 6


def test_a_handler_that_fails_while_it_is_stopped_is_not_retried(run):
    """An error in answer to `stop` starts no backoff."""
    events = Events()

    async def handler(msg, ctx):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ValueError from None

    async def main():
        flow = create(node(handler, max_retries=3).to(), middlewares=[events])
        flow.run()
        await flow.emit(message(), trace_id="t1")
        await asyncio.sleep(1)
        await flow.stop()
        await asyncio.sleep(60)

    run(main())
    assert events.kinds("t1") == ["node_start", "node_cancelled"]


def test_a_stop_that_is_given_up_still_ends_everything(run):
    """When `stop` itself is cancelled, traces, fetches and workers end all the same."""

    async def stubborn(msg, ctx):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(3)

    async def main():
        flow = create(node(stubborn).to())
        flow.run()
        await flow.emit(message(), trace_id="t1")
        waiting = asyncio.ensure_future(flow.fetch(trace_id="t1"))
        await asyncio.sleep(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flow.stop(), 1)
        with pytest.raises(TraceEnded):
            await waiting
        await asyncio.sleep(10)
        assert (residue(flow), names_of_tasks()) == ({}, [])

    run(main())


def test_stop_may_be_called_twice_at_once_and_when_nothing_runs(run):
    """Only the first of several stops does anything, and none of them fails."""

    async def main():
        flow = create(node(sleeper(9)).to())
        await flow.stop()
        flow.run()
        await asyncio.gather(flow.stop(), flow.stop())
        await flow.stop()

    run(main())


def test_w26_a_run_that_is_refused_leaves_the_flow_as_it_was(run):
    """After models were found missing the flow runs with those that are there, and only once at a time."""

    async def main():
        flow = create(node(echo, "checked").to())
        with pytest.raises(RuntimeError, match="missing entries for nodes requiring validation: checked"):
            flow.run(registry=ModelRegistry())
        flow.run()
        with pytest.raises(RuntimeError, match="PenguiFlow already running"):
            flow.run()
        await flow.stop()

    run(main())


def test_w26_a_run_outside_an_event_loop_leaves_the_flow_as_it_was(run):
    """A flow that could not start, for want of a loop, starts later."""
    flow = create(node(echo).to())
    with pytest.raises(RuntimeError, match="no running event loop"):
        flow.run()

    async def main():
        flow.run()
        result = await roundtrip(flow, message())
        await flow.stop()
        return result

    assert run(main()).payload == "ping"


def test_a_flow_may_run_in_one_loop_after_another(run):
    """A flow that was stopped in one event loop runs in the next, with its listeners and its store."""
    events = Events()
    flow = create(node(echo).to(node(echo, "b")), middlewares=[events], queue_maxsize=1)

    async def main():
        flow.run()
        await asyncio.gather(*(roundtrip(flow, message(), f"t{index}") for index in range(4)))
        await flow.stop()

    run(main())
    run(main())
    assert events.kinds().count("node_success") == 16


def test_workers_are_named_after_their_nodes(run):
    """Each node has one task, called `penguiflow:<node>`."""

    async def main():
        async with running(node(echo, "a").to(node(failing(), "b"))):
            return names_of_tasks()

    assert run(main()) == ["penguiflow:a", "penguiflow:b"]


def test_unscoped_emits_wait_for_the_flow_to_run_and_scoped_ones_are_refused(run):
    """Before `run`, an unscoped emit is queued and a scoped one raises."""

    async def main():
        flow = create(node(echo).to())
        await flow.emit("early")
        with pytest.raises(RuntimeError, match="PenguiFlow is not running"):
            await flow.emit(message(), trace_id="t1")
        flow.run()
        result = await flow.fetch()
        await flow.stop()
        return result

    assert run(main()) == "early"
