"""Long lists in columns give back what was put in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.model.columns import Depth, Depths, Span, Spans
from sim.model.recording import Recording

TIMES = st.floats(0, 1e9)
NAMES = st.text(max_size=4)
SPANS = st.lists(
    st.builds(Span, NAMES, NAMES, st.sampled_from(["waiting", "running"]), st.integers(1, 9), TIMES, TIMES, NAMES)
)
DEPTHS = st.lists(st.builds(Depth, TIMES, NAMES, st.integers(0, 2**40), st.integers(0, 9)))


@given(spans=SPANS, depths=DEPTHS)
def test_columns_are_a_list_of_the_same_entries(spans, depths):
    """In order, by number, by slice, in length and in equality, to the last bit of every time."""
    for columns, entries in ((Spans(), spans), (Depths(), depths)):
        for entry in entries:
            columns.append(entry)
        assert list(columns) == entries
        assert columns == entries
        assert len(columns) == len(entries)
        assert columns[1:] == entries[1:]
        assert [columns[index] for index in range(-len(entries), len(entries))] == entries * 2


def test_columns_that_differ_are_not_equal():
    """In one entry, or in their number."""
    spans, others = Spans(), Spans()
    spans.append(Span("t", "a", "running", 1, 0.0, 1.0))
    assert spans != others
    others.append(Span("t", "a", "running", 1, 0.0, 2.0))
    assert spans != others
    assert spans != "nothing"


def test_recordings_compare_their_columns():
    """Two recordings with the same spans are equal, and with other spans they are not."""
    one, two = Recording("s", 1), Recording("s", 1)
    one.spans.append(Span("t", "a", "running", 1, 0.0, 1.0))
    assert one != two
    two.spans.append(Span("t", "a", "running", 1, 0.0, 1.0))
    assert one == two
