"""The interceptor seam: whoever stands there sees every act, and may delay, fail, repeat or change it."""

import asyncio

import pytest
from runtime_samples import echo, failing, message, node, residue, roundtrip, running

from penguiflow import InMemoryStateStore, TraceEnded


class Watch:
    """Writes down every call, and passes it on."""

    def __init__(self, *acts, name=""):
        self.calls = []
        self.name = name
        if acts:
            self.acts = acts

    async def intercept(self, call, proceed):
        self.calls.append(call)
        return await proceed()

    def seen(self):
        return [(call.act, call.node, call.name, call.attempt, call.occurrence) for call in self.calls]


async def pay(msg, ctx):
    await ctx.effect("bank", key="k", args={"amount": 1})
    await ctx.effect("bank")
    if ctx.attempt == 0:
        raise ValueError
    return msg


def flow_with(*interceptors, **options):
    first = node(echo, "in")

    class _Running:
        async def __aenter__(self):
            self.manager = running(first.to(node(pay, "pay", max_retries=1)), **options)
            flow = await self.manager.__aenter__()
            for interceptor in interceptors:
                flow.add_interceptor(interceptor)
            return flow

        async def __aexit__(self, *error):
            return await self.manager.__aexit__(*error)

    return _Running()


def test_an_interceptor_sees_attempts_sends_and_tools_with_their_place(run):
    """Each call names node, target or tool, attempt, and how many of its kind came before in the trace."""
    watch = Watch()

    async def main():
        async with flow_with(watch) as flow:
            await roundtrip(flow, message())

    run(main())
    assert watch.seen() == [
        ("send", "OpenSea", "in", 0, 0),
        ("attempt", "in", None, 0, 0),
        ("send", "in", "pay", 0, 0),
        ("attempt", "pay", None, 0, 0),
        ("tool", "pay", "bank", 0, 0),
        ("tool", "pay", "bank", 0, 1),
        ("attempt", "pay", None, 1, 1),
        ("tool", "pay", "bank", 1, 2),
        ("tool", "pay", "bank", 1, 3),
        ("send", "pay", "Rookery", 1, 0),
    ]
    assert {(call.trace_id, call.tenant) for call in watch.calls} == {("t1", "acme")}
    assert (watch.calls[4].key, watch.calls[4].value) == ("k", {"amount": 1})


def test_an_interceptor_stands_only_around_the_acts_that_it_names(run):
    """An attribute `acts` limits what reaches an interceptor."""
    watch = Watch("tool")

    async def main():
        async with flow_with(watch) as flow:
            await roundtrip(flow, message())

    run(main())
    assert {call.act for call in watch.calls} == {"tool"}


def test_store_operations_pass_the_seam(run):
    """Each saved event is a call of its own, with the event as its value."""
    watch = Watch("store")

    async def main():
        async with flow_with(watch, state_store=InMemoryStateStore()) as flow:
            await roundtrip(flow, message())

    run(main())
    assert [call.name for call in watch.calls] == ["save_event"] * 11
    assert [call.value.kind for call in watch.calls][:3] == ["node_start", "node_success", "node_start"]


def test_the_first_interceptor_stands_outermost(run):
    """Interceptors nest in the order in which they were added."""
    order = []

    class Noting:
        acts = ("attempt",)

        def __init__(self, name):
            self.name = name

        async def intercept(self, _call, proceed):
            order.append(f"{self.name} in")
            try:
                return await proceed()
            finally:
                order.append(f"{self.name} out")

    async def main():
        async with running(node(echo).to()) as flow:
            flow.add_interceptor(Noting("outer"))
            flow.add_interceptor(Noting("inner"))
            await roundtrip(flow, message())

    run(main())
    assert order == ["outer in", "inner in", "inner out", "outer out"]


def test_a_delay_at_the_seam_counts_against_the_node_s_timeout(run):
    """A late attempt times out as if the handler itself were slow."""

    class Late:
        acts = ("attempt",)

        async def intercept(self, _call, proceed):
            await asyncio.sleep(5)
            return await proceed()

    async def main():
        async with running(node(echo, timeout_s=1).to()) as flow:
            flow.add_interceptor(Late())
            with pytest.raises(TraceEnded, match="NODE_TIMEOUT"):
                await roundtrip(flow, message())
            return asyncio.get_running_loop().time()

    assert run(main()) == 1


def test_a_failure_at_the_seam_is_a_failure_of_the_node(run):
    """An interceptor that raises instead of proceeding is retried like a handler that raises."""

    class FailsOnce:
        acts = ("attempt",)

        async def intercept(self, call, proceed):
            if call.attempt == 0:
                raise ConnectionError
            return await proceed()

    async def main():
        async with running(node(echo, max_retries=1).to()) as flow:
            flow.add_interceptor(FailsOnce())
            return await roundtrip(flow, message())

    assert run(main()).payload == "ping"


def test_an_interceptor_may_answer_instead_of_the_handler(run):
    """What an interceptor returns is the result, whether or not the handler ran."""

    class Cache:
        acts = ("attempt",)

        async def intercept(self, call, _proceed):
            return call.value.model_copy(update={"payload": "cached"})

    async def main():
        async with running(node(failing()).to()) as flow:
            flow.add_interceptor(Cache())
            return await roundtrip(flow, message())

    assert run(main()).payload == "cached"


def test_a_send_that_is_held_at_the_seam_keeps_its_trace_open(run):
    """A trace does not end while a message of it is still on its way over an edge, and cancelling ends that too."""

    class Slow:
        acts = ("send",)

        async def intercept(self, call, proceed):
            if call.name == "b":
                await asyncio.sleep(5)
            return await proceed()

    async def main():
        a, b = node(echo, "a"), node(echo, "b")
        async with running(a.to(), b.to()) as flow:
            flow.add_interceptor(Slow())
            sender = asyncio.ensure_future(flow.emit(message(), trace_id="t1"))
            first = await flow.fetch(trace_id="t1")
            second = await flow.fetch(trace_id="t1")
            await sender
            assert residue(flow) == {}
            return first.payload, second.payload, asyncio.get_running_loop().time()

    assert run(main()) == ("ping", "ping", 5)
