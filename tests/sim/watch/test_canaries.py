"""Planting canaries in values."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from pydantic import BaseModel

from sim.watch.canaries import fill, plant, without_marker

MARK = "cnry0123456789abcdef"


@pytest.mark.parametrize(
    ("value", "planted"),
    [
        ({"name": "Ada {canary}", "n": 1}, {"name": f"Ada {MARK}", "n": 1}),
        ({"name": "Ada"}, {"name": "Ada", "canary": MARK}),
        ({"lines": ["x", "{canary}"]}, {"lines": ["x", MARK]}),
        ("hello", f"hello {MARK}"),
        ("say {canary}!", f"say {MARK}!"),
    ],
)
def test_a_mark_goes_where_it_is_asked_for_or_where_there_is_room(value, planted):
    """The marker is replaced where there is one; else a mapping gets a field and a text an end."""
    assert plant(value, MARK) == (planted, True)


def test_a_value_without_room_is_left_alone_and_says_so():
    """What cannot carry a mark is not changed, so that the missing control can be told."""
    assert plant(42, MARK) == (42, False)


@pytest.mark.parametrize(
    ("value", "filled", "found"),
    [
        ("a {canary} b {canary}", f"a {MARK} b {MARK}", True),
        ("a", "a", False),
        ({"a": "{canary}", "b": "x"}, {"a": MARK, "b": "x"}, True),
        ({"a": "x", "b": {"c": "{canary}"}}, {"a": "x", "b": {"c": MARK}}, True),
        ({"{canary}": "x"}, {"{canary}": "x"}, False),
        (["x", ("{canary}", 1)], ["x", (MARK, 1)], True),
        (["x", 1], ["x", 1], False),
        ((), (), False),
        (7, 7, False),
        (None, None, False),
    ],
)
def test_a_mark_stands_wherever_a_text_asks_for_it(value, filled, found):
    """At any depth of mappings, lists and tuples; keys stay as they are; and whether any text asked for it."""
    assert fill(value, MARK) == (filled, found)


class Pair(NamedTuple):
    first: str


@pytest.mark.parametrize("value", [Pair("{canary}"), {"{canary}"}, b"{canary}"])
def test_kinds_that_cannot_be_made_anew_are_left_alone(value):
    """A named tuple is no plain tuple, and a set or bytes hold no text to fill."""
    filled, found = fill(value, MARK)
    assert filled is value
    assert not found
    assert plant(value, MARK) == (value, False)


def test_planting_does_not_change_the_original():
    """The caller's payload is its own."""
    original = {"name": "Ada {canary}"}
    plant(original, MARK)
    assert original == {"name": "Ada {canary}"}


def test_payloads_of_other_tenants_lose_the_marker():
    """Nobody sees the text `{canary}` itself."""
    assert without_marker({"name": "Ada {canary}"}) == {"name": "Ada "}


class Order(BaseModel):
    note: str
    count: int = 1


def test_a_marker_is_filled_in_models_and_tuples_too():
    """A model keeps its type and its other fields, a tuple its length."""
    assert plant(Order(note="for {canary}"), MARK) == (Order(note=f"for {MARK}"), True)
    assert plant(("{canary}", 1), MARK) == ((MARK, 1), True)


def test_a_model_without_the_marker_is_left_alone():
    """A model has no room for what it does not declare."""
    order = Order(note="for me")
    planted, found = plant(order, MARK)
    assert planted is order
    assert not found
