"""Copies that keep one branch or one attempt from seeing what another did to a message."""

from __future__ import annotations

import copy
from typing import Any

from penguiflow.types import Message

_IMMUTABLE = (str, int, float, bool, bytes, complex, type(None))


def isolate(message: Any) -> Any:
    """A copy of `message` that shares nothing mutable with it, as far as its parts can be copied.

    Of a list or dict that holds something that cannot be copied (a lock, a socket), only that is shared.
    """
    if not isinstance(message, Message):
        return _copied(message)
    parts = {"payload": message.payload, "headers": message.headers, "meta": message.meta}
    return message.model_copy(update={name: _copied(part) for name, part in parts.items()})


def _copied(value: Any) -> Any:
    if isinstance(value, _IMMUTABLE):
        return value
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    if type(value) is list:
        return [_copied(item) for item in value]
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - what cannot be copied is shared, as it has to be
        return value
