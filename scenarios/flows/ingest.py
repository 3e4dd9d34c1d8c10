"""Documents come in faster than they can be indexed.

Fragile: the queue before the index has no bound. A slow hour fills it, and
requests end long after anybody wanted them.

Hardened: a short queue. Senders wait, and a request that waits too long ends
at its deadline instead of filling memory.
"""

from __future__ import annotations

import asyncio

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create

INDEXING_S = 0.1
BOUND = 8


def fragile() -> PenguiFlow:
    """No bound."""
    return _ingest(0)


def hardened() -> PenguiFlow:
    """Eight may wait."""
    return _ingest(BOUND)


def _ingest(queue_maxsize: int) -> PenguiFlow:
    async def read(message: Message, _ctx: Context) -> Message:
        return message

    async def index(message: Message, _ctx: Context) -> Message:
        await asyncio.sleep(INDEXING_S)
        return message

    reading = Node(read, name="read", policy=NodePolicy(timeout_s=5))
    indexing = Node(index, name="index", policy=NodePolicy(timeout_s=5))
    return create(reading.to(indexing), indexing.to(), queue_maxsize=queue_maxsize)
