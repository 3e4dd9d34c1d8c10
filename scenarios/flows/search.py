"""An agent's search tool behind a quota, whose answers are not always whole.

Fragile: a refusal is answered by asking again at once, and whatever comes back
is believed.

Hardened: it waits as long as the refusal says, a little more for each who
waits already, and an answer without its fields counts as no answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create

TRIES = 5


def fragile() -> PenguiFlow:
    """Impatient and trusting."""
    return _agent(patient=False)


def hardened() -> PenguiFlow:
    """Patient and careful."""
    return _agent(patient=True)


def _agent(*, patient: bool) -> PenguiFlow:
    waiting = 0

    async def search(message: Message, ctx: Context) -> Message:
        nonlocal waiting
        for tries in range(TRIES):
            try:
                found = await ctx.effect("search", _find, key=f"{message.trace_id}/{tries}", args=message.payload)
            except RuntimeError as refusal:
                waiting += 1
                pause_s = (getattr(refusal, "retry_after_s", None) or 0.5) * waiting if patient else 0.0
                await asyncio.sleep(pause_s)
                waiting -= 1
                continue
            if patient and not found.get("hits"):
                continue
            return message.model_copy(update={"payload": {"best": found["hits"][0]}})
        raise ConnectionError("the search tool has not answered")

    return create(Node(search, name="search", policy=NodePolicy(timeout_s=20, concurrency=16)).to())


async def _find() -> dict[str, Any]:
    await asyncio.sleep(0.05)
    return {"hits": ["a page", "another"]}
