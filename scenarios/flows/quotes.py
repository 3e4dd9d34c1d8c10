"""Quotes from a broker that sometimes does not answer at all.

Fragile: nothing is bounded in time. One call that hangs holds its worker for
ever, and everybody behind it waits.

Hardened: a timeout that leaves room for a second try before the deadline.
"""

from __future__ import annotations

import asyncio

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create


async def quote(message: Message, ctx: Context) -> Message:
    """Ask the broker."""

    async def ask() -> dict[str, float]:
        await asyncio.sleep(0.05)
        return {"price": 101.5}

    price = await ctx.effect("broker", ask, key=f"{message.trace_id}/{ctx.attempt}")
    return message.model_copy(update={"payload": {**message.payload, **price}})


def fragile() -> PenguiFlow:
    """No timeout."""
    return create(Node(quote, name="quote", policy=NodePolicy(concurrency=4)).to())


def hardened() -> PenguiFlow:
    """A second to answer, and one more try."""
    policy = NodePolicy(timeout_s=0.8, max_retries=1, backoff_base=0.1, max_backoff=0.2, concurrency=4)
    return create(Node(quote, name="quote", policy=policy).to())
