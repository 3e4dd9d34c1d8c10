"""aiohttp: its connections get a transport whose other end is the gate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sim.services.reroute.wire import RequestReader, chunk_of, chunks_of, head_of, is_bodiless

if TYPE_CHECKING:
    from types import ModuleType

    import httpx

    from sim.services.gate import Gate


def changes(library: ModuleType, gate: Gate) -> list[tuple[Any, str, object]]:
    """How connections are opened."""

    async def create_connection(connector: Any, request: Any, _traces: object, _timeout: object) -> Any:
        url = request.url
        gate.check(request.method, url, url.host)
        protocol = connector._factory()  # noqa: SLF001 - what the method that is replaced does
        protocol.connection_made(_Wire(gate, f"{url.scheme}://{url.host}:{url.port}", protocol))
        return protocol

    return [(library.TCPConnector, "_create_connection", create_connection)]


class _Wire(asyncio.Transport):
    """Takes the bytes of one request, and hands the bytes of its answer to the protocol."""

    def __init__(self, gate: Gate, origin: str, protocol: Any) -> None:
        super().__init__()
        self._gate, self._reader, self._protocol = gate, RequestReader(origin), protocol
        self._closing = False
        self._work: asyncio.Task[None] | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take what is written; a complete request is answered."""
        if self._closing or self._work is not None:
            return
        self._reader.feed(bytes(data))
        request = self._reader.request()
        if request is not None:
            self._work = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: httpx.Request) -> None:
        try:
            response = await self._gate.answer(request)
            self._protocol.data_received(head_of(response))
            if not is_bodiless(response):
                async for chunk in chunks_of(response):
                    self._protocol.data_received(chunk_of(chunk))
                self._protocol.data_received(chunk_of(b""))
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection ends with it
            broken = ConnectionResetError(str(error))
            broken.__cause__ = error
            self._lose(broken)
        else:
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self._protocol.connection_lost(error)

    def is_closing(self) -> bool:
        """Whether it has ended."""
        return self._closing

    def close(self) -> None:
        """The client wants no more of it; the service finds out when it answers."""
        if self._work is not None and self._work is not asyncio.current_task():
            self._work.cancel()
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        """Nothing: what arrives is as small as the services make it."""

    def resume_reading(self) -> None:
        """Nothing, as above."""

    def is_reading(self) -> bool:
        """Yes, until the end."""
        return not self._closing

    def get_write_buffer_size(self) -> int:
        """Nothing waits to be written."""
        return 0
