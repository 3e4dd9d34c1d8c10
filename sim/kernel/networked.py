"""Connections and servers of a loop: handed over to a network in memory where one is installed, else refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sim.kernel.refusals import RefusesRealWorld, refuse_method

if TYPE_CHECKING:
    from collections.abc import Callable


class InMemoryNetwork(Protocol):
    """What a loop needs of a network, such as `sim.net.Network`."""

    async def create_connection(
        self, protocol_factory: Callable[[], Any], host: Any, port: Any, **options: Any
    ) -> tuple[Any, Any]:
        """A transport and its protocol, connected to a server of the run."""
        ...

    async def create_server(self, protocol_factory: Callable[[], Any], host: Any, port: Any, **options: Any) -> Any:
        """A server that other code of the run can connect to."""
        ...

    async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> list[tuple[Any, ...]]:
        """The addresses of a host."""
        ...


class Listener(Protocol):
    """What `asyncio.Server` takes for a socket that listens."""

    def start(self, protocol_factory: Callable[[], Any], server: Any) -> None:
        """Take connections for `server` from now on."""
        ...

    def stop(self) -> None:
        """Take no more connections."""
        ...


class Networked(RefusesRealWorld):
    """Mixin of an event loop.

    Attributes:
        network: who answers the calls below; they are refused without one.

    """

    network: InMemoryNetwork | None = None

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Connect to a server of the run, as `asyncio.open_connection` asks for it."""
        if self.network is None:
            refuse_method("create_connection")
        return await self.network.create_connection(protocol_factory, host, port, **options)

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Listen for connections from inside the run, as `asyncio.start_server` asks for it."""
        if self.network is None:
            refuse_method("create_server")
        return await self.network.create_server(protocol_factory, host, port, **options)

    async def getaddrinfo(self, host: Any, port: Any = None, **hints: Any) -> Any:
        """The addresses by which to connect to a host."""
        if self.network is None:
            refuse_method("getaddrinfo")
        return await self.network.getaddrinfo(host, port, **hints)

    def _start_serving(
        self, protocol_factory: Any, sock: Listener, _ssl: object, server: Any, *_limits: object, **_options: object
    ) -> None:
        """Called by `asyncio.Server`, for each of its sockets."""
        sock.start(protocol_factory, server)

    def _stop_serving(self, sock: Listener) -> None:
        """The same, at its end."""
        sock.stop()
