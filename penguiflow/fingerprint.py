"""A short fingerprint of any value: equal values give equal digests, and the value cannot be read back."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable

# What these modules hold is told in full by its text.
_TOLD_BY_TEXT = ("datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid")
_DEPTH_MAX = 64


def digest(value: Any) -> str:
    """The fingerprint of `value`: 16 hexadecimal digits, the same in every process.

    Never raises: what cannot be looked into counts by its type alone. No
    address in memory gets in, so that equal values are equal everywhere.
    """
    text = json.dumps(_plain(value, ()), separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _plain(value: Any, inside: tuple[Any, ...]) -> Any:
    """`value` in lists, texts and numbers, each kind under its own name."""
    if value is None or type(value) in (bool, str, int) or (type(value) is float and math.isfinite(value)):
        return value
    if len(inside) > _DEPTH_MAX or any(value is outer for outer in inside):
        return ["again", _type(value)]
    try:
        return _looked_into(value, (*inside, value))
    except Exception:  # noqa: BLE001 - a value with broken parts still has a type
        return ["opaque", _type(value)]


def _looked_into(value: Any, inside: tuple[Any, ...]) -> Any:
    if isinstance(value, Mapping):
        return ["map", _ordered([_plain(key, inside), _plain(item, inside)] for key, item in value.items())]
    if isinstance(value, AbstractSet):
        return ["set", _ordered(_plain(item, inside) for item in value)]
    text = _text(value)
    if text is not None:
        return [_type(value), text]
    if isinstance(value, Sequence):
        return [_plain(item, inside) for item in value]
    return [_type(value), [[name, _plain(item, inside)] for name, item in _parts(value)]]


def _text(value: Any) -> str | None:
    """The text that tells a value in full, for kinds that have one."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    modules = (base.__module__.partition(".")[0] for base in type(value).__mro__)
    if isinstance(value, (str, int, float, complex)) or any(module in _TOLD_BY_TEXT for module in modules):
        return str(value)
    return None


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    """The named parts of an object, in a settled order."""
    if isinstance(value, BaseException):
        return [("args", value.args)]
    if dataclasses.is_dataclass(value) and not isinstance(value, (type, BaseModel)):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return sorted(getattr(value, "__dict__", {}).items())


def _ordered(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=json.dumps)


def _type(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
