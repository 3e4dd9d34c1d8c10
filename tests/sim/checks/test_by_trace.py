"""What belongs to one trace, without a table of all."""

from __future__ import annotations

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from sim.checks.by_trace import ByTrace

ONE, OTHER = "plumless", "buckeroo"
"""Two texts with the same CRC."""


@given(traces=st.lists(st.sampled_from([ONE, OTHER, "a", None])))
def test_a_trace_has_its_own_entries_in_their_order(traces):
    """Also where another trace has the same number; entries without a trace belong to none."""
    rows = list(enumerate(traces))
    by_trace = ByTrace(rows, lambda row: row[1])
    assert crc32(ONE.encode()) == crc32(OTHER.encode())
    for trace in (ONE, OTHER, "a", "never"):
        assert by_trace.of(trace) == [row for row in rows if row[1] == trace]
