"""redis-py, CVE-2023-28858 and CVE-2023-28859: after a cancelled call, the next caller reads the reply of another.

A cancelled command left its connection open with the reply still to come, and
the pool handed that connection to the next caller. Each caller here asks for
its own profile, under a timeout of its own, and has to get that or nothing.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from typing import Any

import redis.asyncio as redis
from _incident import explored

import sim
from sim.kernel import running_world
from sim.net import Network

PROFILES = {f"profile:{name}": f"secret of {name}" for name in ("ann", "bob", "cid")}
PATIENCE_S = 0.1


async def read_command(reader: asyncio.StreamReader) -> list[bytes]:
    """One command as its words, in the protocol RESP2; none at the end."""
    head = await reader.readline()
    words = []
    for _ in range(int(head[1:] or b"0")):
        size = int((await reader.readline())[1:])
        words.append((await reader.readexactly(size + 2))[:-2])
    return words


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that knows GET; each answer takes 10 ms, unless it is late."""
    with closing(writer):
        while words := await read_command(reader):
            if words[0].upper() == b"GET":
                await sim.latency("redis", 0.01, words[1].decode())
                value = PROFILES[words[1].decode()].encode()
                writer.write(b"$%d\r\n%s\r\n" % (len(value), value))
            else:
                writer.write(b"+OK\r\n")
            await writer.drain()


async def single(client: Any, keys: list[str]) -> list[bytes]:
    """One command a key."""
    return [await client.get(key) for key in keys]


async def pipelined(client: Any, keys: list[str]) -> list[bytes]:
    """All keys in one pipeline."""
    async with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.get(key)
        answers: list[bytes] = await pipe.execute()
        return answers


async def serving(way: Any, **options: Any) -> None:
    """Three callers, one after the other, over one client."""
    with Network(running_world()):
        server = await asyncio.start_server(serve, None, 6379)
        async with redis.Redis(host="cache", **options) as client:
            for key, profile in PROFILES.items():
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        answers = await way(client, [key])
                except TimeoutError:
                    continue  # this caller gives up; the next one asks
                assert answers == [profile.encode()], f"who asked for {key} was given {answers[0]!r}"  # noqa: S101 - the property
        server.close()


async def commands() -> None:
    """CVE-2023-28859: single commands, over a pool."""
    await serving(single)


async def one_connection() -> None:
    """CVE-2023-28859: single commands, over a client that keeps one connection and no pool."""
    await serving(single, single_connection_client=True)


async def pipelines() -> None:
    """CVE-2023-28858: pipelines."""
    await serving(pipelined)


if __name__ == "__main__":
    explored({"commands": commands, "one_connection": one_connection, "pipelines": pipelines}[sys.argv[1]])
