"""RUNTIME 1.6: how a flow is put together, and what `emit` and `fetch` refuse."""

import asyncio

import pytest
from runtime_samples import echo, message, node, roundtrip, running

from penguiflow import DEFAULT_QUEUE_MAXSIZE, CycleError, Message, create
from penguiflow.core import OPEN_SEA, ROOKERY, Endpoint


def names(nodes):
    return [item.name for item in nodes]


def test_nodes_that_are_only_successors_belong_to_the_flow():
    """A node need not have a row of its own."""
    a, b, c = (node(echo, name) for name in "abc")
    graph = create(a.to(b, c)).graph

    assert names(graph.nodes) == ["a", "b", "c"]
    assert names(graph.ingress) == ["a"]
    assert names(graph.egress) == ["b", "c"]
    assert [(source.name, target.name) for source, target in graph.edges] == [("a", "b"), ("a", "c")]
    assert names(graph.successors(a)) == ["b", "c"]
    assert names(graph.predecessors(c)) == ["a"]


def test_rows_of_one_node_add_up():
    """A node that is named in two rows follows both, and an edge that is named twice is one."""
    a, b, c = (node(echo, name) for name in "abc")

    assert names(create(a.to(b), a.to(c, b)).graph.successors(a)) == ["b", "c"]


def test_a_node_on_itself_is_both_entrance_and_exit_where_it_may_loop():
    """A loop of a node on itself counts neither as parent nor as successor."""
    loop = node(echo, "loop", allow_cycle=True)
    graph = create(loop.to(loop)).graph

    assert (names(graph.ingress), names(graph.egress)) == (["loop"], ["loop"])


def test_cycles_are_refused_unless_they_are_allowed():
    """A cycle, also of one node that does not say so, is an error; `allow_cycles` takes any."""
    a, b, loop = node(echo, "a", allow_cycle=True), node(echo, "b", allow_cycle=True), node(echo, "loop")
    for rows in ([a.to(b), b.to(a)], [loop.to(loop)]):
        with pytest.raises(CycleError, match="Flow contains a cycle; enable allow_cycles to bypass"):
            create(*rows)
        create(*rows, allow_cycles=True)
    assert issubclass(CycleError, RuntimeError)


def test_two_nodes_of_one_name_are_refused():
    """Names address nodes, so they differ."""
    with pytest.raises(ValueError, match="two nodes are named 'a'"):
        create(node(echo, "a").to(node(echo, "a")))


def test_the_ends_of_a_flow_have_names():
    """`OpenSea` and `Rookery` are endpoints that compare by name."""
    assert (Endpoint("OpenSea"), Endpoint("Rookery")) == (OPEN_SEA, ROOKERY)
    assert DEFAULT_QUEUE_MAXSIZE == 64


def test_emit_goes_to_every_entrance_or_to_those_named(run):
    """Without a target all entrances get the message, with one only that, and others are unknown."""
    a, b, c = (node(echo, name) for name in "abc")

    async def main():
        async with running(a.to(), b.to(c)) as flow:
            await flow.emit("to all")
            results = [await flow.fetch(), await flow.fetch()]
            await flow.emit("to b", to=b)
            await flow.emit("to both", to=[a, b])
            results += [await flow.fetch(from_=c), await flow.fetch(from_=c), await flow.fetch(from_=a)]
            for emit in (flow.emit, _as_async(flow.emit_nowait)):
                with pytest.raises(KeyError, match="Unknown target c for OpenSea"):
                    await emit("x", to=c)
            return results

    assert run(main()) == ["to all", "to all", "to b", "to both", "to both"]


def _as_async(function):
    async def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def test_a_scoped_emit_stamps_its_message(run):
    """An envelope is copied under the trace id, any other object is changed, and one that cannot be is refused."""

    class Request:
        trace_id = ""

    async def main():
        original, request = message(trace_id="own"), Request()
        async with running(node(echo).to()) as flow:
            result = await roundtrip(flow, original, "given")
            assert (result.trace_id, original.trace_id) == ("given", "own")
            assert await roundtrip(flow, request, "given") is request
            assert request.trace_id == "given"
            for stubborn in ({"plain": 1}, 5):
                with pytest.raises(TypeError, match=r"requires a Message \(or object with writable \.trace_id\)"):
                    await flow.emit(stubborn, trace_id="given")

    run(main())


def test_combinations_that_have_no_meaning_are_refused(run):
    """`emit_nowait` with a trace id and `fetch` with both arguments are errors."""

    async def main():
        exit_ = node(echo)
        async with running(exit_.to()) as flow:
            with pytest.raises(RuntimeError, match=r"emit_nowait\(trace_id=\.\.\.\) is not supported"):
                flow.emit_nowait(message(), trace_id="t1")
            with pytest.raises(RuntimeError, match=r"fetch\(trace_id=\.\.\.\) does not support from_ filtering"):
                await flow.fetch(exit_, trace_id="t1")

    run(main())


def test_fetch_any_is_fetch(run):
    """At the flow's end `fetch_any` is another name."""

    async def main():
        async with running(node(echo).to()) as flow:
            await flow.emit(1)
            await flow.emit(message(), trace_id="t1")
            return await flow.fetch_any(), await flow.fetch_any(trace_id="t1")

    bare, envelope = run(main())
    assert bare == 1
    assert isinstance(envelope, Message)


def test_a_queue_without_a_bound_takes_any_number(run):
    """`queue_maxsize=0` and less never block and never refuse."""

    async def main():
        for maxsize in (0, -1):
            flow = create(node(echo).to(), queue_maxsize=maxsize)
            for index in range(1000):
                flow.emit_nowait(index)
            assert flow.queue_depths() == {"echo": 1000}
            flow.run()
            assert [await flow.fetch() for _ in range(1000)] == list(range(1000))
            await flow.stop()

    run(main())


def test_a_full_edge_blocks_its_senders_in_order(run):
    """Senders that wait for room are served in the order in which they came, and depth never exceeds the bound."""
    depths = []

    async def slow(msg, ctx):
        depths.append(ctx.queue_depth_in())
        await asyncio.sleep(1)
        return msg

    async def main():
        async with running(node(slow).to(), queue_maxsize=2) as flow:
            emits = [asyncio.ensure_future(flow.emit(index)) for index in range(6)]
            results = [await flow.fetch() for _ in range(6)]
            await asyncio.gather(*emits)
            return results

    assert run(main()) == list(range(6))
    assert max(depths) == 2


def test_a_sender_that_is_gone_when_its_slot_is_free_passes_it_on(run):
    """A slot that was handed to a sender cancelled in the same tick goes to the next one."""

    async def main():
        gate = asyncio.Event()

        async def handler(msg, ctx):
            await gate.wait()
            return msg

        async with running(node(handler).to(), queue_maxsize=1) as flow:
            emits = [asyncio.ensure_future(flow.emit(index)) for index in range(4)]
            await asyncio.sleep(1)
            floe = flow._engine.entrances[flow.graph.ingress[0]]
            assert floe.blocked_senders == 2
            gate.set()
            while floe.blocked_senders == 2:  # noqa: ASYNC110 - the tick is the point
                await asyncio.sleep(0)
            emits[2].cancel()
            results = [await flow.fetch() for _ in range(3)]
            assert floe.empty()
            return results

    assert run(main()) == [0, 1, 3]


@pytest.mark.parametrize("maxsize", ["64", 1.5, True, None])
def test_a_queue_bound_that_is_no_whole_number_is_refused(maxsize):
    """`queue_maxsize` is looked at when the flow is made, and the error names the value."""
    with pytest.raises(TypeError, match=f"queue_maxsize must be a whole number .* got {maxsize!r}"):
        create(node(echo).to(), queue_maxsize=maxsize)
