"""tenacity 8.4.1: calls of one retried function share their state, and a caller is given nothing instead of its answer.

`@tenacity.retry` kept what it was about to do next in one place for all calls
of a function. Where it has to wait for an answer whether a retry makes sense,
and another call begins meanwhile, the first one finds its list emptied, and
returns None: no receipt, no error, no second attempt.
"""

from __future__ import annotations

import asyncio

import tenacity
from _incident import explored
from tenacity.asyncio import retry_if_exception

import sim

ORDERS = ("order 1", "order 2", "order 3")
BETWEEN_S = 0.06


async def makes_sense(error: BaseException) -> bool:
    """Ask the circuit breaker, which all instances share, whether to try again."""
    await sim.latency("breaker", 0.02)
    return isinstance(error, ConnectionError)


async def main() -> None:
    """A customer every 60 ms; a charge takes 50 ms, and may fail once."""

    @tenacity.retry(
        retry=retry_if_exception(makes_sense), wait=tenacity.wait_fixed(0.2), stop=tenacity.stop_after_attempt(3)
    )
    async def charge(order: str) -> str:
        await sim.latency("payments", 0.05, order, fails=ConnectionError)
        return f"receipt of {order}"

    async def buy(order: str, begins_s: float) -> None:
        await asyncio.sleep(begins_s)
        receipt = await charge(order)
        assert receipt == f"receipt of {order}", f"who paid {order} was given {receipt!r}"  # noqa: S101 - the property

    await asyncio.gather(*(buy(order, number * BETWEEN_S) for number, order in enumerate(ORDERS)))


if __name__ == "__main__":
    explored(main)
