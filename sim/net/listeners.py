"""The sockets that asyncio asks for names, without an operating system, and who listens where."""

from __future__ import annotations

import errno
import os
import socket
from contextvars import copy_context
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextvars import Context

    Address = tuple[str, int]

LOCAL_ADDRESS = "127.0.0.1"
FIRST_FREE_PORT = 49152
"""What port 0 becomes at first; then the next one that is free (RFC 6335: the dynamic ports)."""
_EVERY_NAME = ("", "*", "0.0.0.0", "::", "::1", "localhost", LOCAL_ADDRESS)  # noqa: S104 - nothing is bound


class Endpoint:
    """What programs ask the socket of a connection or of a server: its names.

    Args:
        sockname: host and port of this end.
        peername: host and port of the other end; `None` for a server's.

    """

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def __init__(self, sockname: Address, peername: Address | None = None) -> None:
        self._sockname, self._peername = sockname, peername

    def getsockname(self) -> Address:
        """Host and port of this end."""
        return self._sockname

    def getpeername(self) -> Address:
        """Host and port of the other end.

        Raises:
            OSError: for the socket of a server.

        """
        if self._peername is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._peername

    def fileno(self) -> int:
        """-1, as of a closed socket: the operating system knows of none."""
        return -1

    def setsockopt(self, *_option: object) -> None:
        """Nothing: options such as TCP_NODELAY are about what happens below a stream of bytes."""


class Listener(Endpoint):
    """What `asyncio.Server` takes for one of its sockets.

    Args:
        sockname: host and port.
        at_stop: called when the server closes.

    Attributes:
        server: who takes the connections; `None` before it serves.
        protocol_factory: makes a protocol for each of them.
        context: what the protocols are called in: that of whoever let the server serve.

    """

    server: Any = None
    protocol_factory: Callable[[], Any]
    context: Context

    def __init__(self, sockname: Address, at_stop: Callable[[], object]) -> None:
        super().__init__(sockname)
        self._at_stop = at_stop

    def listen(self, _backlog: int) -> None:
        """Nothing: nobody waits in memory to be accepted."""

    def start(self, protocol_factory: Callable[[], Any], server: Any) -> None:
        """Take connections for `server` from now on."""
        self.protocol_factory, self.server, self.context = protocol_factory, server, copy_context()

    def stop(self) -> None:
        """Give the address back."""
        self._at_stop()


class Listeners:
    """The listeners of one network, by their addresses."""

    def __init__(self) -> None:
        self._by_address: dict[Address, Listener] = {}

    def bind(self, hosts: Iterable[str], port: int) -> list[Listener]:
        """A listener for each of `hosts`, at this port; at a free port each where it is 0.

        Raises:
            OSError: when an address is taken.

        """
        bound: list[Listener] = []
        for host in dict.fromkeys(map(_canonical, hosts)):
            try:
                bound.append(self._bind((host, port or self._free_port())))
            except OSError:
                for listener in bound:
                    listener.stop()
                raise
        return bound

    def find(self, host: str, port: int) -> Listener:
        """Who answers a client that dials this address.

        Raises:
            ConnectionRefusedError: when nobody does.

        """
        for name in (_canonical(host), LOCAL_ADDRESS):
            listener = self._by_address.get((name, port))
            if listener is not None and listener.server is not None:
                return listener
        known = ", ".join(f"{name}:{taken}" for name, taken in sorted(self._by_address)) or "no server"
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at {host}:{port}; the run has {known}")

    def _bind(self, address: Address) -> Listener:
        if address in self._by_address:
            problem = f"address {address!r} is in use; close the server there, or listen on port 0"
            raise OSError(errno.EADDRINUSE, problem)
        listener = Listener(address, partial(self._by_address.pop, address, None))
        self._by_address[address] = listener
        return listener

    def _free_port(self) -> int:
        taken = {port for _, port in self._by_address}
        return next(port for port in count(FIRST_FREE_PORT) if port not in taken)


def _canonical(host: str) -> str:
    """One name for all those that mean this machine."""
    return LOCAL_ADDRESS if host in _EVERY_NAME else host
