"""Message streams over a link: what an MCP client and its server speak through, in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from sim.net.links import Link, passage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from sim.kernel.world import World

    End = tuple[MemoryObjectReceiveStream[Any], MemoryObjectSendStream[Any]]

_CAPACITY = 1  # messages; the sender waits for the link, as on a pipe


@asynccontextmanager
async def linked_streams(world: World, service: str, link: Link) -> AsyncIterator[tuple[End, End]]:
    """A client's and a server's (read, write) streams, for `mcp.ClientSession` and an MCP server's `run`.

    Each message takes the latency of its leg, in order; `request_loss` and
    `response_loss` lose single messages. The other faults of a link belong
    to HTTP and leave messages alone.

    Args:
        world: the run that both ends live in.
        service: the server's name, the first part of every draw's address.
        link: what lies between them.

    """
    client_write, requests_in = anyio.create_memory_object_stream[Any](_CAPACITY)
    requests_out, server_read = anyio.create_memory_object_stream[Any](_CAPACITY)
    server_write, responses_in = anyio.create_memory_object_stream[Any](_CAPACITY)
    responses_out, client_read = anyio.create_memory_object_stream[Any](_CAPACITY)
    async with anyio.create_task_group() as relays:
        relays.start_soon(_relay, world, link, (service, "request"), requests_in, requests_out)
        relays.start_soon(_relay, world, link, (service, "response"), responses_in, responses_out)
        async with client_write, server_read, server_write, client_read:
            yield (client_read, client_write), (server_read, server_write)
        relays.cancel_scope.cancel()


async def _relay(
    world: World,
    link: Link,
    address: tuple[str, str],
    source: MemoryObjectReceiveStream[Any],
    target: MemoryObjectSendStream[Any],
) -> None:
    number = 0
    async with source, target:
        async for message in source:
            number += 1
            call = passage(link, world.draws, *address, number)
            there = address[1] == "request"
            await asyncio.sleep(call.request_delay_s if there else call.response_delay_s)
            if not (call.request_lost if there else call.response_lost):
                await target.send(message)
