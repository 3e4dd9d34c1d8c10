"""Canaries: high-entropy marks that can be planted in data and found again wherever it goes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pydantic import BaseModel

MARKER = "{canary}"
FIELD = "canary"
_DEPTH_MAX = 12


@dataclass(frozen=True)
class Canary:
    """One mark.

    Args:
        fault: the probe that planted it.
        place: where it was planted.
        owner: the tenant it belongs to.
        text: the mark itself: letters and digits, so that no escaping changes it.

    """

    fault: str
    place: str
    owner: str
    text: str

    def forms(self) -> tuple[str, ...]:
        """The texts under which the mark may turn up: plain, upper-case, hex, hashed, and base64 at each alignment."""
        raw = self.text.encode()
        shifted = [base64.b64encode(b"-" * shift + raw).decode() for shift in range(3)]
        hashes = [hashlib.new(name, raw, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")]
        # The first and last characters of base64 depend on the neighbours, so they are cut off.
        return (self.text, self.text.upper(), raw.hex(), *hashes, *(text[4:-4] for text in shifted))


def plant(value: Any, mark: str) -> tuple[Any, bool]:
    """`value` with the mark in it, and whether there was a place for it.

    A text that holds `{canary}` gets the mark there. Without such a text, a
    mapping gets the field `canary` and a text gets the mark at its end.
    """
    replaced, found = _replace(value, mark)
    if found:
        return replaced, True
    if isinstance(value, dict):
        return {**value, FIELD: mark}, True
    if isinstance(value, str):
        return f"{value} {mark}", True
    return value, False


def _replace(value: Any, mark: str) -> tuple[Any, bool]:
    if isinstance(value, str):
        return value.replace(MARKER, mark), MARKER in value
    if isinstance(value, dict):
        pairs = {key: _replace(item, mark) for key, item in value.items()}
        return {key: item for key, (item, _) in pairs.items()}, any(found for _, found in pairs.values())
    if isinstance(value, list):
        items = [_replace(item, mark) for item in value]
        return [item for item, _ in items], any(found for _, found in items)
    return value, False


def without_marker(value: Any) -> Any:
    """`value` with nothing where a mark could stand."""
    return _replace(value, "")[0]


def texts_in(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text in a value, with the path to it, such as `payload.answer`."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, (bytes, bytearray)):
        yield path, value.decode("utf-8", "replace")
    elif depth < _DEPTH_MAX:
        for name, item in _parts(value):
            inner = f"{path}.{name}" if path else name
            yield from texts_in(item, inner, depth + 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        yield from ((name, getattr(value, name)) for name in type(value).model_fields)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from ((field.name, getattr(value, field.name)) for field in fields(value))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key), item
            if isinstance(key, str):
                yield "(key)", key
    elif isinstance(value, (Sequence, AbstractSet)):
        members = value if isinstance(value, Sequence) else sorted(value, key=repr)
        yield from ((str(index), item) for index, item in enumerate(members))
    elif isinstance(value, BaseException):
        yield "exception", str(value)
    else:
        yield from sorted(getattr(value, "__dict__", {}).items())
