"""HTTP/1.1 as bytes (RFC 9112), for clients that write to a socket: one request in, one answer out, then the end."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

_END_OF_HEAD = b"\r\n\r\n"
_OF_ONE_HOP = ("connection", "content-length", "keep-alive", "transfer-encoding")
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class RequestReader:
    """Reads one request from the bytes that a client writes.

    Args:
        origin: scheme, host and port, such as `https://payments:443`.

    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._unread = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what the client has written."""
        self._unread += data

    def request(self, timeout_s: float | None = None) -> httpx.Request | None:
        """The request, once it is complete; nothing before."""
        end = self._unread.find(_END_OF_HEAD)
        if end < 0:
            return None
        first, *lines = bytes(self._unread[:end]).split(b"\r\n")
        method, target, _version = first.decode("latin-1").split(" ", 2)
        headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
        content = _content(headers, bytes(self._unread[end + len(_END_OF_HEAD) :]))
        if content is None:
            return None
        url = target if "://" in target else self._origin + target
        kept = [pair for pair in headers if pair[0].lower().decode("latin-1") not in _OF_ONE_HOP]
        extensions = {"timeout": {"read": timeout_s}}
        return httpx.Request(method, url, headers=kept, content=content, extensions=extensions)


def _content(headers: Iterable[tuple[bytes, bytes]], rest: bytes) -> bytes | None:
    """The body, once all of it has come."""
    by_name = {name.lower(): value for name, value in headers}
    if by_name.get(b"transfer-encoding", b"").lower() == b"chunked":
        return _joined(rest)
    length = int(by_name.get(b"content-length", b"0"))
    return rest[:length] if len(rest) >= length else None


def _joined(rest: bytes) -> bytes | None:
    body = b""
    while True:
        line, found, rest = rest.partition(b"\r\n")
        if not found:
            return None
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            return body
        if len(rest) < size + 2:
            return None
        body, rest = body + rest[:size], rest[size + 2 :]


def head_of(response: httpx.Response) -> bytes:
    """The head of an answer whose body ends with the connection."""
    reason = response.reason_phrase or "Unknown"
    lines = [f"HTTP/1.1 {response.status_code} {reason}".encode("latin-1")]
    lines += [
        name + b": " + value
        for name, value in response.headers.raw
        if name.lower().decode("latin-1") not in _OF_ONE_HOP
    ]
    framing = [] if is_bodiless(response) else [b"transfer-encoding: chunked"]
    return b"\r\n".join([*lines, *framing, b"connection: close", b"", b""])


async def chunks_of(response: httpx.Response) -> AsyncIterator[bytes]:
    """The pieces of a body, as they arrive and as they are."""
    stream: Any = response.stream
    async for piece in stream:
        yield piece


def is_bodiless(response: httpx.Response) -> bool:
    """Whether no body follows the head, not even an empty one."""
    return response.request.method == "HEAD" or response.status_code in _WITHOUT_BODY


def chunk_of(data: bytes) -> bytes:
    """A piece of a body; an empty one is its end."""
    return b"%x\r\n%b\r\n" % (len(data), data)
