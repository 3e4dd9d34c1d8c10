"""Orders that go from the shop to the warehouse over an unreliable channel.

Fragile: the warehouse takes each message as it comes; one that arrives twice
is packed twice.

Hardened: each step runs once for its trace (`ctx.once`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create

if TYPE_CHECKING:
    from sim.subject.build import BuildWorld


def fragile(world: BuildWorld) -> PenguiFlow:
    """Packs what comes."""
    return _shop(world, once=False)


def hardened(world: BuildWorld) -> PenguiFlow:
    """Packs once."""
    return _shop(world, once=True)


def _shop(world: BuildWorld, *, once: bool) -> PenguiFlow:
    async def check(message: Message, _ctx: Context) -> Message:
        return message

    async def pack(message: Message, ctx: Context) -> Message:
        async def act() -> Any:
            return await ctx.effect("pack", _packing, key=ctx.idempotency_key("pack"))

        await (ctx.once("pack", act) if once else act())
        return message

    first = Node(check, name="check", policy=NodePolicy(timeout_s=2))
    second = Node(pack, name="pack", policy=NodePolicy(timeout_s=2))
    return create(first.to(second), second.to(), state_store=world.store)


async def _packing() -> str:
    await asyncio.sleep(0.05)
    return "packed"
