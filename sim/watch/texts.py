"""Every text in a value of any kind: all of them at once, or one by one with the path to each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from pydantic import BaseModel

from penguiflow import Headers, Message

DEPTH_MAX = 12
"""What is nested deeper than this is not looked at."""

_WITHOUT_TEXT = (int, float, bool, type(None), complex)
_ENCODED = (bytes, bytearray, memoryview)
_ENVELOPES = (Message, Headers)
_FIELD = re.compile(r"[A-Za-z_][A-Za-z_-]{0,39}")
"""Keys like this are names that somebody gave to a field; with digits in it, one may be somebody's data."""
_CODE = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType)
BETWEEN = "\0"
"""Stands between two texts that have nothing to do with each other: no form of a mark holds it."""


def all_text(value: Any) -> str:
    """All texts in `value` as one, in no telling order."""
    if type(value) is str:
        return value
    found: list[str] = []
    _gather(value, found, 0)
    return BETWEEN.join(found)


def _gather(value: Any, found: list[str], depth: int) -> None:
    """The same walk as `texts_in`, without the paths: it is taken for everything that ever reaches a sink."""
    kind = type(value)
    if kind is str:
        found.append(value)
    elif kind in _WITHOUT_TEXT:
        return
    elif kind is dict and depth < DEPTH_MAX:
        _gather_all(value, found, depth)
        _gather_all(value.values(), found, depth)
    elif (kind is list or kind is tuple) and depth < DEPTH_MAX:
        _gather_all(value, found, depth)
    elif kind in _ENVELOPES and depth < DEPTH_MAX:
        _gather_all((item for _, item in _of_model(value)), found, depth)
    else:
        found.extend(text for _, text in _walk(value, "", depth, {}))


def _gather_all(values: Iterable[Any], found: list[str], depth: int) -> None:
    for value in values:
        if type(value) is str:
            found.append(value)
        elif type(value) not in _WITHOUT_TEXT:
            _gather(value, found, depth + 1)


def texts_in(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, with the path to it, such as `payload.answer`; what stands in two places counts once."""
    yield from _walk(value, path, 0, {})


def _walk(value: Any, path: str, depth: int, seen: dict[int, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, _ENCODED):
        yield path, bytes(value).decode(errors="replace")
    elif depth < DEPTH_MAX and not isinstance(value, _WITHOUT_TEXT) and id(value) not in seen:
        seen[id(value)] = value  # held, so that no other object gets its number meanwhile
        for name, item in _parts(value):
            inner = f"{path}.{name}" if path else name
            yield from _walk(item, inner, depth + 1, seen)


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    """The named parts of a value, in a settled order."""
    for kind, parts in _KINDS.items():
        if isinstance(value, kind):
            return parts(value)
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name, None)) for field in fields(value)]
    return _attributes(value)


def _of_mapping(value: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        yield _step(key), item
        if not isinstance(key, _WITHOUT_TEXT):
            yield "(key)", key


def _step(key: object) -> str:
    """A key as a part of a path, which reports show: the name of a field as it is, of any other key only its type."""
    return key if isinstance(key, str) and _FIELD.fullmatch(key) else f"<{type(key).__name__}>"


def _of_exception(error: BaseException) -> Iterator[tuple[str, Any]]:
    """What whoever catches it can read: its text, its notes, its attributes, and what it came from."""
    yield "exception", str(error)
    yield from _attributes(error)
    yield "args", error.args
    if error.__cause__ is not None:
        yield "cause", error.__cause__
    elif error.__context__ is not None and not error.__suppress_context__:
        yield "context", error.__context__


def _attributes(value: object) -> list[tuple[str, Any]]:
    if isinstance(value, _CODE):
        return []
    slots = [
        name
        for kind in type(value).__mro__
        for name in _names(getattr(kind, "__slots__", ()))
        if not name.startswith("__")
    ]
    named = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    return sorted((named | getattr(value, "__dict__", {})).items())


def _names(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _of_model(value: BaseModel) -> Iterator[tuple[str, Any]]:
    yield from ((name, getattr(value, name)) for name in type(value).model_fields)
    yield from (value.model_extra or {}).items()


def _of_sequence(value: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    yield from ((str(index), item) for index, item in enumerate(value))


def _of_set(value: AbstractSet[Any]) -> Iterator[tuple[str, Any]]:
    yield from _of_sequence(sorted(value, key=repr))


_KINDS: dict[Any, Callable[[Any], Iterable[tuple[str, Any]]]] = {
    Mapping: _of_mapping,
    BaseException: _of_exception,
    BaseModel: _of_model,
    AbstractSet: _of_set,
    Sequence: _of_sequence,
}
