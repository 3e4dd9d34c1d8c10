"""Planting canaries and finding them again."""

from __future__ import annotations

import base64

import pytest
from pydantic import BaseModel

from penguiflow import Headers, Message
from sim.watch.canaries import Canary, plant, texts_in, without_marker

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


def test_planting_does_not_change_the_original():
    """The caller's payload is its own."""
    original = {"name": "Ada {canary}"}
    plant(original, MARK)
    assert original == {"name": "Ada {canary}"}


def test_payloads_of_other_tenants_lose_the_marker():
    """Nobody sees the text `{canary}` itself."""
    assert without_marker({"name": "Ada {canary}"}) == {"name": "Ada "}


class Inner(BaseModel):
    note: str


def test_texts_are_found_in_every_kind_of_value_with_their_path():
    """Models, mappings, keys, lists, bytes and exceptions are all looked into."""
    message = Message(
        payload={"a": ["x", Inner(note="y")], "k": b"z", "e": ValueError("w")}, headers=Headers(tenant="t")
    )
    found = dict(texts_in(message))
    assert found["payload.a.0"] == "x"
    assert found["payload.a.1.note"] == "y"
    assert found["payload.k"] == "z"
    assert found["payload.e.exception"] == "w"
    assert found["headers.tenant"] == "t"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "customer: "])
def test_a_mark_is_found_in_plain_upper_hex_and_base64_at_any_offset(before):
    """However a text is wrapped before it is encoded, one of the forms stands in the result."""
    canary = Canary("peek", "payload", "acme", MARK)
    text = f"{before}{MARK} and more"
    for encoded in (text, text.upper(), text.encode().hex(), base64.b64encode(text.encode()).decode()):
        assert any(form in encoded for form in canary.forms())
