"""A support inbox: answers to frequent questions are cached.

Fragile: the cache is keyed by the question alone. An answer is written for one
customer, with the name and account that the question came with, so the next
tenant with the same question reads another tenant's data.

Hardened: the tenant is part of the key.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Hashable

QUESTIONS = (
    "where is my parcel",
    "how do I return an item",
    "can I change the address",
    "when is my refund due",
    "do you ship to islands",
    "can I pay later",
    "is the blue one back",
    "how do I reset my password",
)
WRITING_S = 0.2


async def read(message: Message, ctx: Context) -> Message:
    """Tidy up what the customer wrote."""
    mail = message.payload
    return message.model_copy(update={"payload": {**mail, "question": mail["question"].strip().lower()}})


def _inbox(cache_key: Callable[[Message], Hashable]) -> PenguiFlow:
    answers: dict[Hashable, str] = {}

    async def answer(message: Message, ctx: Context) -> Message:
        mail, key = message.payload, cache_key(message)
        if key not in answers:
            await asyncio.sleep(WRITING_S)
            answers[key] = f"Dear {mail['customer']}, about your question {mail['question']!r}: it is on its way."
        return message.model_copy(update={"payload": {"answer": answers[key]}})

    policy = NodePolicy(timeout_s=2)
    reading, answering = Node(read, name="read", policy=policy), Node(answer, name="answer", policy=policy)
    return create(reading.to(answering), answering.to())


def fragile() -> PenguiFlow:
    """The cache forgets the tenant."""
    return _inbox(lambda message: message.payload["question"])


def hardened() -> PenguiFlow:
    """The cache is keyed by tenant and question."""
    return _inbox(lambda message: (message.headers.tenant, message.payload["question"]))


def mail(rng: random.Random, tenant: str, index: int) -> dict[str, Any]:
    """One customer's mail; the harness plants its canary where `{canary}` stands."""
    return {"question": rng.choice(QUESTIONS), "customer": f"customer {index} of {tenant} {{canary}}"}
