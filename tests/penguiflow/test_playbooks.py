"""Subflows: a node runs a flow of its own, gets its result or its failure, and takes it down with itself."""

import asyncio

import pytest
from runtime_samples import echo, failing, message, names_of_tasks, node, roundtrip, running, sleeper

from penguiflow import FlowError, TraceCancelled, TraceEnded, call_playbook, create

made = []


def playbook(*adjacencies, **options):
    def make():
        made.append(create(*adjacencies, **options))
        return made[-1], None

    return make


async def _nothing(msg, ctx):
    return None


def test_a_playbook_answers_with_its_payload(run):
    """The result of a subflow is the payload of its envelope, and the subflow is gone afterwards."""

    async def ask(msg, ctx):
        return msg.model_copy(update={"payload": await ctx.call_playbook(playbook(node(echo).to()), msg)})

    async def main():
        async with running(node(ask).to()) as flow:
            result = (await roundtrip(flow, message("ping"))).payload
            return result, names_of_tasks()

    assert run(main()) == ("ping", ["penguiflow:ask"])


def test_a_playbook_takes_bare_payloads(run):
    """A message without an envelope goes through a subflow too."""
    assert run(call_playbook(playbook(node(echo).to()), 7)) == 7


@pytest.mark.parametrize("sent", [message("x"), "x"])
def test_a_playbook_that_fails_raises_its_error(run, sent):
    """The failure of a subflow's node reaches the node that asked, at once and without any setting."""
    with pytest.raises(FlowError, match="boom") as raised:
        run(call_playbook(playbook(node(failing(), "inner").to()), sent))
    assert raised.value.node_name == "inner"


@pytest.mark.parametrize("sent", [message("x"), "x"])
def test_a_playbook_that_gives_nothing_ends_at_once(run, sent):
    """A subflow without a result is a timeout, not a wait."""
    with pytest.raises(TraceEnded):
        run(call_playbook(playbook(node(_nothing).to()), sent))


def test_a_playbook_may_take_too_long(run):
    """A subflow that is not done in time is stopped."""
    with pytest.raises(TimeoutError):
        run(call_playbook(playbook(node(sleeper(60)).to()), message(), timeout=1))
    assert made[-1].health().running is False


def test_cancelling_a_trace_cancels_its_playbooks(run):
    """What runs in a subflow is cancelled with the trace that asked for it."""
    ended = []

    async def work(msg, ctx):
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(msg.payload)

    async def ask(msg, ctx):
        await ctx.call_playbook(playbook(node(work).to()), msg)

    async def main():
        async with running(node(ask).to()) as flow:
            await flow.emit(message("inner"), trace_id="t1")
            await asyncio.sleep(1)
            assert await flow.cancel("t1", drain=True)
            return ended[:], names_of_tasks()

    assert run(main()) == (["inner"], ["penguiflow:ask"])


def test_a_cancelled_trace_starts_no_playbook(run):
    """A handler that goes on after its cancellation cannot start a subflow for it."""
    raised = []

    async def ask(msg, ctx):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            for call in (ctx.call_playbook(playbook(node(echo).to()), msg), _called(msg, ctx.runtime)):
                with pytest.raises(TraceCancelled):
                    await call
                raised.append(True)
            raise

    async def _called(msg, runtime):
        return await call_playbook(playbook(node(echo).to()), msg, runtime=runtime)

    async def main():
        async with running(node(ask).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            await asyncio.sleep(1)
            await flow.cancel("t1", drain=True)

    run(main())
    assert raised == [True, True]


class _Notes:
    """Writes down the tool calls that pass."""

    acts = ("tool",)

    def __init__(self, name, seen):
        self.name, self.seen = name, seen

    async def intercept(self, call, proceed):
        self.seen.append((self.name, call.node, call.name))
        return await proceed()


def test_the_callers_interceptors_see_tool_calls_of_a_playbook(run):
    """They stand outside of the subflow's own, once for each call, also where the same flow is run again."""
    seen = []

    async def write(msg, ctx):
        return await ctx.effect("ledger", _done)

    async def _done():
        return "written"

    inner = create(node(write, "write").to())
    inner.add_interceptor(_Notes("inner", seen))

    async def ask(msg, ctx):
        return msg.model_copy(update={"payload": await ctx.call_playbook(lambda: (inner, None), msg)})

    async def main():
        async with running(node(ask).to()) as flow:
            flow.add_interceptor(_Notes("outer", seen))
            return [(await roundtrip(flow, message("ping"))).payload for _ in range(2)]

    assert run(main()) == ["written", "written"]
    assert seen == [("outer", "write", "ledger"), ("inner", "write", "ledger")] * 2
