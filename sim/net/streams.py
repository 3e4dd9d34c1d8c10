"""asyncio connections in memory: `open_connection` and `start_server`, over links that can fail.

    with Network(world, links={"redis": Link(latency_s=0.01)}) as network:
        server = await asyncio.start_server(handle, "redis", 6379)
        reader, writer = await asyncio.open_connection("redis", 6379)

Transports, flow control and half-closed connections behave as on sockets, and
the server is `asyncio.Server` itself. No name is resolved: a server on a local
address (`localhost`, `0.0.0.0`, no host at all) answers under every name, any
other under its own only.

To a connection a link means this: `latency_s` and `jitter_s` delay each
segment, in order; `request_loss` and `response_loss` are the shares of
connections that open, and then carry nothing in that direction; `reset` and
`reset_after_bytes` break a connection off, for both ends, in the middle of
what the server sends; `chunk_gap_s` lies between two segments from the server.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from sim.kernel.refusals import RealWorldError
from sim.net.connections import Connection
from sim.net.links import Link, leg_delay_s, passage
from sim.net.listeners import LOCAL_ADDRESS, Listeners
from sim.net.pipes import Leg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.kernel.draws import Draws
    from sim.kernel.networked import InMemoryNetwork
    from sim.kernel.world import World
    from sim.net.links import Passage
    from sim.net.transports import MemoryTransport

_PLAIN = Link()
_BACKLOG = 100  # asyncio's own; nobody waits to be accepted here
_IN_THE_CLEAR = "leave it out inside a simulation: connections in memory carry plain bytes between two host names"
_WITHOUT_MEANING = (  # what these ask for is about real sockets, names or handshakes
    "all_errors", "backlog", "family", "flags", "happy_eyeballs_delay", "interleave", "keep_alive", "local_addr",
    "proto", "reuse_address", "reuse_port", "server_hostname", "ssl_handshake_timeout", "ssl_shutdown_timeout",
)  # fmt: skip


class Network:
    """The connections of one world, for the length of a `with` block, which ends those that are left.

    `install` does without a block: until the end of the run.

    `partition`, `heal` and `reset` take a service by the same names as `links`.
    A program that a plan may crash opens a network of its own, inside of itself:
    what a killed process has bound is free again.

    Args:
        world: the run that servers and clients live in; `sim.kernel.running_world()` inside of `sim.run`.
        links: how clients reach a service, by `host` or `host:port` as they dial it; at once where none is given.

    """

    def __init__(self, world: World, *, links: Mapping[str, Link] | None = None) -> None:
        self._world = world
        self._links = dict(links or {})
        self._listeners = Listeners()
        self._connections: dict[Connection, tuple[str, ...]] = {}
        self._dialed: Counter[str] = Counter()
        self._partitioned: set[str] = set()
        self._healed = asyncio.Event()
        self._before: InMemoryNetwork | None = None

    def install(self) -> Self:
        """Answer the connections and servers that the programs of the world ask for."""
        self._before, self._world.loop.network = self._world.loop.network, self
        return self

    def __enter__(self) -> Self:
        return self.install()

    def __exit__(self, *_error: object) -> None:
        self._world.loop.network = self._before
        for connection in list(self._connections):
            connection.abort()

    def partition(self, name: str) -> None:
        """Let nothing through between clients and the service that they dial as `name`, until it is healed."""
        self._partitioned.add(name)

    def heal(self, name: str) -> None:
        """Let through what waits, and what comes."""
        self._partitioned.discard(name)
        self._healed.set()
        self._healed = asyncio.Event()
        for connection in list(self._connections):
            connection.wake()

    def reset(self, name: str) -> None:
        """Break the open connections to `name`, for both ends."""
        for connection in [open_one for open_one, names in self._connections.items() if name in names]:
            connection.reset()

    async def create_connection(
        self, protocol_factory: Callable[[], Any], host: Any, port: Any, **options: Any
    ) -> tuple[MemoryTransport, Any]:
        """Connect to the server at this address, after the way there and back.

        Raises:
            ConnectionRefusedError: when nobody listens there.
            RealWorldError: when TLS or a real socket is asked for.

        """
        _check_options("create_connection", options)
        address = (str(host or LOCAL_ADDRESS), _port_number(port))
        connection = await self._dial(address)
        connection.client.begin(protocol_factory)
        return connection.client, connection.client.get_protocol()

    async def create_server(
        self,
        protocol_factory: Callable[[], Any],
        host: Any,
        port: Any,
        *,
        start_serving: bool = True,
        **options: Any,
    ) -> asyncio.Server:
        """Listen at this address, or at one for each host; port 0 becomes a free one.

        Raises:
            OSError: when an address is taken.
            RealWorldError: when TLS or a real socket is asked for.

        """
        _check_options("create_server", options)
        hosts = [host] if host is None or isinstance(host, str) else list(host)
        sockets: Any = self._listeners.bind([str(name or "") for name in hosts], _port_number(port))
        server = asyncio.Server(self._world.loop, sockets, protocol_factory, None, _BACKLOG, None)
        if start_serving:
            await server.start_serving()
        return server

    async def getaddrinfo(self, host: Any, port: Any, **_hints: object) -> list[tuple[Any, ...]]:
        """The address of a name is the name itself: a client dials what it was told, and its link is found."""
        name = host.decode() if isinstance(host, bytes) else str(host or LOCAL_ADDRESS)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (name, _port_number(port)))]

    async def _dial(self, address: tuple[str, int]) -> Connection:
        host, service = address[0], f"{address[0]}:{address[1]}"
        self._dialed[service] += 1
        index = self._dialed.total()
        link = self._links.get(service, self._links.get(host, _PLAIN))
        place = (service, self._dialed[service])
        call = passage(link, self._world.draws, *place)
        for delay_s in (call.request_delay_s, call.response_delay_s):
            await asyncio.sleep(delay_s)
            await self._passable(host, service)
        listener = self._listeners.find(*address)
        legs = _legs(link, call, self._world.draws, place, lambda: self._is_cut(host, service))
        connection = Connection(self._world.loop, address, listener, index=index, legs=legs, at_end=self._forget)
        self._connections[connection] = (host, service)
        connection.accept()
        return connection

    def _forget(self, connection: Connection) -> None:
        if connection.over:
            self._connections.pop(connection, None)

    async def _passable(self, *names: str) -> None:
        while self._is_cut(*names):
            await self._healed.wait()

    def _is_cut(self, *names: str) -> bool:
        return any(name in self._partitioned for name in names)


def _legs(
    link: Link, call: Passage, draws: Draws, place: tuple[str, int], cut_off: Callable[[], bool]
) -> tuple[Leg, Leg]:
    """What `link` does to what the client sends, and to what the server sends."""

    def delay_s(leg: str) -> Callable[[int], float]:
        return lambda segment: leg_delay_s(link, draws, leg, *place, segment)

    request = Leg(delay_s("request"), cut_off, stalled=call.request_lost)
    response = Leg(
        delay_s("response"),
        cut_off,
        gap_s=call.chunk_gap_s,
        stalled=call.response_lost,
        reset_after_bytes=call.reset_after_bytes,
    )
    return request, response


def _check_options(call: str, options: Mapping[str, object]) -> None:
    for name in ("ssl", "sock"):
        if options.get(name):
            raise RealWorldError(f"loop.{call}({name}=...)", _IN_THE_CLEAR)
    unknown = [name for name in options if name not in (*_WITHOUT_MEANING, "ssl", "sock")]
    if unknown:
        raise TypeError(f"{call}() got an unexpected keyword argument {unknown[0]!r}")


def _port_number(port: object) -> int:
    try:
        return int(str(port or 0))
    except ValueError:
        raise OSError(f"port {port!r} is no number; names of ports are not looked up; write the number") from None
