"""A worker whose broker delivers each job at least once.

The worker can die between a payment and the word that it is done. The broker
then delivers the job again, to the next worker.

Fragile: the next worker pays again.

Hardened: each payment is written into a ledger that outlives the worker before
it is made, and the bank is asked about one that was begun and not finished.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, StateStore, create

if TYPE_CHECKING:
    from sim.subject.build import BuildWorld

PAYING_S = 0.2
# What the bank knows outlives every worker; each run has a store of its own, before a crash and after it.
_paid: WeakKeyDictionary[StateStore, dict[str, bool]] = WeakKeyDictionary()


def fragile(world: BuildWorld) -> PenguiFlow:
    """Pays whatever comes."""
    return _worker(world, asks=False)


def hardened(world: BuildWorld) -> PenguiFlow:
    """Asks the bank first."""
    return _worker(world, asks=True)


def _worker(world: BuildWorld, *, asks: bool) -> PenguiFlow:
    paid = _paid.setdefault(world.store, {})

    async def pay(message: Message, ctx: Context) -> Message:
        job = message.trace_id

        async def act() -> None:
            paid[job] = True
            await asyncio.sleep(PAYING_S)

        if not (asks and paid.get(job)):
            await ctx.effect("pay", act, key=job, args={"job": job})
        return message

    return create(Node(pay, name="pay", policy=NodePolicy(timeout_s=5)).to(), state_store=world.store)
