"""Idempotency keys at a service's end, as payment services keep them (docs.stripe.com/api/idempotent_requests)."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from sim.services.asgi import body_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sim.net.http import App

    Receive = Callable[[], Awaitable[Any]]
    Send = Callable[[Any], Awaitable[None]]


class Idempotent:
    """An ASGI app that answers a key which it knows with its first answer, and does nothing then.

    A second request waits for the first under its key. The same key with
    another body is refused with status 422. An answer of 500 or above is not
    kept. What is answered from memory says so: `Idempotent-Replayed: true`,
    which is how the harness knows that nothing happened.

    Args:
        app: the app that does the work.

    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._kept: dict[bytes, tuple[bytes, list[Any]]] = {}
        self._under_way: dict[bytes, asyncio.Lock] = {}

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        key = dict(scope.get("headers", ())).get(b"idempotency-key")
        if scope["type"] != "http" or key is None:
            await self._app(scope, receive, send)
            return
        body = await body_in(receive)
        async with self._under_way.setdefault(key, asyncio.Lock()):
            if key not in self._kept:
                await self._first(key, body, scope, send)
                return
            first_body, answer = self._kept[key]
        for message in answer if first_body == body else _REUSED:
            await send(_replayed(message) if first_body == body else message)

    async def _first(self, key: bytes, body: bytes, scope: dict[str, Any], send: Send) -> None:
        answer: list[Any] = []
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return unread.pop() if unread else await asyncio.Future()

        async def send_on(message: Any) -> None:
            answer.append(message)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            if answer and answer[0]["status"] < 500:  # noqa: PLR2004 - where HTTP's server errors begin
                self._kept[key] = (body, answer)


def _replayed(message: Any) -> Any:
    if message["type"] != "http.response.start":
        return message
    return {**message, "headers": [*message.get("headers", ()), (b"idempotent-replayed", b"true")]}


_REUSED = (
    {"type": "http.response.start", "status": 422, "headers": [(b"content-type", b"application/json")]},
    {"type": "http.response.body", "body": json.dumps({"error": "this key came with another body before"}).encode()},
)
