"""The classic defect of clients with one connection: a caller that gives up leaves its answer to the next one."""

import asyncio
from collections import deque

import pytest

from sim.kernel import World
from sim.net import Link, Network


async def serve_prices(reader, writer):
    """Answers `name` with `name=price`, one line each, in order; the price of tea has to be looked up."""
    while name := (await reader.readline()).strip():
        if name == b"tea":
            await asyncio.sleep(2)
        writer.write(name + b"=%d\n" % len(name))
        await writer.drain()
    writer.close()


class LockedClient:
    """Lets one caller at a time use the connection: right, until a caller is cancelled between asking and reading."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self._lock = asyncio.Lock()

    async def price(self, name):
        async with self._lock:
            self._writer.write(name.encode() + b"\n")
            return (await self._reader.readline()).decode().strip()

    async def close(self):
        self._writer.close()


class QueueingClient:
    """Pipelines: each answer goes to the oldest question, also where nobody waits for it any more."""

    def __init__(self, reader, writer):
        self._writer = writer
        self._asked = deque()
        self._answers = asyncio.create_task(self._take(reader))

    async def price(self, name):
        answer = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._writer.write(name.encode() + b"\n")
        return await answer

    async def close(self):
        self._writer.close()
        await self._answers

    async def _take(self, reader):
        while line := await reader.readline():
            answer = self._asked.popleft()
            if not answer.done():
                answer.set_result(line.decode().strip())


async def shop(client_class):
    """What two buyers learn, the first of whom waits for a second at most."""
    reader, writer = await asyncio.open_connection("prices", 7)
    client = client_class(reader, writer)
    seen = []
    for name in ("tea", "milk"):
        try:
            async with asyncio.timeout(1 if name == "tea" else None):
                seen.append((name, await client.price(name)))
        except TimeoutError:
            seen.append((name, None))
    await client.close()
    return seen


def run(client_class, latency_s=0.1):
    world = World(1)

    async def main():
        with Network(world, links={"prices": Link(latency_s=latency_s)}):
            async with await asyncio.start_server(serve_prices, None, 7):
                return await shop(client_class)

    return world.run(main())


def test_a_locked_connection_gives_the_next_caller_a_stranger_s_answer():
    """The defect shows: milk is told the price of tea, because the caller before it gave up."""
    assert run(LockedClient) == [("tea", None), ("milk", "tea=3")]


def test_a_queue_of_questions_keeps_answers_apart():
    """The twin is right: whoever gave up has its answer thrown away."""
    assert run(QueueingClient) == [("tea", None), ("milk", "milk=4")]


@pytest.mark.parametrize("client_class", [LockedClient, QueueingClient])
def test_pipelined_questions_are_answered_in_order(client_class):
    """Ten callers at once on one connection get their own answers from either client."""
    world = World(1)
    names = ["a" * length for length in range(1, 11)]

    async def main():
        with Network(world, links={"prices": Link(latency_s=0.1, jitter_s=0.5)}):
            async with await asyncio.start_server(serve_prices, None, 7):
                client = client_class(*await asyncio.open_connection("prices", 7))
                answers = await asyncio.gather(*map(client.price, names))
                await client.close()
                return answers

    assert world.run(main()) == [f"{name}={len(name)}" for name in names]
