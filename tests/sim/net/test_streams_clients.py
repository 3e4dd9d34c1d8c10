"""Libraries that open connections of their own run unmodified."""

import asyncio

import anyio
import pytest

from sim.kernel import World
from sim.net import Link, Network


async def greet(reader, writer):
    """A web server as small as can be: says good day to each request on a connection."""
    while True:
        try:
            await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ngood day")
        await writer.drain()


def run(program):
    """What `program()` returns next to the web server, which is a quarter of a second away."""
    world = World(1)

    async def main():
        with Network(world, links={"shop": Link(latency_s=0.25)}):
            await asyncio.start_server(greet, None, 80)
            return await program()

    return world.run(main())


def test_anyio_connects_by_name():
    """`anyio.connect_tcp` reaches a server by its name, over the link of that name."""

    async def program():
        async with await anyio.connect_tcp("shop", 80) as stream:
            await stream.send(b"GET / HTTP/1.1\r\n\r\n")
            answer = await stream.receive()
            return answer[-8:], anyio.current_time()

    assert run(program) == (b"good day", 1.0)


def test_httpx_needs_no_transport_of_ours():
    """A plain `httpx.AsyncClient` gets its answers, each on a connection of its own, at the link's pace."""
    httpx = pytest.importorskip("httpx", reason="the extra `http` brings httpx")

    async def program():
        seen = []
        async with httpx.AsyncClient() as client:
            for _ in range(2):
                answer = await client.get("http://shop/")
                seen.append((answer.text, anyio.current_time()))
        return seen

    assert run(program) == [
        ("good day", 1.0),
        ("good day", 2.0),
    ]  # httpcore polls an idle connection's file: there is none
