"""Which answer a script gives to a conversation: a function of the request, so a request that is repeated gets the
same answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.model.llm import Say, Script, When


class NoAnswer(Exception):  # noqa: N818 - reads as what happened
    """The script, or the cassette, has no answer to this request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model.

    Args:
        text: what it says.
        calls: name and arguments of the tools that it calls.

    """

    text: str
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()


def reply_to(script: Script, messages: Sequence[Mapping[str, Any]]) -> Reply:
    """What the script answers.

    Raises:
        NoAnswer: no rule matches, or there are no more turns.

    """
    turn = 1 + sum(message.get("role") == "assistant" for message in messages)
    if script.turns:
        if turn > len(script.turns):
            raise NoAnswer(f"the script has {len(script.turns)} turns, and this is turn {turn}; add one")
        return _filled(script.turns[turn - 1], {})
    for rule in script.rules:
        groups = _groups(rule.when, messages, turn)
        if groups is not None:
            return _filled(rule, groups)
    last = text_of(messages[-1])[:80]
    raise NoAnswer(f"no rule of the script matches turn {turn}, whose last message is {last!r}; add one without when")


def text_of(message: Mapping[str, Any] | None) -> str:
    """The text of a message, whose content may come in parts."""
    content = None if message is None else message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return "" if content is None else str(content)


def _groups(when: When, messages: Sequence[Mapping[str, Any]], turn: int) -> dict[str, str] | None:
    """The named groups of what matches; nothing where it does not."""
    last = messages[-1]
    result = last if last.get("role") == "tool" else None
    if when.turn not in (None, turn):
        return None
    if when.after is not None and (result is None or _tool_of(result, messages) != when.after):
        return None
    groups: dict[str, str] = {}
    searched = (
        (when.system, _last_of(messages, "system", "developer")),
        (when.user, _last_of(messages, "user")),
        (when.result, result),
    )
    for pattern, message in searched:
        if pattern is None:
            continue
        found = re.search(pattern, text_of(message)) if message is not None else None
        if found is None:
            return None
        groups |= {name: text or "" for name, text in found.groupdict().items()}
    return groups


def _last_of(messages: Sequence[Mapping[str, Any]], *roles: str) -> Mapping[str, Any] | None:
    return next((message for message in reversed(messages) if message.get("role") in roles), None)


def _tool_of(result: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The tool whose result this is."""
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    return next((call["function"]["name"] for call in calls if call.get("id") == result.get("tool_call_id")), None)


def _filled(answer: Say, groups: Mapping[str, str]) -> Reply:
    calls = tuple((call.tool, _substituted(call.arguments, groups)) for call in answer.call)
    return Reply(_substituted(answer.say, groups), calls)


def _substituted(value: Any, groups: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return Template(value).safe_substitute(groups)
    if isinstance(value, dict):
        return {key: _substituted(one, groups) for key, one in value.items()}
    if isinstance(value, list):
        return [_substituted(one, groups) for one in value]
    return value
