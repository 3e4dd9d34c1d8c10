"""The ends of open streams, with which their next chunks are searched."""

from __future__ import annotations

import pytest

from penguiflow import Headers, Message, StreamChunk
from penguiflow.bus import BusEnvelope
from sim.watch.streams import _KEPT, Seams, chunk_in

PLACE = ("bus", "pay", "load-1")


def chunk(text: str, *, done: bool = False, stream_id: str = "s") -> StreamChunk:
    return StreamChunk(stream_id=stream_id, seq=0, text=text, done=done)


def test_a_chunk_is_joined_to_what_came_before():
    """The end of the stream so far, and that with the chunk; a stream that is done starts anew."""
    seams = Seams()
    assert seams.join(PLACE, chunk("one ")) == ("", "one ")
    assert seams.join(PLACE, chunk("two ")) == ("one ", "one two ")
    assert seams.join(PLACE, chunk("three", done=True)) == ("one two ", "one two three")
    assert seams.join(PLACE, chunk("four")) == ("", "four")
    assert seams.join(PLACE, chunk("five")) == ("four", "fourfive")


@pytest.mark.parametrize("place", [("state", "pay", "load-1"), ("bus", "ship", "load-1"), ("bus", "pay", "load-2")])
def test_streams_at_other_places_are_other_streams(place):
    """By sink, node and trace; and by their own name."""
    seams = Seams()
    seams.join(PLACE, chunk("one"))
    assert seams.join(place, chunk("two")) == ("", "two")
    assert seams.join(PLACE, chunk("two", stream_id="t")) == ("", "two")


def test_no_more_is_kept_than_a_form_is_long():
    """Each character of the longest form may be escaped by six."""
    seams = Seams()
    seams.join(PLACE, chunk("x" * 10_000))
    before, _ = seams.join(PLACE, chunk("y"))
    assert len(before) == _KEPT == 128 * 6
    assert seams.join(PLACE, chunk("z"))[0] == "x" * (_KEPT - 1) + "y"


def test_nothing_is_kept_of_a_trace_that_has_ended():
    """All its streams are forgotten, those of other traces are not; a stream that is done leaves nothing either."""
    seams = Seams()
    for trace_id in ("load-1", "load-2", None):
        seams.join(("bus", "pay", trace_id), chunk("one"))
    seams.close("load-1")
    seams.close("load-3")
    assert seams.join(PLACE, chunk("two"))[0] == ""
    assert seams.join(("bus", "pay", "load-2"), chunk("two", done=True))[0] == "one"
    assert seams.join(("bus", "pay", None), chunk("two"))[0] == "one"
    assert set(seams._ends) == {"load-1", None}


def test_a_chunk_is_found_in_what_carries_it():
    """By itself, in a message, and in a message on a bus; nothing else is one."""
    one = chunk("x")
    message = Message(payload=one, headers=Headers(tenant="t"))
    envelope = BusEnvelope(edge="a->b", source="a", target="b", trace_id=None, payload=message, headers=None, meta=None)
    assert [chunk_in(value) for value in (one, message, envelope, "x", None, {"payload": one})] == [
        one, one, one, None, None, None,
    ]  # fmt: skip
