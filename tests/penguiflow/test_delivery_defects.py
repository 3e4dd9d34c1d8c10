"""RUNTIME rows W1, W2, W5, W6, W7, W23, W24, W25, W27, W28: results come out once, in order, and where they belong."""

import asyncio

import pytest
from runtime_samples import Events, echo, failing, message, node, residue, roundtrip, running, sleeper

from penguiflow import FinalAnswer, FlowError, Message, TraceEnded, create


def test_w01_a_final_answer_ends_its_handler_after_one_execution(run):
    """A node that returns a final answer runs once for each message."""
    calls, events = [], Events()

    async def answer(msg, ctx):
        calls.append(msg.payload)
        return msg.model_copy(update={"payload": FinalAnswer(text="done")})

    async def main():
        async with running(node(answer).to(node(echo, "after")), middlewares=[events]) as flow:
            result = await roundtrip(flow, message())
            await asyncio.sleep(60)
            return result

    assert run(main()).payload.text == "done"
    assert calls == ["ping"]
    assert events.kinds() == ["node_start", "node_success"]


def test_w02_fan_out_reaches_successors_in_the_order_written_down(run):
    """Successors of a node get its message in the order in which the graph names them."""
    seen = []

    def noting(name):
        async def note(msg, ctx):
            seen.append(name)

        return node(note, name)

    async def main():
        names = ["z", "a", "m", "b"]
        async with running(node(echo, "first").to(*map(noting, names))) as flow:
            await flow.emit("x")
            await asyncio.sleep(1)
            return names

    assert run(main()) == seen


def test_w05_a_fetch_that_is_given_up_takes_no_later_result(run):
    """Fetches given up on a flow with two exits swallow nothing of what comes later."""

    async def main():
        async with running(node(echo, "in").to(node(echo, "a"), node(echo, "b"))) as flow:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(flow.fetch(), 0.1)
            await flow.emit(1)
            results = [await flow.fetch(), await flow.fetch()]
            assert residue(flow) == {}
            return results

    assert run(main()) == [1, 1]


def test_w06_scoped_roundtrips_with_two_exits_never_wedge(run):
    """A second result that nobody reads keeps no later roundtrip waiting."""

    async def main():
        exits = node(echo, "a"), node(echo, "b")
        async with running(node(echo, "in").to(*exits), queue_maxsize=4) as flow:
            for index in range(100):
                assert (await roundtrip(flow, message(index), f"t{index}")).payload == index

    run(main())


def test_w07_a_failure_reaches_the_caller(run):
    """A scoped fetch ends with the failure of its trace, without any setting."""

    async def main():
        async with running(node(failing()).to()) as flow:
            with pytest.raises(TraceEnded) as caught:
                await roundtrip(flow, message())
            return caught.value

    ended = run(main())
    assert isinstance(ended, TimeoutError)
    assert (ended.trace_id, ended.status, ended.error.code) == ("t1", "error", "NODE_EXCEPTION")
    assert isinstance(ended.error.unwrap(), ValueError)


def test_w07_a_trace_that_ends_without_a_result_says_so(run):
    """A scoped fetch of a message that the handler dropped ends with `no_result`."""

    async def drop(msg, ctx):
        await asyncio.sleep(1)

    async def main():
        async with running(node(drop).to()) as flow:
            with pytest.raises(TraceEnded, match="no_result"):
                await roundtrip(flow, message())

    run(main())


@pytest.mark.parametrize("payload", [message(trace_id="t9"), {"bare": True}], ids=["envelope", "bare"])
def test_w07_errors_to_rookery_cover_envelopes_and_bare_payloads(run, payload):
    """With `emit_errors_to_rookery` an unscoped fetch gets the error as a value, whatever was sent."""

    async def main():
        async with running(node(failing(), "bad").to(), emit_errors_to_rookery=True) as flow:
            await flow.emit(payload)
            return await flow.fetch()

    error = run(main())
    assert isinstance(error, FlowError)
    assert (error.code, error.node_name, error.exception_type) == ("NODE_EXCEPTION", "bad", "ValueError")


def test_w23_emit_into_a_graph_without_an_entrance_is_refused(run):
    """A flow that nothing can enter says so, with or without a target."""
    a, b = node(echo, "a"), node(echo, "b")

    async def main():
        async with running(a.to(b), b.to(a), allow_cycles=True) as flow:
            for target in (None, a):
                with pytest.raises(RuntimeError, match="no ingress node"):
                    await flow.emit("x", to=target)
            with pytest.raises(RuntimeError, match="no ingress node"):
                flow.emit_nowait("x")
            with pytest.raises(RuntimeError, match="no incoming floes"):
                await flow.fetch()

    run(main())


def test_w24_a_node_that_feeds_itself_never_waits_for_itself(run):
    """A loop that sends itself more than its queue of one would hold finishes all of its messages."""
    loop = None

    async def count_down(n, ctx):
        if n == 0:
            return "done"
        await ctx.emit(n - 1, to=loop)
        await ctx.emit(n - 1, to=loop)
        return None

    loop = node(count_down, allow_cycle=True)

    async def main():
        async with running(loop.to(loop), queue_maxsize=1) as flow:
            sender = asyncio.gather(*(flow.emit(n) for n in (3, 2, 5, 1, 4, 2)))
            results = [await flow.fetch() for _ in range(8 + 4 + 32 + 2 + 16 + 4)]
            await sender
            return results

    assert run(main()) == ["done"] * 66


def test_w24_a_node_that_feeds_itself_forever_leaves_the_loop_to_others(run):
    """A handler that emits to itself without ever waiting does not keep the rest of the program from running."""
    loop = None

    async def again(n, ctx):
        await ctx.emit(n + 1, to=loop)

    loop = node(again, allow_cycle=True)

    async def main():
        flow = create(loop.to(loop))
        flow.run()
        await flow.emit(0)
        for _ in range(10):
            await asyncio.sleep(0)
        await flow.stop()
        return residue(flow)

    assert run(main()) == {}


def test_w25_a_plain_result_of_a_loop_leaves_the_flow_once(run):
    """What a node with an edge to itself returns goes out, and not round again."""
    calls = []

    async def once(n, ctx):
        calls.append(n)
        return n

    loop = node(once, allow_cycle=True)

    async def main():
        async with running(loop.to(loop)) as flow:
            await flow.emit(7)
            result = await flow.fetch()
            await asyncio.sleep(5)
            return result

    assert run(main()) == 7
    assert calls == [7]


def test_w27_fetch_from_one_exit_never_gets_what_another_gave(run):
    """`fetch(from_=x)` waits for x, whatever else has come."""

    async def main():
        fast, slow = node(echo, "fast"), node(sleeper(2), "slow")
        async with running(node(echo, "in").to(fast, slow)) as flow:
            await flow.emit("m")
            await asyncio.sleep(1)
            assert len(flow._engine.rookery) == 1
            await flow.fetch(from_=slow)
            now_s = asyncio.get_running_loop().time()
            await flow.fetch(from_=fast)
            return now_s

    assert run(main()) == 2


def test_w28_two_fetches_of_one_trace_get_one_result_each(run):
    """Two waiting fetches of one trace share its two results in the order in which they asked."""

    async def main():
        exits = node(sleeper(1), "a"), node(sleeper(2), "b")
        async with running(node(echo, "in").to(*exits)) as flow:
            await flow.emit(message(), trace_id="t1")
            first, second = (asyncio.ensure_future(flow.fetch(trace_id="t1")) for _ in range(2))
            await asyncio.sleep(1.5)
            assert first.done()
            assert not second.done()
            return [result.payload for result in await asyncio.gather(first, second)]

    assert run(main()) == ["ping", "ping"]


def test_w28_results_that_come_together_go_to_one_fetch_each(run):
    """Two results at one instant end both waiting fetches of their trace."""

    async def main():
        async with running(node(sleeper(1), "in").to(node(echo, "a"), node(echo, "b"))) as flow:
            await flow.emit(message(), trace_id="t1")
            results = await asyncio.gather(*(flow.fetch(trace_id="t1") for _ in range(2)))
            assert residue(flow) == {}
            return [result.payload for result in results]

    assert run(main()) == ["ping", "ping"]


def test_w28_a_second_fetch_of_a_trace_with_one_result_ends(run):
    """When a trace had less to give than was asked for, the last fetch learns that it has ended."""

    async def main():
        async with running(node(sleeper(1)).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            fetches = [asyncio.ensure_future(flow.fetch(trace_id="t1")) for _ in range(2)]
            results = await asyncio.gather(*fetches, return_exceptions=True)
            assert residue(flow) == {}
            return results

    result, ended = run(main())
    assert isinstance(result, Message)
    assert (type(ended), ended.status) == (TraceEnded, "result")


def test_a_result_under_another_trace_id_ends_that_trace(run):
    """A handler that answers under a new trace id leaves no open trace behind, and its own ends without a result."""

    async def rename(msg, ctx):
        return msg.model_copy(update={"trace_id": "other"})

    async def main():
        async with running(node(rename).to()) as flow:
            with pytest.raises(TraceEnded, match="no_result"):
                await roundtrip(flow, message(), "mine")
            result = await flow.fetch(trace_id="other")
            assert residue(flow) == {}
            return result.trace_id

    assert run(main()) == "other"


def test_every_message_of_a_burst_arrives_once_and_in_order_through_queues_of_one(run):
    """A chain of queues of one loses nothing, doubles nothing and keeps the order."""

    async def main():
        a, b, c = node(echo, "a"), node(sleeper(0.01), "b"), node(echo, "c")
        async with running(a.to(b), b.to(c), queue_maxsize=1) as flow:
            sender = asyncio.gather(*(flow.emit(n) for n in range(50)))
            results = [await flow.fetch() for _ in range(50)]
            await sender
            assert residue(flow) == {}
            return results

    assert run(main()) == list(range(50))
