"""Anything may go wrong at once: whatever happens, every fetch ends and the flow is empty afterwards."""

import asyncio
import random

import pytest
from runtime_samples import message, names_of_tasks, node, residue, running

from penguiflow import Message, TraceCancelled, TraceEnded, ambient

TRACES = 60


def unreliable(dice):
    """A handler that answers, drops, fails, hangs, doubles, renames or refuses to end, as the dice fall."""

    async def swallow(msg, ctx):
        try:
            await asyncio.sleep(dice.choice([0, 0.5, 5]))
        except asyncio.CancelledError:
            await asyncio.sleep(dice.choice([0, 0.2, 3]))
        return msg

    async def double(msg, ctx):
        await ctx.emit(msg)
        return msg

    async def rename(msg, ctx):
        return msg.model_copy(update={"trace_id": f"t{dice.randrange(TRACES)}"})

    async def cancel(msg, ctx):
        await ctx.runtime.cancel(f"t{dice.randrange(TRACES)}")
        return msg

    async def handler(msg, ctx):
        await asyncio.sleep(dice.choice([0, 0, 0.01, 0.3]))
        act = dice.choice(["pass"] * 6 + ["drop", "fail", "stray", swallow, double, rename, cancel])
        if act == "fail":
            raise ValueError
        if act == "stray":
            raise asyncio.CancelledError
        if callable(act):
            return await act(msg, ctx)
        return None if act == "drop" else msg

    return handler


async def client(flow, dice, index):
    await asyncio.sleep(dice.uniform(0, 3))
    trace_id = f"t{index % (TRACES // 2)}"
    deadline_s = dice.choice([None, None, ambient.wall() + dice.uniform(0, 2)])
    request = message(index, trace_id=trace_id, deadline_s=deadline_s)
    try:
        async with asyncio.timeout(dice.choice([None, 0.05, 1])):
            await flow.emit(request, trace_id=trace_id)
            result = await flow.fetch(trace_id=trace_id)
    except TraceCancelled:
        return "cancelled while it waited"
    except TraceEnded as ended:
        return ended.status
    except TimeoutError:
        if dice.random() < 0.7:
            await flow.cancel(trace_id)
        return "given up"
    assert isinstance(result, Message)
    assert result.trace_id == trace_id
    return "answered"


@pytest.mark.parametrize("seed", range(25))
def test_every_fetch_ends_and_nothing_stays_behind(run, seed):
    """Under random failures, hangs, cancels and deadlines every client gets an outcome, and every table empties."""
    dice = random.Random(seed)  # noqa: S311 - a simulation

    async def main():
        policy = {"timeout_s": 1, "cancel_grace_s": 0.5, "max_retries": 1, "backoff_base": 0.1}
        a, b, c, d = (node(unreliable(dice), name, **policy) for name in "abcd")
        async with running(a.to(b, c), b.to(d), c.to(d), queue_maxsize=dice.choice([1, 2, 5])) as flow:
            drain = asyncio.ensure_future(_drain(flow))
            outcomes = await asyncio.gather(*(client(flow, dice, index) for index in range(TRACES)))
            await asyncio.sleep(120)
            drain.cancel()
            await asyncio.sleep(0)
            assert residue(flow) == {}
            assert names_of_tasks() == [f"penguiflow:{name}" for name in "abcd"]
            return outcomes

    assert len(run(main())) == TRACES


async def _drain(flow):
    """Somebody reads what comes out under ids that no client asked for."""
    while True:
        await flow.fetch()
