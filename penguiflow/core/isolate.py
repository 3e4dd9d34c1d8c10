"""Copies that keep one branch or one attempt from seeing what another did to a message."""

from __future__ import annotations

import copy
from typing import Any

from penguiflow.types import Message

_IMMUTABLE = (str, int, float, bool, bytes, complex, type(None))


def isolate(message: Any) -> Any:
    """A copy of `message` that shares nothing mutable with it, as far as its parts can be copied."""
    if isinstance(message, Message):
        return message.model_copy(update={"payload": _copied(message.payload), "meta": _copied(message.meta)})
    return _copied(message)


def _copied(value: Any) -> Any:
    if isinstance(value, _IMMUTABLE):
        return value
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - a payload that cannot be copied (a lock, a socket) is shared, as it has to be
        return value
