"""RUNTIME section 5: an operator sees why a flow is stuck, and decides what gives way to a slow listener."""

import asyncio
import dataclasses
from itertools import pairwise

import pytest
from runtime_samples import Events, echo, message, node, residue, roundtrip, running, sleeper

from penguiflow import HookBacklogFull, HookHealth, InMemoryStateStore, NodeHealth, OpenTrace, create


def now_s():
    return asyncio.get_running_loop().time()


# -- health ----------------------------------------------------------------------------------


def test_a_flow_that_is_stuck_shows_where(run):
    """Health tells what waits, since when, who runs, for how long, and who is blocked."""

    async def main():
        front, back = node(echo, "front"), node(sleeper(100), "back")
        async with running(front.to(back), queue_maxsize=1) as flow:
            emits = [asyncio.ensure_future(flow.emit(message(index), trace_id=f"t{index}")) for index in range(5)]
            await asyncio.sleep(30)
            health = flow.health()
            await flow.stop()
            await asyncio.gather(*emits, return_exceptions=True)
            return health

    health = run(main())
    assert health.running
    assert (health.open_traces, health.unread_outcomes, health.unread_results) == (5, 0, 0)
    assert health.oldest == OpenTrace("t0", "acme", pending=1, inflight=1, age_s=30)
    assert health.nodes == (
        NodeHealth("front", depth=1, bound=1, busy=1, running_s=30, abandoned=0, blocked_senders=1),
        NodeHealth("back", depth=1, bound=1, busy=1, running_s=30, abandoned=0, blocked_senders=1),
    )


def test_a_flow_that_is_done_shows_what_nobody_has_read(run):
    """Traces that ended and results that wait are counted; a fetch that came too early is no open trace."""

    async def main():
        async with running(node(echo).to()) as flow:
            early = asyncio.ensure_future(flow.fetch(trace_id="later"))
            await flow.emit(message(), trace_id="t1")
            await flow.emit(message())
            await asyncio.sleep(1)
            health = flow.health()
            early.cancel()
            return health

    health = run(main())
    assert (health.open_traces, health.oldest, health.unread_outcomes, health.unread_results) == (0, None, 2, 1)
    assert [(node.depth, node.busy, node.running_s) for node in health.nodes] == [(0, 0, None)]


def test_handlers_that_were_left_behind_are_counted(run):
    """A handler that ignores its cancellation counts as abandoned until it ends."""

    async def deaf(msg, ctx):
        for _ in range(2):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                continue

    async def main():
        async with running(node(deaf, timeout_s=1, cancel_grace_s=1).to()) as flow:
            await flow.emit(message(), trace_id="t1")
            counts = []
            for _ in range(2):
                await asyncio.sleep(10)
                counts.append(flow.health().nodes[0].abandoned)
            return counts

    assert run(main()) == [1, 0]


def test_health_is_a_value_and_can_be_asked_of_a_flow_that_does_not_run(run):
    """Health of a flow that was never run, or was stopped, says so, and cannot be changed."""

    async def main():
        flow = create(node(echo).to())
        before = flow.health()
        async with flow:
            pass
        return before, flow.health()

    before, after = run(main())
    assert (before.running, after.running) == (False, False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.running = True


def test_listeners_that_lag_are_seen(run):
    """Each listener's backlog and what it lost are in the health of the flow."""

    class SlowStore(InMemoryStateStore):
        async def save_event(self, event):
            await asyncio.sleep(1)
            await super().save_event(event)

    async def main():
        async with running(node(echo).to(), state_store=SlowStore(), middlewares=[Events()], hook_backlog=2) as flow:
            for index in range(3):
                await roundtrip(flow, message(), f"t{index}")
            return flow.health().hooks

    store, events = run(main())
    assert store == HookHealth("SlowStore", backlog=3, dropped=3)
    assert events == HookHealth("Events", backlog=0, dropped=0)


# -- what gives way to a slow listener -------------------------------------------------------


class Slow:
    """A middleware that takes a second for each event."""

    def __init__(self):
        self.kinds = []

    async def __call__(self, event):
        await asyncio.sleep(1)
        self.kinds.append(event.event_type)


@pytest.mark.parametrize(("policy", "kept"), [("drop-oldest", 2), ("block", 10), ("fail", 10)])
def test_a_full_backlog_drops_or_keeps_as_the_policy_says(run, policy, kept):
    """Only `drop-oldest` loses events; the others keep all of what was accepted."""
    slow = Slow()

    async def send(flow, index):
        while True:
            try:
                return await flow.emit(message(index), trace_id=f"t{index}")
            except HookBacklogFull:
                await asyncio.sleep(1)

    async def main():
        async with running(node(echo).to(), middlewares=[slow], hook_policy=policy, hook_backlog=2) as flow:
            for index in range(5):
                await send(flow, index)
                await flow.outcome(trace_id=f"t{index}")
            assert residue(flow) == {}
            while flow.health().hooks[0].backlog:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(1)

    run(main())
    assert len(slow.kinds) == kept + (policy == "drop-oldest")


def test_blocking_holds_up_emits_and_nodes_until_there_is_room(run):
    """With `block` a flow goes as fast as its slowest listener."""

    async def main():
        async with running(node(echo).to(), middlewares=[Slow()], hook_policy="block", hook_backlog=1) as flow:
            times_s = []
            for index in range(4):
                await roundtrip(flow, message(), f"t{index}")
                times_s.append(now_s())
            return times_s

    assert run(main()) == [0, 1, 3, 5]


def test_blocking_holds_up_nodes_too(run):
    """One message through a chain of nodes puts no more events into the backlog than may wait there, or two more."""
    backlogs = []

    async def look(msg, ctx):
        backlogs.append(ctx.runtime.health().hooks[0].backlog)
        return msg

    async def main():
        nodes = [node(look, f"n{index}") for index in range(10)]
        chain = [first.to(second) for first, second in pairwise(nodes)]
        async with running(*chain, middlewares=[Slow()], hook_policy="block", hook_backlog=1) as flow:
            await roundtrip(flow, message())

    run(main())
    assert len(backlogs) == 10
    assert max(backlogs) <= 3


@pytest.mark.parametrize("policy", ["block", "fail", "drop-oldest"])
def test_w16_a_listener_that_hangs_wedges_neither_fetch_nor_cancel_nor_stop(run, policy):
    """Whatever the policy, what was accepted can be fetched or cancelled, and the flow can be stopped."""

    async def hang(event):
        await asyncio.Event().wait()

    async def main():
        async with running(node(echo).to(), middlewares=[hang], hook_policy=policy, hook_backlog=2) as flow:
            for index in range(2):
                await flow.emit(message(), trace_id=f"t{index}")
            await asyncio.sleep(1)
            blocked = asyncio.ensure_future(flow.emit(message(), trace_id="late"))
            assert (await flow.fetch(trace_id="t0")).payload == "ping"
            assert await flow.cancel("t1", drain=True) is True
            await flow.stop()
            await asyncio.sleep(1)
            assert blocked.done()
            blocked.exception()
            return now_s()

    assert run(main()) <= 12


def test_failing_refuses_new_messages_until_the_listener_has_caught_up(run):
    """With `fail` both ways in say which listener lags and by how much, and nothing is sent."""
    slow = Slow()

    async def main():
        async with running(node(echo).to(), middlewares=[slow], hook_policy="fail", hook_backlog=1) as flow:
            await roundtrip(flow, message())
            with pytest.raises(HookBacklogFull, match="listener Slow is 2 events behind"):
                await flow.emit(message(), trace_id="t2")
            with pytest.raises(HookBacklogFull):
                flow.emit_nowait("bare")
            assert residue(flow) == {}
            await asyncio.sleep(3)
            return (await roundtrip(flow, message(), "t2")).payload

    assert run(main()) == "ping"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"hook_policy": "drop"}, "hook_policy must be one of block, drop-oldest, fail; got 'drop'"),
        ({"hook_backlog": 0}, "hook_backlog must be at least 1; got 0"),
    ],
)
def test_nonsense_about_listeners_is_refused(options, text):
    """An unknown policy and a backlog that holds nothing are errors where they are written."""
    with pytest.raises(ValueError, match=text):
        create(node(echo).to(), **options)
