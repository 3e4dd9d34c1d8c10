"""Recorded answers of a real model: one JSON object a line, `{"request": ..., "response": ...}`.

A request is known again by its model, messages and tools. The same request
gets its recorded answers in their order, and then the last one again.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from penguiflow import digest
from sim.services.llm.conversation import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

_SAME = ("model", "messages", "tools")


class Cassette:
    """Plays recorded answers, for one run.

    Args:
        exchanges: pairs of a request and its chat completion.

    """

    def __init__(self, exchanges: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
        self._answers: dict[str, list[Mapping[str, Any]]] = {}
        for request, response in exchanges:
            self._answers.setdefault(_mark(request), []).append(response)
        self._asked: Counter[str] = Counter()
        self.models = tuple(dict.fromkeys(str(request.get("model")) for request, _ in exchanges))

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The recorded chat completion.

        Raises:
            NoAnswer: no such request was recorded.

        """
        mark = _mark(request)
        answers = self._answers.get(mark)
        if answers is None:
            raise NoAnswer("no such request is on the cassette; record it, or answer from a script")
        number = min(self._asked[mark], len(answers) - 1)
        self._asked[mark] += 1
        return answers[number]


def _mark(request: Mapping[str, Any]) -> str:
    return digest([request.get(key) for key in _SAME])


async def record(path: Path, create: Callable[..., Awaitable[Any]], **request: Any) -> Any:
    """Ask a real model, outside of a run, and keep the exchange on a cassette; keys and headers are not kept.

    Args:
        path: the cassette, to which a line is added.
        create: `client.chat.completions.create` of an `openai.AsyncOpenAI`.
        request: its arguments; plain data.

    Raises:
        ValueError: for a stream: record the answer in one piece, it is replayed in either way.

    """
    if request.get("stream"):
        raise ValueError("stream=True cannot be recorded; one answer is replayed in either way; leave it out")
    response = await create(**request)
    line = json.dumps({"request": request, "response": response.model_dump(mode="json", exclude_none=True)})
    with path.open("a", encoding="utf-8") as cassette:
        cassette.write(f"{line}\n")
    return response
