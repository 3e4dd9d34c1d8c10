"""A connection in memory: two pipes, with a transport at either end."""

from __future__ import annotations

import sys
from contextvars import copy_context
from typing import TYPE_CHECKING

from sim.net.listeners import LOCAL_ADDRESS, Endpoint
from sim.net.pipes import Pipe
from sim.net.transports import MemoryTransport

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from sim.net.listeners import Listener
    from sim.net.pipes import Leg

_FIRST_CLIENT_PORT = 32768  # where Linux begins
_CLIENT_PORTS = 16384


class Connection:
    """Both directions and both ends of one connection.

    Args:
        loop: the run's loop.
        address: host and port, as the client dials them.
        listener: who answers there.
        index: the how-many-th connection of its network it is.
        legs: what the link does to the client's bytes, and to the server's.
        at_end: called each time that one of the ends is lost.

    Attributes:
        client: the client's end, which has no protocol yet.
        server: the server's, which gets one by `accept`.

    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        address: tuple[str, int],
        listener: Listener,
        *,
        index: int,
        legs: tuple[Leg, Leg],
        at_end: Callable[[Connection], None],
    ) -> None:
        self._loop, self._listener, self._at_end = loop, listener, at_end
        self._request, self._response = Pipe(loop, legs[0]), Pipe(loop, legs[1])
        name = (LOCAL_ADDRESS, _FIRST_CLIENT_PORT + index % _CLIENT_PORTS)
        self.client = MemoryTransport(
            loop,
            Endpoint(name, address),
            index=2 * index,
            pipes=(self._response, self._request),
            context=copy_context(),
            at_end=self._client_lost,
        )
        self.server = MemoryTransport(
            loop,
            Endpoint(listener.getsockname(), name),
            index=2 * index + 1,
            pipes=(self._request, self._response),
            context=listener.context.copy(),
            at_end=self._server_lost,
        )
        self._request.connect(self.client, self.server)
        self._response.connect(self.server, self.client)

    @property
    def over(self) -> bool:
        """Whether both ends are lost."""
        return self.client.lost and self.server.lost

    def accept(self) -> None:
        """Let the server begin, in a callback of its own."""
        self._listener.server._attach(*self._counted())  # noqa: SLF001 - how asyncio's transports tell their server
        self._loop.call_soon(self.server.begin, self._listener.protocol_factory, context=self.server.context)

    def wake(self) -> None:
        """Let both directions go on."""
        self._request.wake()
        self._response.wake()

    def reset(self) -> None:
        """Break both ends."""
        self.client.broken()
        self.server.broken()

    def abort(self) -> None:
        """End both ends."""
        self.client.abort()
        self.server.abort()

    def _client_lost(self) -> None:
        self._at_end(self)

    def _server_lost(self) -> None:
        self._listener.server._detach(*self._counted())  # noqa: SLF001 - as above
        self._at_end(self)

    def _counted(self) -> tuple[MemoryTransport, ...]:
        """What a server counts: since Python 3.13 it knows which of its connections are open."""
        return (self.server,) if sys.version_info >= (3, 13) else ()
