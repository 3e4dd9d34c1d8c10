"""Clients that block on a socket: urllib and everything on http.client; urllib3, and so requests."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import httpx

from sim.services.reroute.wire import RequestReader, chunk_of, head_of, is_bodiless

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from sim.services.gate import Gate


def changes(standard: ModuleType, urllib3: ModuleType | None, gate: Gate) -> list[tuple[Any, str, object]]:
    """How connections are opened."""

    def connect(scheme: str) -> Any:
        def opened(connection: Any) -> None:
            host, port = connection.host.strip("[]"), connection.port
            gate.check("CONNECT", f"{scheme}://{host}:{port}", host)
            connection.sock = _Wire(gate, f"{scheme}://{host}:{port}", connection.timeout)
            connection.is_verified = True  # what urllib3 asks for, before it warns of a connection in the clear

        return opened

    libraries = (standard,) if urllib3 is None else (standard, urllib3)
    return [
        (getattr(library, name), "connect", connect(scheme))
        for library in libraries
        for name, scheme in (("HTTPConnection", "http"), ("HTTPSConnection", "https"))
    ]


class _Wire:
    """What http.client takes for a socket: it gathers a request, and answers it when the answer is read."""

    def __init__(self, gate: Gate, origin: str, timeout: object) -> None:
        self._gate, self._reader = gate, RequestReader(origin)
        self.settimeout(timeout)

    def settimeout(self, timeout: object) -> None:
        """Seconds to wait for an answer; anything but a number means no limit."""
        self._timeout_s = float(timeout) if isinstance(timeout, int | float) else None

    def sendall(self, data: Any) -> None:
        """Take what is written."""
        self._reader.feed(bytes(data))

    def makefile(self, _mode: str, *_buffering: object) -> io.BufferedReader:
        """The answer, which is waited for when it is read first."""
        return io.BufferedReader(_Answer(self._answer))

    def _answer(self) -> bytes:
        """Wait for the answer.

        Raises:
            TimeoutError: it comes too late.
            OSError: the connection breaks off.

        """
        request = self._reader.request(self._timeout_s)
        if request is None:
            raise ConnectionResetError("the request is incomplete")
        try:
            response = self._gate.answer_blocking(request)
        except httpx.TimeoutException as late:
            raise TimeoutError("timed out") from late
        except httpx.ConnectError as error:
            raise ConnectionRefusedError(str(error)) from error
        except httpx.TransportError as error:
            raise ConnectionResetError(str(error)) from error
        body = b"" if is_bodiless(response) else chunk_of(response.content) * bool(response.content) + chunk_of(b"")
        return head_of(response) + body

    def fileno(self) -> int:
        """-1: the operating system knows of no such socket."""
        return -1

    def setsockopt(self, *_option: object) -> None:
        """Nothing: options are about what happens below a stream of bytes."""

    def shutdown(self, _how: int) -> None:
        """Nothing: the answer has been read."""

    def close(self) -> None:
        """Nothing, as above."""


class _Answer(io.RawIOBase):
    """Octets that are there once somebody reads them."""

    def __init__(self, wait: Callable[[], bytes]) -> None:
        super().__init__()
        self._wait = wait
        self._octets: io.BytesIO | None = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as the answer reaches."""
        if self._octets is None:
            self._octets = io.BytesIO(self._wait())
        return self._octets.readinto(buffer)
