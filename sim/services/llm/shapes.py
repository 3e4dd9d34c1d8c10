"""Answers in the shapes of the OpenAI API: a chat completion, its chunks, a list of models, an error."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from penguiflow import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.services.llm.conversation import Reply

_WORD = re.compile(r"\S+\s*|\s+")


def completion(request: Mapping[str, Any], reply: Reply, created_s: int) -> dict[str, Any]:
    """The answer in one piece (platform.openai.com/docs/api-reference/chat/object)."""
    mark = digest([request.get("model"), request["messages"]])[:24]
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": f"call_{mark}{index}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for index, (name, arguments) in enumerate(reply.calls)
        ]
    asked, told = _tokens(json.dumps(request["messages"])), _tokens(json.dumps(message))
    return {
        "id": f"chatcmpl-{mark}",
        "object": "chat.completion",
        "created": created_s,
        "model": request["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(message)}],
        "usage": {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told},
    }


def pieces(answer: Mapping[str, Any], *, with_usage: bool) -> Iterator[dict[str, Any]]:
    """The same answer as a stream of chunks (platform.openai.com/docs/api-reference/chat-streaming)."""
    choice = answer["choices"][0]
    message = choice["message"]

    def piece(delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
        return _piece(answer, choices) | ({"usage": None} if with_usage else {})

    yield piece({"role": "assistant", "content": ""})
    for word in _WORD.findall(message.get("content") or ""):
        yield piece({"content": word})
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        head = {"index": index, "id": call["id"], "type": "function"}
        yield piece({"tool_calls": [{**head, "function": {"name": function["name"], "arguments": ""}}]})
        for part in _WORD.findall(function["arguments"]):
            yield piece({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    yield piece({}, choice["finish_reason"])
    if with_usage:
        yield _piece(answer, []) | {"usage": answer["usage"]}


def words_in(answer: Mapping[str, Any]) -> int:
    """How many words an answer has: what its time is made of."""
    message = answer["choices"][0]["message"]
    texts = [message.get("content") or "", *(call["function"]["arguments"] for call in message.get("tool_calls") or ())]
    return sum(len(_WORD.findall(text)) for text in texts)


def model_list(names: tuple[str, ...]) -> dict[str, Any]:
    """Every model by its name."""
    return {"object": "list", "data": [model(name) for name in names]}


def model(name: str) -> dict[str, Any]:
    """One model."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "penguiflow-sim"}


def error(message: str, kind: str = "invalid_request_error", code: str | None = None) -> dict[str, Any]:
    """What went wrong."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _piece(answer: Mapping[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    head = {key: answer[key] for key in ("id", "created", "model")}
    return {**head, "object": "chat.completion.chunk", "choices": choices}


def _reason(message: Mapping[str, Any]) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"


def _tokens(text: str) -> int:
    """As many as words: enough to count with, and the same on every machine."""
    return len(text.split())
