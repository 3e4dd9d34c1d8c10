"""httpx, its successor httpx2, and whatever is built on them, such as openai and mcp."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from sim.services.reroute.wire import chunks_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import ModuleType

    from sim.services.gate import Gate


def changes(library: ModuleType, gate: Gate) -> list[tuple[Any, str, object]]:
    """The transports of `library`, which speak the same words in both."""

    async def handle_async_request(_transport: object, request: Any) -> Any:
        ours = _our_request(request, await request.aread())
        with _in_words_of(library, request):
            response = await gate.answer(ours)
        return library.Response(
            response.status_code,
            headers=response.headers.raw,
            stream=_body(library, response, request),
            request=request,
        )

    def handle_request(_transport: object, request: Any) -> Any:
        with _in_words_of(library, request):
            response = gate.answer_blocking(_our_request(request, request.read()))
        return library.Response(
            response.status_code,
            headers=response.headers.raw,
            stream=library.ByteStream(response.content),
            request=request,
        )

    return [
        (library.AsyncHTTPTransport, "handle_async_request", handle_async_request),
        (library.HTTPTransport, "handle_request", handle_request),
    ]


def _our_request(request: Any, content: bytes) -> httpx.Request:
    timeout = {"timeout": request.extensions.get("timeout", {})}
    return httpx.Request(
        request.method, str(request.url), headers=request.headers.raw, content=content, extensions=timeout
    )


@contextmanager
def _in_words_of(library: ModuleType, request: Any) -> Iterator[None]:
    """Errors as the library's own."""
    try:
        yield
    except httpx.RequestError as error:
        kind = getattr(library, type(error).__name__)
        raise kind(str(error), request=request) from error


def _body(library: ModuleType, response: httpx.Response, request: Any) -> Any:
    class Body(library.AsyncByteStream):  # type: ignore[misc, name-defined]
        """The chunks of an answer, as they arrive."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            with _in_words_of(library, request):
                async for chunk in chunks_of(response):
                    yield chunk

        async def aclose(self) -> None:
            await response.aclose()

    return Body()
