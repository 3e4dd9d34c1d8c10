"""Races of timeouts and retries, and their twins: the answer comes after somebody has given up on it."""

import asyncio
from contextlib import suppress

from sim import latency


async def duplicate_on_retry():
    """A charge that times out is sent again, and both arrive."""
    charged = []

    async def charge():
        await latency("charge", 0.05)
        charged.append("order-1")

    for _ in range(2):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.shield(asyncio.ensure_future(charge()))
            break
    await asyncio.sleep(10)
    assert len(charged) <= 1


async def duplicate_on_retry_twin():
    """The service knows the key of a charge that it has seen."""
    charged = {}

    async def charge(key):
        await latency("charge", 0.05)
        charged[key] = "order-1"

    for _ in range(2):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.shield(asyncio.ensure_future(charge("key-1")))
            break
    await asyncio.sleep(10)
    assert len(charged) <= 1


async def effect_without_record():
    """A timeout strikes between the effect and the line in the ledger that tells of it."""
    sent, ledger = [], []

    async def send():
        await latency("mail", 0.01)
        sent.append("hello")
        await latency("ledger", 0.01)
        ledger.append("hello")

    with suppress(TimeoutError):
        await asyncio.wait_for(send(), 0.15)
    assert sent == ledger


async def effect_without_record_twin():
    """The intention is written down before the effect, so that a cut leaves a trace."""
    sent, ledger = [], []

    async def send():
        await latency("ledger", 0.01)
        ledger.append("hello")
        await latency("mail", 0.01)
        sent.append("hello")

    with suppress(TimeoutError):
        await asyncio.wait_for(send(), 0.15)
    assert len(sent) <= len(ledger)


async def zombie_write():
    """The caller gives up and says so; the work goes on and writes all the same."""
    told, written = [], []

    async def save():
        await latency("store", 0.02)
        written.append("row")

    work = asyncio.ensure_future(save())
    done, _ = await asyncio.wait([work], timeout=0.1)
    told.append("saved" if done else "not saved")
    await asyncio.wait([work])
    assert told == ["saved"] or not written


async def zombie_write_twin():
    """The work is cancelled, and has ended, before the caller says so."""
    told, written = [], []

    async def save():
        await latency("store", 0.02)
        written.append("row")

    work = asyncio.ensure_future(save())
    done, _ = await asyncio.wait([work], timeout=0.1)
    if not done:
        work.cancel()
        await asyncio.wait([work])
    told.append("saved" if written else "not saved")
    assert told == ["saved"] or not written


async def leaked_slot():
    """A failing call leaves without giving its slot back."""
    slots = asyncio.Semaphore(1)

    async def call():
        await slots.acquire()
        await latency("tool", 0.01, fails=ConnectionError)
        slots.release()

    for _ in range(3):
        with suppress(ConnectionError):
            await call()


async def leaked_slot_twin():
    """The slot is given back however the call ends."""
    slots = asyncio.Semaphore(1)

    async def call():
        async with slots:
            await latency("tool", 0.01, fails=ConnectionError)

    for _ in range(3):
        with suppress(ConnectionError):
            await call()
