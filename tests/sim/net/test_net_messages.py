"""Messages over a link, and MCP on top of them."""

import anyio
import pytest

from sim.kernel import World
from sim.net import Link
from sim.net.messages import linked_streams


def received(link, seed=1):
    """What of ten messages arrives, and when."""
    world = World(seed)

    async def program():
        arrived = []
        async with linked_streams(world, "cards", link) as ((_, write), (read, _)), anyio.create_task_group() as group:

            async def send():
                for number in range(10):
                    await write.send(number)

            group.start_soon(send)
            with anyio.move_on_after(60):
                while True:
                    arrived.append((await read.receive(), world.now_s))
        return arrived

    return world.run(program())


def test_messages_keep_their_order_and_take_their_time():
    """Messages arrive in order, each after the latency of its leg."""
    assert received(Link(latency_s=0.5)) == [(number, 0.5 * (number + 1)) for number in range(10)]


def test_a_link_loses_the_same_messages_for_the_same_seed():
    """Lost messages follow from the seed."""
    lossy = Link(request_loss=0.5)
    assert 0 < len(received(lossy)) < 10
    assert received(lossy) == received(lossy)
    assert received(lossy) != received(lossy, seed=2)


def test_an_mcp_session_runs_over_a_link():
    """The official client and server complete a handshake and a call, at the link's pace."""
    pytest.importorskip("mcp", reason="the extra `tools` brings mcp")
    from mcp import ClientSession  # noqa: PLC0415 - only where mcp is
    from mcp.server import Server  # noqa: PLC0415 - only where mcp is

    world = World(1)

    async def program():
        server = Server("cards")
        async with (
            linked_streams(world, "cards", Link(latency_s=0.25)) as (client_end, server_end),
            anyio.create_task_group() as group,
        ):
            group.start_soon(server.run, *server_end, server.create_initialization_options())
            async with ClientSession(*client_end) as session:
                answer = await session.initialize()
                await session.send_ping()
            group.cancel_scope.cancel()
        return answer.server_info.name, world.now_s

    name, ended_s = world.run(program())
    assert name == "cards"
    assert ended_s >= 1.0
