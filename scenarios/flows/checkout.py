"""A checkout: compute the price, then commit by charging a card.

Fragile: the commit node is retried when the bank's answer is lost, and charges
again. Its retries also multiply every caller's own.

Hardened: the bank gets an idempotency key, and a retry asks the bank under
that key before it charges. Retries stay few and their backoff is bounded.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create

if TYPE_CHECKING:
    import random

PRICE_S = 0.02
BANK_S = 0.05


class Bank:
    """The outside world: it charges whoever is asked for, and remembers receipts by key."""

    def __init__(self) -> None:
        self._receipts: dict[str, dict[str, Any]] = {}

    async def charge(self, order: dict[str, Any], key: str | None) -> dict[str, Any]:
        """Take the money."""
        await asyncio.sleep(BANK_S)
        receipt = {"order": order["order"], "amount": order["amount"]}
        if key is not None:
            self._receipts[key] = receipt
        return receipt

    async def receipt(self, key: str) -> dict[str, Any] | None:
        """What was charged under `key`, if anything."""
        await asyncio.sleep(BANK_S)
        return self._receipts.get(key)


async def price(message: Message, ctx: Context) -> Message:
    """Compute: no side effects, so it may run as often as it likes."""
    await asyncio.sleep(PRICE_S)
    order = message.payload
    return message.model_copy(update={"payload": {**order, "amount": order["items"] * 9.5}})


def fragile() -> PenguiFlow:
    """Retries around a charge that has no key."""
    bank = Bank()

    async def pay(message: Message, ctx: Context) -> Message:
        order = message.payload
        receipt = await ctx.effect("charge_card", partial(bank.charge, order, None), args=order)
        return message.model_copy(update={"payload": receipt})

    policy = NodePolicy(timeout_s=2, max_retries=3, backoff_base=0.1, backoff_mult=1.0)
    return _checkout(Node(pay, name="pay", policy=policy))


def hardened() -> PenguiFlow:
    """A key for every charge, and a look at the bank's books before a retry."""
    bank = Bank()

    async def pay(message: Message, ctx: Context) -> Message:
        order, key = message.payload, ctx.idempotency_key("charge")
        receipt = await bank.receipt(key) if ctx.attempt > 0 else None
        if receipt is None:
            receipt = await ctx.effect("charge_card", partial(bank.charge, order, key), key=key, args=order)
        return message.model_copy(update={"payload": receipt})

    policy = NodePolicy(timeout_s=2, max_retries=1, backoff_base=0.2, max_backoff=0.5)
    return _checkout(Node(pay, name="pay", policy=policy))


def _checkout(pay: Node) -> PenguiFlow:
    compute = Node(price, name="price", policy=NodePolicy(timeout_s=1))
    return create(compute.to(pay), pay.to())


def order(rng: random.Random, tenant: str, index: int) -> dict[str, Any]:
    """One customer's order."""
    return {"order": f"{tenant}-{index}", "items": rng.randint(1, 5)}
