"""One end of a connection in memory: an asyncio transport over two pipes, with a protocol on top."""

from __future__ import annotations

import asyncio
import errno
from asyncio import protocols, transports
from asyncio.trsock import TransportSocket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from sim.net.listeners import Endpoint
    from sim.net.pipes import Pipe


_feed_buffered: Callable[..., None] = getattr(protocols, "_feed_data_to_buffered_proto")  # noqa: B009 - asyncio's own


class MemoryTransport(transports._FlowControlMixin):  # noqa: SLF001 - asyncio's own transports share its water marks
    """The transport of one end.

    Args:
        loop: the run's loop.
        endpoint: the names of both ends.
        index: the how-many-th transport of its network it is; it hashes by that, not by its place in memory.
        pipes: where its data comes from, and where it writes to.
        context: what its protocol is called in, as those of sockets are in the context that made them.
        at_end: called when the connection is lost, after the protocol has been told.

    Attributes:
        context: the same.
        lost: whether the connection has ended, for this end.

    """

    _loop: asyncio.AbstractEventLoop
    _maybe_pause_protocol: Callable[[], None]
    _maybe_resume_protocol: Callable[[], None]

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        endpoint: Endpoint,
        *,
        index: int,
        pipes: tuple[Pipe, Pipe],
        context: Context,
        at_end: Callable[[], None],
    ) -> None:
        self._names = {"sockname": endpoint.getsockname(), "peername": endpoint.getpeername()}
        stand_in: Any = endpoint
        super().__init__({"socket": TransportSocket(stand_in), **self._names}, loop)
        self._incoming, self._outgoing = pipes
        self.context = context
        self._index, self._at_end = index, at_end
        self._protocol: Any = asyncio.Protocol()  # until there is one
        self._eof = self._closing = self.lost = False

    def __repr__(self) -> str:
        (host, port), (peer, peer_port) = self._names.values()
        state = "lost" if self.lost else "closing" if self._closing else "open"
        return f"<{type(self).__name__} {host}:{port} to {peer}:{peer_port}, {state}>"

    def __hash__(self) -> int:
        return self._index

    # For the program

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand what happens from now on to `protocol`."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is told what happens."""
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_closing(self) -> bool:
        """Whether the transport is closed, or on its way."""
        return self._closing

    def is_reading(self) -> bool:
        """Whether data is handed on as it arrives."""
        return not (self._closing or self._incoming.paused)

    def pause_reading(self) -> None:
        """Let data wait, first here and then at the other end."""
        if not self._closing:
            self._incoming.paused = True

    def resume_reading(self) -> None:
        """Take what waits."""
        self._incoming.paused = False
        self._incoming.wake()

    def get_write_buffer_size(self) -> int:
        """Bytes that have not been sent yet."""
        return len(self._outgoing.unsent)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`; like a socket, a connection that is lost swallows it.

        Raises:
            RuntimeError: after `write_eof`.
            TypeError: when `data` is not bytes.

        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if data and not self._closing:
            self._outgoing.send(data)
            self._maybe_pause_protocol()

    def can_write_eof(self) -> bool:
        """Yes: each direction ends on its own."""
        return True

    def write_eof(self) -> None:
        """Write no more; data of the other end still arrives."""
        if not (self._eof or self._closing):
            self._eof = True
            self._outgoing.end()

    def close(self) -> None:
        """Send what is in the buffer, then end."""
        if not self._closing:
            self._closing = True
            self._release()
            self._outgoing.end()
            self._lose_if_flushed()

    def abort(self) -> None:
        """End without what is in the buffer; what is under way arrives, and then the end."""
        self._force_close(None)

    # For the connection and its pipes

    def begin(self, protocol_factory: Callable[[], Any]) -> None:
        """Make the protocol, and tell it that it is connected."""
        try:
            self._protocol = protocol_factory()
        except BaseException:
            self.abort()
            raise
        self._tell(self._protocol.connection_made, self)

    def drained(self) -> None:
        """Some of the buffer is on its way."""
        if not self.lost:
            self.context.run(self._maybe_resume_protocol)
        self._lose_if_flushed()

    def received(self, data: bytes) -> None:
        """Hand `data` on; who writes to an end that has gone is answered with a reset, as by TCP."""
        if self.lost:
            self._outgoing.reset()
        elif self._closing:
            return
        elif isinstance(self._protocol, asyncio.BufferedProtocol):
            self._tell(_feed_buffered, self._protocol, data)
        else:
            self._tell(self._protocol.data_received, data)

    def finished(self) -> None:
        """The other end writes no more; the protocol says whether this one may."""
        if not self._closing and not self._tell(self._protocol.eof_received):
            self.close()

    def broken(self) -> None:
        """The connection is reset."""
        self._force_close(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))

    # Inside

    def _tell(self, event: Callable[..., Any], *args: object) -> Any:
        try:
            return event(*args)
        except Exception as error:  # noqa: BLE001 - a protocol that fails loses its connection, as on a real loop
            message = f"Fatal error: protocol.{event.__name__}() call failed."
            problem = {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
            self._loop.call_exception_handler(problem)
            self._force_close(error)
            return True

    def _force_close(self, error: Exception | None) -> None:
        if self.lost:
            return
        self._closing = True
        self._outgoing.unsent.clear()
        self._release()
        self._outgoing.end()
        self._lose(error)

    def _release(self) -> None:
        """Whoever has closed reads no more: what still comes is thrown away, and not held."""
        self._incoming.paused = False
        self._incoming.wake()

    def _lose_if_flushed(self) -> None:
        if self._closing and not self._outgoing.unsent:
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost = True
            self._loop.call_soon(self._connection_lost, error, context=self.context)

    def _connection_lost(self, error: Exception | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._at_end()
