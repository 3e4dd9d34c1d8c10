"""The bound of a flow's edges, set by who runs a flow that others have built."""

from __future__ import annotations

import asyncio

import pytest

from penguiflow import Message, Node, NodePolicy, create

QUIET = NodePolicy(validate="none")


def two_nodes(bound: int, release: asyncio.Event):
    """A flow whose second node lets nothing through before `release`."""

    async def first(message, ctx):
        return message

    async def second(message, ctx):
        await release.wait()
        return message

    end = Node(second, name="second", policy=QUIET)
    return create(Node(first, name="first", policy=QUIET).to(end), end.to(), queue_maxsize=bound)


def waiting_with(bound: int, built_with: int) -> dict[str, int]:
    """How many of 20 messages wait before each node when nothing gets through."""

    async def main() -> dict[str, int]:
        release = asyncio.Event()
        flow = two_nodes(built_with, release)
        if bound != built_with:
            flow.queue_maxsize = bound
        flow.run()
        senders = [asyncio.create_task(flow.emit(Message(payload=one, headers={"tenant": "t"}))) for one in range(20)]
        for _ in range(50):
            await asyncio.sleep(0)
        depths = flow.queue_depths()
        for sender in senders:
            sender.cancel()
        await flow.stop()
        return depths

    return asyncio.run(main())


@pytest.mark.parametrize("bound", [1, 3, 0])
def test_a_flow_under_another_bound_is_like_one_built_with_it(bound):
    """Setting the bound before the run gives the same waiting as building the flow with it."""
    assert waiting_with(bound, built_with=64) == waiting_with(bound, built_with=bound)
    assert waiting_with(1, built_with=64) != waiting_with(3, built_with=64)


def test_the_bound_is_settled_by_the_run():
    """A flow that has been run keeps its bound, and says so."""

    async def main() -> None:
        flow = two_nodes(4, asyncio.Event())
        flow.run()
        with pytest.raises(RuntimeError, match="queue_maxsize is settled when a flow is run"):
            flow.queue_maxsize = 8
        await flow.stop()
        assert flow.queue_maxsize == 4

    asyncio.run(main())


@pytest.mark.parametrize("bound", [1.5, "16", True, None])
def test_a_bound_is_a_whole_number(bound):
    """Text, fractions, booleans and nothing are refused as they are where the flow is built."""
    flow = two_nodes(4, asyncio.Event())

    with pytest.raises(TypeError, match="queue_maxsize must be a whole number"):
        flow.queue_maxsize = bound
