"""A help desk that digests what came in, in batches.

Fragile: when a batch is full, its texts go into the log as they are, in the
line of whoever filled it: another tenant's log then holds them.

Hardened: the log says how many there were.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create

if TYPE_CHECKING:
    import random

BATCH = 4
logger = logging.getLogger("helpdesk")
logger.setLevel(logging.INFO)


def fragile() -> PenguiFlow:
    """Raw texts in the log."""
    return _desk(raw=True)


def hardened() -> PenguiFlow:
    """Numbers in the log."""
    return _desk(raw=False)


def _desk(*, raw: bool) -> PenguiFlow:
    waiting: list[str] = []

    async def digest(message: Message, _ctx: Context) -> Message:
        waiting.append(message.payload["text"])
        if len(waiting) == BATCH:
            if raw:
                logger.info("batch is full: %s", waiting)
            else:
                logger.info("batch is full: %d texts", len(waiting))
            waiting.clear()
        return message

    return create(Node(digest, name="digest", policy=NodePolicy(timeout_s=2)).to())


def ticket(_rng: random.Random, tenant: str, index: int) -> dict[str, Any]:
    """What a customer wrote; a probe puts its mark where it says so."""
    return {"text": f"{tenant} asks about order {index}: {{canary}}"}
