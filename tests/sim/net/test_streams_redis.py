"""redis-py's asyncio client, unmodified, against a small server in memory."""

import asyncio

import pytest

from sim.kernel import World
from sim.net import Link, Network

redis = pytest.importorskip("redis.asyncio", reason="the extra `fleet` brings redis")


async def read_command(reader):
    """One command as its words, in the protocol RESP2; none at the end."""
    head = await reader.readline()
    words = []
    for _ in range(int(head[1:] or b"0")):
        size = int((await reader.readline())[1:])
        words.append((await reader.readexactly(size + 2))[:-2])
    return words


def answer(store, words):
    """What a Redis server says to a command."""
    match [words[0].upper(), *words[1:]]:
        case [b"SET", key, value]:
            store[key] = value
            return b"+OK\r\n"
        case [b"GET", key]:
            value = store.get(key)
            return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
        case [b"INCRBY", key, amount]:
            store[key] = b"%d" % (int(store.get(key, b"0")) + int(amount))
            return b":%s\r\n" % store[key]
        case [b"CLIENT", *_]:
            return b"+OK\r\n"
        case [b"PING"]:
            return b"+PONG\r\n"
        case _:
            return b"-ERR unknown command\r\n"


def run(program, *, link=None, seed=1, **options):
    """What `program(client, network)` returns, next to a server that lives for the run."""
    world, store = World(seed), {}

    async def serve(reader, writer):
        while words := await read_command(reader):
            writer.write(answer(store, words))
            await writer.drain()
        writer.close()

    async def main():
        with Network(world, links={"cache": link or Link()}) as network:
            await asyncio.start_server(serve, None, 6379)
            async with redis.Redis(host="cache", protocol=2, **options) as client:
                return await program(client, network)

    return world.run(main())


def test_commands_and_pipelines_run():
    """Single commands and a pipeline give what a server on a socket gives."""

    async def program(client, _network):
        await client.set("name", "Ada")
        async with client.pipeline(transaction=False) as pipe:
            answers = await pipe.incr("count").incr("count").get("name").execute()
        return answers, await client.get("nobody"), await client.ping()

    assert run(program, link=Link(latency_s=0.01)) == ([1, 2, b"Ada"], None, True)


def test_a_partition_shows_as_the_client_s_own_timeout():
    """During a partition a command times out after the client's patience, and the client works again after it."""

    async def program(client, network):
        await client.set("name", "Ada")
        network.partition("cache")
        started_s = asyncio.get_running_loop().time()
        with pytest.raises(redis.TimeoutError):
            await client.get("name")
        waited_s = asyncio.get_running_loop().time() - started_s
        network.heal("cache")
        return waited_s, await client.get("name")

    assert run(program, socket_timeout=3, retry=None) == (3.0, b"Ada")


def test_a_reset_is_retried_by_the_client():
    """After its connection is broken the client connects anew by itself."""

    async def program(client, network):
        await client.set("name", "Ada")
        network.reset("cache")
        return await client.get("name")

    assert run(program) == b"Ada"


def test_concurrent_callers_are_the_same_in_every_run():
    """Fifty callers over a jittery link finish at the same times for the same seed."""

    async def program(client, _network):
        loop, done = asyncio.get_running_loop(), []

        async def count(number):
            await client.incr("count")
            done.append((number, loop.time()))

        await asyncio.gather(*map(count, range(50)))
        return done, await client.get("count")

    jittery = Link(latency_s=0.01, jitter_s=0.2)
    first = run(program, link=jittery)
    assert first == run(program, link=jittery)
    assert first != run(program, link=jittery, seed=2)
    assert first[1] == b"50"
