"""The golden service of the production runbook: one node in front of a language model.

Fragile: the node waits for the model as long as it takes. One slow call holds
up everybody behind it, and their deadlines pass in the queue.

Hardened: the call is bounded by `timeout_s` and not retried. A slow call fails
fast, and the others still get their answer in time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

SECONDS_PER_CONTEXT_TOKEN = 0.000_003
SECONDS_PER_GENERATED_TOKEN = 0.001_5


async def handler(message: Message, ctx: Context) -> Message:
    """Ask the model, which takes its time for every token."""
    tokens = message.payload
    await asyncio.sleep(
        tokens["context_tokens"] * SECONDS_PER_CONTEXT_TOKEN + tokens["generated_tokens"] * SECONDS_PER_GENERATED_TOKEN
    )
    return message.model_copy(update={"payload": {"answer": f"{tokens['generated_tokens']} tokens"}})


def fragile() -> PenguiFlow:
    """No bound on the call."""
    return create(Node(handler, name="handler").to())


def hardened(timeout_s: float = 0.4) -> PenguiFlow:
    """Each call bounded, no retries: a slow model costs its own request and nobody else's."""
    policy = NodePolicy(timeout_s=timeout_s, max_retries=0)
    return create(Node(handler, name="handler", policy=policy).to())


def prompt(rng: random.Random, tenant: str, index: int) -> dict[str, Any]:
    """A request of the size that people send."""
    return {"context_tokens": rng.randint(200, 4000), "generated_tokens": rng.randint(5, 40)}


def recorded_prompt(row: Mapping[str, str], tenant: str, index: int) -> dict[str, Any]:
    """A request of the recorded size."""
    return {"context_tokens": int(row["ContextTokens"]), "generated_tokens": int(row["GeneratedTokens"])}
