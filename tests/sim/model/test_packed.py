"""Long lists are packed, and give back what was put in."""

from __future__ import annotations

import enum
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.model import packed as packed_module
from sim.model.columns import packed, unpacked
from sim.model.packed import Packed
from sim.model.recording import Depth, Effect, Recording, Request, Span

MICROSECONDS = st.integers(0, 10**12).map(lambda number: number / 1e6)
VALUES = st.one_of(
    MICROSECONDS,
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.text(),
    st.sampled_from([0, False, 0.0, -0.0]),
)
COLUMNS = st.one_of(
    *(st.lists(one, min_size=5, max_size=5) for one in (MICROSECONDS, st.floats(), st.text(), st.integers(), VALUES))
)
TIMES = st.floats(0, 1e9)
NAMES = st.text(max_size=4)
SPANS = st.lists(
    st.builds(Span, NAMES, NAMES, st.sampled_from(["waiting", "running"]), st.integers(1, 9), TIMES, TIMES, NAMES)
)
DEPTHS = st.lists(st.builds(Depth, TIMES, NAMES, st.integers(0, 2**40), st.integers(0, 9)))
EFFECTS = st.lists(st.builds(Effect, NAMES, NAMES | st.none(), NAMES, NAMES, NAMES, NAMES, st.just(1), TIMES))


class _Word(enum.StrEnum):
    CHARGE = "charge"


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(packed_module, "BLOCK", 4)


def request(index: int, ended_s: float | None = None) -> Request:
    return Request(index, f"load-{index}", "acme", f"order-{index}", "load", 1, float(index), ended_s=ended_s)


@given(columns=st.lists(COLUMNS, min_size=1, max_size=4))
def test_rows_come_back_to_the_last_bit(columns):
    """Every value has its kind and its sign again, whatever else stands in its column."""
    rows = list(zip(*columns, strict=True))
    assert repr(list(unpacked(packed(rows)))) == repr(rows)


@given(lists=st.tuples(SPANS, DEPTHS, EFFECTS))
def test_it_is_a_list_of_the_same_entries(lists):
    """In order, by number, by slice, in length and in equality."""
    for kind, entries in zip((Span, Depth, Effect), lists, strict=True):
        long = Packed(kind)
        for entry in entries:
            long.append(entry)
        assert list(long) == entries
        assert long == entries
        assert len(long) == len(entries)
        assert long[1:] == entries[1:]
        assert [long[index] for index in range(-len(entries), len(entries))] == entries * 2
        assert deepcopy(long) == long


def test_what_is_not_equal_is_told():
    """In one entry, in their number, or in kind."""
    one, two = Packed(Span), Packed(Span)
    one.append(Span("t", "a", "running", 1, 0.0, 1.0))
    assert one != two
    two.append(Span("t", "a", "running", 1, 0.0, 2.0))
    assert one != two
    assert one != "nothing"
    assert repr(one) == repr(list(one))


def test_an_entry_that_still_changes_is_kept_until_it_has_settled():
    """Whoever holds it may write into it, also when those around it are packed."""
    recording = Recording("s", 1)
    held = request(1)
    for one in (request(0, 1.0), held, *(request(index, index + 1.0) for index in range(2, 9))):
        recording.requests.append(one)
    assert recording.requests[1] is held
    held.ended_s, held.outcome = 2.5, "ok"
    assert list(recording.requests)[1].outcome == "ok"
    for index in range(9, 13):
        recording.requests.append(request(index, index + 1.0))
    assert recording.requests[1] is not held
    assert recording.requests[1] == held
    assert [one.index for one in recording.requests] == list(range(13))


def test_what_cannot_be_packed_stays_as_it_is():
    """A text of somebody's own class comes back as that, not as a plain text."""
    effects = [Effect("charge", _Word.CHARGE, "a", "t", "acme", "n", 1, float(number)) for number in range(5)]
    long = Packed(Effect)
    for one in effects:
        long.append(one)
    assert long == effects
    assert all(isinstance(one.key, _Word) for one in long)


def test_recordings_compare_their_lists():
    """Two recordings with the same spans are equal, and with other spans they are not."""
    one, two = Recording("s", 1), Recording("s", 1)
    one.spans.append(Span("t", "a", "running", 1, 0.0, 1.0))
    assert one != two
    two.spans.append(Span("t", "a", "running", 1, 0.0, 1.0))
    assert one == two
    assert replace(one, seed=2) != two
