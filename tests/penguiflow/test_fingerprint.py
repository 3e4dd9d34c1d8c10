"""Fingerprints of arguments and answers."""

from __future__ import annotations

import datetime as dt
import enum
import subprocess
import sys
import uuid
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from penguiflow import digest

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Point:
    x: int


class Order(BaseModel):
    amount: int


class Plain:
    def __init__(self, amount: int) -> None:
        self.amount = amount


@given(json_like)
def test_every_value_has_a_digest_and_always_the_same(value):
    """A digest is 16 hexadecimal digits, whatever the value is, and equal for the same value."""
    assert digest(value) == digest(value)
    assert len(digest(value)) == 16


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal(5), Decimal(7)),
        (Colour.RED, Colour.BLUE),
        (Point(1), Point(2)),
        (Order(amount=1), Order(amount=2)),
        (Plain(1), Plain(2)),
        (uuid.UUID(int=1), uuid.UUID(int=2)),
        (dt.date(2026, 1, 1), dt.date(2026, 1, 2)),
        (Path("a"), Path("b")),
        ({1: "a"}, {"1": "a"}),
        ({("sku", 1): 2}, {("sku", 1): 3}),
        ({1, 2}, {1, 3}),
        (b"a", b"b"),
        (1, "1"),
        (1, True),
        (None, "null"),
        (ValueError("a"), ValueError("b")),
    ],
)
def test_different_values_have_different_digests(one, other):
    """Two different orders are never taken for one."""
    assert digest(one) != digest(other)


def test_the_order_of_keys_and_members_does_not_matter():
    """Mappings and sets that are equal have one digest."""
    assert digest({"a": 1, "b": {"x", "y"}}) == digest({"b": {"y", "x"}, "a": 1})


def test_values_that_hold_themselves_and_values_that_break_have_digests_too():
    """Nothing that a caller passes makes the digest raise after the effect has happened."""

    class Broken:
        @property
        def __dict__(self) -> Any:
            raise RuntimeError

    ring: list[Any] = [1]
    ring += [ring, ring]
    assert digest(ring) == digest(ring)
    assert digest(Broken()) == digest(Broken())
    assert digest({"bad": "\ud800", object(): 1})


def test_a_digest_is_the_same_in_every_process():
    """No hash seed and no address in memory gets into a digest."""
    program = "from penguiflow import digest; print(digest({'a': {'x', 'y'}, 'o': object(), 'n': [1, 2.5, None]}))"
    outputs = [
        subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
