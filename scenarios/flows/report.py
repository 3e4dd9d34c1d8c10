"""A report that is joined from two sources.

Fragile: one source has nothing to say about some customers and returns None,
so the join waits for a part that never comes, and the request has no result.

Hardened: a source that has nothing says so.
"""

from __future__ import annotations

import asyncio

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create, join_k

EMPTY_EVERY = 5


def fragile() -> PenguiFlow:
    """Silence where there is nothing."""
    return _report(speaks=False)


def hardened() -> PenguiFlow:
    """A word where there is nothing."""
    return _report(speaks=True)


def _report(*, speaks: bool) -> PenguiFlow:
    async def ask(message: Message, _ctx: Context) -> Message:
        return message

    async def orders(message: Message, _ctx: Context) -> Message:
        await asyncio.sleep(0.05)
        return message.model_copy(update={"payload": {"orders": 3}})

    async def tickets(message: Message, _ctx: Context) -> Message | None:
        await asyncio.sleep(0.08)
        if message.payload["request"] % EMPTY_EVERY == 0:
            return message.model_copy(update={"payload": {"tickets": 0}}) if speaks else None
        return message.model_copy(update={"payload": {"tickets": 1}})

    policy = NodePolicy(timeout_s=2)
    start, left, right = (Node(step, name=step.__name__, policy=policy) for step in (ask, orders, tickets))
    join = join_k("join", 2)
    return create(start.to(left, right), left.to(join), right.to(join), join.to())
