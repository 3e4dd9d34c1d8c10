"""A language model as an ASGI app that OpenAI's client takes for the real one: chat completions and models."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Protocol

from sim.services.asgi import body_in
from sim.services.llm.conversation import NoAnswer
from sim.services.llm.shapes import error, model, model_list, pieces, words_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Send = Callable[[Any], Awaitable[None]]

_COMPLETIONS = "/chat/completions"
_MODELS = "/models"


class Source(Protocol):
    """Where answers come from."""

    models: tuple[str, ...]

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The chat completion."""
        ...


class _Refusal(Exception):  # noqa: N818 - reads as what happened
    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.body = status, error(message, code=code)


class LlmApp:
    """Answers from a script or from a cassette, at `/v1` or without it.

    Args:
        source: where answers come from: `Scripted` or a `Cassette`.
        first_chunk_s: seconds until an answer begins.
        gap_s: seconds between two words of it.

    """

    def __init__(self, source: Source, *, first_chunk_s: float = 0.0, gap_s: float = 0.0) -> None:
        self._source, self._first_chunk_s, self._gap_s = source, first_chunk_s, gap_s

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError("it has no lifespan")
        path = scope["path"].removeprefix("/v1").rstrip("/")
        asked = (scope["method"], path)
        try:
            if asked == ("POST", _COMPLETIONS):
                await self._complete(_request_in(await body_in(receive)), send)
            elif scope["method"] == "GET" and path.startswith(_MODELS):
                await _send_json(send, 200, self._models(path.removeprefix(_MODELS).strip("/")))
            else:
                message = f"there is no {asked[0]} {scope['path']} here; this service has chat completions and models"
                await _send_json(send, 404, error(message))
        except _Refusal as refusal:
            await _send_json(send, refusal.status, refusal.body)

    def _models(self, name: str) -> dict[str, Any]:
        names = self._source.models
        if not name:
            return model_list(names)
        if names and name not in names:
            raise _unknown_model(name)
        return model(name)

    async def _complete(self, request: dict[str, Any], send: Send) -> None:
        answer = self._answer(request)
        await asyncio.sleep(self._first_chunk_s)
        if not request.get("stream"):
            await asyncio.sleep(self._gap_s * words_in(answer))
            await _send_json(send, 200, answer)
            return
        with_usage = bool((request.get("stream_options") or {}).get("include_usage"))
        await _start(send, 200, b"text/event-stream")
        for one in pieces(answer, with_usage=with_usage):
            await send(_body(_event(json.dumps(one)), more=True))
            await asyncio.sleep(self._gap_s)
        await send(_body(_event("[DONE]")))

    def _answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._source.models and request["model"] not in self._source.models:
            raise _unknown_model(request["model"])
        try:
            return self._source.answer(request)
        except NoAnswer as silence:
            raise _Refusal(400, str(silence), "no_answer") from None


def _unknown_model(name: str) -> _Refusal:
    return _Refusal(404, f"The model `{name}` does not exist", "model_not_found")


def _request_in(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except ValueError:
        raise _Refusal(400, "the body is no JSON") from None
    messages = request.get("messages") if isinstance(request, dict) else None
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise _Refusal(400, "'messages' has to be a list of at least one message")
    if not isinstance(request.get("model"), str):
        raise _Refusal(400, "you must provide a model parameter")
    return dict(request)


async def _send_json(send: Send, status: int, value: Any) -> None:
    await _start(send, status, b"application/json")
    await send(_body(json.dumps(value).encode()))


async def _start(send: Send, status: int, kind: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})


def _body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def _event(data: str) -> bytes:
    return f"data: {data}\n\n".encode()
