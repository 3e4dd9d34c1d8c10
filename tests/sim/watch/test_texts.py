"""Every text in a value, and the way to it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from penguiflow import FlowError, Headers, Message
from sim.watch.texts import BETWEEN, DEPTH_MAX, all_text, texts_in

SECRET = "here it is"  # noqa: S105 - a text to find
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
    | st.tuples(inner, inner) | st.frozensets(st.text(max_size=4), max_size=3),
    max_leaves=12,
)  # fmt: skip


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    note: str = ""


@dataclass(slots=True)
class Slotted:
    text: str


class Plain:
    def __init__(self, text: str) -> None:
        self.text = text


class OldSlots:
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Called(Plain):
    def __call__(self) -> None:
        """Objects that can be called have attributes all the same."""


def caused() -> Exception:
    error = ValueError("outer")
    error.__cause__ = KeyError(SECRET)
    return error


def noted() -> Exception:
    error = ValueError("outer")
    error.add_note(SECRET)
    return error


HOLDERS: dict[str, Any] = {
    "value": {"value": SECRET},
    "(key)": {SECRET: 1},
    "0": deque([SECRET]),
    "a.0": MappingProxyType({"a": (SECRET,)}),
    "b": OrderedDict(b=SECRET.encode()),
    "note": Open(note=SECRET),
    "extra": Open(extra=SECRET),
    "text": Slotted(SECRET),
    "0.text": [Plain(SECRET)],
    "1.text": [0, OldSlots(SECRET)],
    "2.text": [0, 1, Called(SECRET)],
    "exception": ValueError(SECRET),
    "cause.exception": caused(),
    "__notes__.0": noted(),
    "payload.e.exception": Message(payload={"e": ValueError(SECRET)}, headers=Headers(tenant="t")),
    "meta.k": Message(payload=1, headers=Headers(tenant="t"), meta={"k": SECRET}),
    "original_exc.exception": FlowError(
        trace_id=None, node_name=None, code="X", message="no", original_exc=ValueError(SECRET)
    ),
}


@pytest.mark.parametrize("path", HOLDERS)
def test_a_text_is_found_in_every_kind_of_value_with_its_path(path):
    """Models, mappings, keys, objects, exceptions and what caused them are all looked into."""
    assert path in [where for where, text in texts_in(HOLDERS[path]) if SECRET in text]
    assert SECRET in all_text(HOLDERS[path])


@given(value=VALUES)
def test_both_walks_see_the_same_texts(value):
    """The quick walk, which decides whether there is anything to find, misses nothing that the slow one can name."""
    slow = {text for _, text in texts_in([value])}
    assert slow <= set(all_text([value]).split(BETWEEN)) | {text for text in slow if BETWEEN in text}
    assert all(text in all_text([value]) for text in slow)


def test_a_value_that_holds_itself_is_walked_once():
    """A ring, and a graph of objects that know each other, come to an end."""
    ring: dict[str, Any] = {"text": SECRET}
    ring["self"] = ring["again"] = ring
    assert [path for path, text in texts_in(ring) if text == SECRET] == ["text"]
    many = [Plain(SECRET) for _ in range(30)]
    for one in many:
        one.others = many  # type: ignore[attr-defined]
    assert len([text for _, text in texts_in(many) if text == SECRET]) == 30
    assert SECRET in all_text(many)


def test_code_is_not_data():
    """Functions, classes and modules hold no texts of anybody."""
    assert list(texts_in([pytest, Plain, str.upper, caused])) == []


class Named(Plain):
    __slots__ = ("__private", "first", "missing")

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.first = "slot"


@dataclass
class Pair:
    left: str
    right: Any = None


def in_context(cause: BaseException | None = None) -> Exception:
    error = ValueError("outer")
    error.__context__ = KeyError("inner")
    if cause is not None:
        error.__cause__ = cause
    return error


def silent() -> Exception:
    error = in_context()
    error.__suppress_context__ = True
    return error


TEXTS: list[tuple[Any, list[tuple[str, str]]]] = [
    ("x", [("", "x")]),
    (7, []),
    ([1, 2.5, None, True, 1j], []),
    (b"x\xff", [("", "x\ufffd")]),
    (bytearray(b"x"), [("", "x")]),
    (memoryview(b"x"), [("", "x")]),
    ({"a": "x", "b": {"c": "y"}}, [("a", "x"), ("(key)", "a"), ("b.c", "y"), ("b.(key)", "c"), ("(key)", "b")]),
    ({1: "x", ("k",): 2}, [("<int>", "x"), ("(key).0", "k")]),
    (["x", ("y", ["z"])], [("0", "x"), ("1.0", "y"), ("1.1.0", "z")]),
    ({"b", "a"}, [("0", "a"), ("1", "b")]),
    (Pair("x", ["y"]), [("left", "x"), ("right.0", "y")]),
    (Slotted("x"), [("text", "x")]),
    (Open(note="x", more="y"), [("note", "x"), ("more", "y")]),
    (Named("x"), [("first", "slot"), ("text", "x")]),
    (ValueError("x"), [("exception", "x"), ("args.0", "x")]),
    (in_context(), [("exception", "outer"), ("args.0", "outer"), ("context.exception", "'inner'"),
                    ("context.args.0", "inner")]),
    (in_context(TypeError("why")), [("exception", "outer"), ("args.0", "outer"), ("cause.exception", "why"),
                                    ("cause.args.0", "why")]),
    (silent(), [("exception", "outer"), ("args.0", "outer")]),
    (OldSlots("x"), [("text", "x")]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "texts"), TEXTS)
def test_all_texts_of_a_value_come_in_a_settled_order(value, texts):
    """Names and numbers make the path; keys, and what an exception came from, are told as such; numbers hold none."""
    assert list(texts_in(value)) == texts
    assert sorted(all_text(value).split(BETWEEN)) == sorted(text for _, text in texts or [("", "")])
    assert list(texts_in(value, "here")) == [(f"here.{path}" if path else "here", text) for path, text in texts]


class Fresh(Mapping[str, Any]):
    """A mapping that makes its values when they are asked for."""

    def __len__(self) -> int:
        return 9

    def __iter__(self) -> Iterator[str]:
        return map(str, range(9))

    def __getitem__(self, key: str) -> list[str]:
        return [f"text {key}"]


def test_values_that_live_for_a_moment_are_all_looked_at():
    """A new object may stand where an old one stood; it is another one all the same."""
    assert [text for _, text in texts_in(Fresh()) if text.startswith("text")] == [f"text {key}" for key in range(9)]


def test_a_dataclass_that_lacks_a_field_hurts_nobody():
    """A field that was never set, or was deleted, holds no text."""
    pair = Pair("x", "y")
    del pair.left
    assert list(texts_in(pair)) == [("right", "y")]


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: (inner,), lambda inner: {"a": inner},
                                  lambda inner: Pair("", inner)])  # fmt: skip
def test_what_is_nested_too_deep_is_not_looked_at(wrap):
    """Twelve levels are searched, by both walks alike; deeper ones are not."""
    value: Any = SECRET
    for _ in range(DEPTH_MAX):
        value = wrap(value)
    assert SECRET in all_text(value)
    assert SECRET in [text for _, text in texts_in(value)]
    assert SECRET not in all_text(wrap(value))
    assert SECRET not in [text for _, text in texts_in(wrap(value))]
    assert DEPTH_MAX == 12
