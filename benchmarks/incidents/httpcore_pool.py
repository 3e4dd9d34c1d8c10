"""httpcore before 1.0.3: requests that were cancelled keep their place in the queue, until nobody gets a connection.

The pool of a client holds a few connections, and the requests that wait for
one. Callers give up, by a timeout of their own around the call; a request that
was still waiting stays in the queue, is given the next connection, and never
uses it. Whoever calls after the last connection is gone waits in vain.
"""

from __future__ import annotations

import asyncio

import anyio
import httpcore
from _incident import explored

import sim
from sim.kernel import running_world
from sim.net import Network

CONNECTIONS = 2
PATIENCE_S = 0.1
CALLERS = 6


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An HTTP server whose answer takes 10 ms, unless it is late."""
    while await reader.readline():
        while (await reader.readline()) not in (b"\r\n", b""):
            pass
        await sim.latency("service", 0.01)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
    writer.close()


async def main() -> None:
    """Impatient callers, then one who has all the time of the world."""
    with Network(running_world()):
        server = await asyncio.start_server(serve, None, 80)
        async with httpcore.AsyncConnectionPool(max_connections=CONNECTIONS) as pool:

            async def ask() -> None:
                response = await pool.request("GET", "http://service/", extensions={"timeout": {"pool": 60}})
                assert response.content == b"ok"  # noqa: S101 - the property

            async def ask_impatiently() -> None:
                with anyio.move_on_after(PATIENCE_S):
                    await ask()

            await asyncio.gather(*(ask_impatiently() for _ in range(CALLERS)), return_exceptions=True)
            await asyncio.sleep(10)  # the service is well again
            await ask()
        server.close()


if __name__ == "__main__":
    explored(main)
