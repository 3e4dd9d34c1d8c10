"""A short fingerprint of any value: equal values give equal digests, and the value cannot be read back."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable

# What these modules hold is told in full by its text.
_TOLD_BY_TEXT = ("datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid")
_DEPTH_MAX = 64
_TYPES_KNOWN = 256
_ENCODER = json.JSONEncoder(check_circular=False, separators=(",", ":"))


def digest(value: Any) -> str:
    """The fingerprint of `value`: 16 hexadecimal digits, the same in every process.

    Never raises: what cannot be looked into counts by its type alone. No
    address in memory gets in, so that equal values are equal everywhere.
    """
    text = _ENCODER.encode(_plain(value, ()))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _plain(value: Any, inside: tuple[Any, ...]) -> Any:
    """`value` in lists, texts and numbers, each kind under its own name."""
    kind = type(value)
    if kind is str or kind is int or value is None or kind is bool or (kind is float and math.isfinite(value)):
        return value
    if len(inside) > _DEPTH_MAX or _is_one_of(value, inside):
        return ["again", _type(kind)]
    try:
        return _looked_into(value, kind, (*inside, value))
    except Exception:  # noqa: BLE001 - a value with broken parts still has a type
        return ["opaque", _type(kind)]


def _is_one_of(value: Any, others: tuple[Any, ...]) -> bool:
    for other in others:  # noqa: SIM110 - a generator would take most of the time
        if value is other:
            return True
    return False


def _looked_into(value: Any, kind: type, inside: tuple[Any, ...]) -> Any:
    if kind is list or kind is tuple:
        return _items(value, inside)
    if kind is dict or isinstance(value, Mapping):
        return ["map", _pairs(value, kind, inside)]
    if isinstance(value, AbstractSet):
        return ["set", _ordered(_plain(item, inside) for item in value)]
    text = _text(value, kind)
    if text is not None:
        return [_type(kind), text]
    if isinstance(value, Sequence):
        return _items(value, inside)
    return [_type(kind), [[name, _plain(item, inside)] for name, item in _parts(value)]]


def _items(values: Iterable[Any], inside: tuple[Any, ...]) -> list[Any]:
    return [item if type(item) is str else _plain(item, inside) for item in values]


def _pairs(value: Mapping[Any, Any], kind: type, inside: tuple[Any, ...]) -> list[Any]:
    """Keys and items, in the order of their JSON, which for keys that are all texts is that of the keys alone."""
    if kind is dict and set(map(type, value)) == {str}:
        keys = sorted(value, key=encode_basestring_ascii)
        return [[key, item if type(item := value[key]) is str else _plain(item, inside)] for key in keys]
    return _ordered([_plain(key, inside), _plain(item, inside)] for key, item in value.items())


def _text(value: Any, kind: type) -> str | None:
    """The text that tells a value in full, for kinds that have one."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (str, int, float, complex)) or _is_told_by_text(kind):
        return str(value)
    return None


@lru_cache(_TYPES_KNOWN)
def _is_told_by_text(kind: type) -> bool:
    return any(base.__module__.partition(".")[0] in _TOLD_BY_TEXT for base in kind.__mro__)


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    """The named parts of an object, in a settled order."""
    if isinstance(value, BaseException):
        return [("args", value.args)]
    if dataclasses.is_dataclass(value) and not isinstance(value, (type, BaseModel)):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return sorted(getattr(value, "__dict__", {}).items())


def _ordered(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=json.dumps)


def _type(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
