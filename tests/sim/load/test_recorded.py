"""Arrivals read from a CSV file."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from sim.load import RecordedRow, read_rows
from sim.model.scenario import Load


@pytest.fixture
def read(tmp_path):
    def read_text(text: str | bytes, *, tenant=None, fields=(), **load) -> list[RecordedRow]:
        path = tmp_path / "traffic.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        trace = {"csv": "traffic.csv", "time": "TIME", "tenant": tenant, "fields": fields}
        return read_rows(path, Load.model_validate({"trace": trace, **load}))

    return read_text


def test_iso_times_count_from_the_first_row(read):
    """The first row is at 0; seven decimals and a T are read, to the microsecond."""
    rows = read("TIME\n2023-11-16 18:17:03.9799600\n2023-11-16T18:17:04.0319600\n2023-11-16 18:18:03.97996\n")
    assert [row.at_s for row in rows] == [0.0, 0.052, 60.0]


def test_plain_seconds_count_from_the_first_row(read):
    """Times may be plain seconds, with an exponent if need be."""
    assert [row.at_s for row in read("TIME\n12.5\n1.3e1\n20\n")] == [0.0, 0.5, 7.5]


def test_zones_are_taken_into_account(read):
    """Two times in different zones are compared as moments."""
    assert [row.at_s for row in read("TIME\n2023-11-16T10:00:00Z\n2023-11-16T12:00:01+02:00\n")] == [0.0, 1.0]


def test_speed_shortens_the_gaps(read):
    """At speed 4, four recorded seconds take one."""
    assert [row.at_s for row in read("TIME\n0\n4\n10\n", speed=4.0)] == [0.0, 1.0, 2.5]


def test_first_takes_the_first_rows_only(read):
    """Rows beyond `first` are not even read."""
    assert [row.at_s for row in read("TIME\n0\n4\nrubbish\n", first=2)] == [0.0, 4.0]


def test_rows_out_of_order_are_sorted(read):
    """The earliest row is at 0 wherever it stands in the file."""
    assert [row.at_s for row in read("TIME\n5\n3\n4\n")] == [0.0, 1.0, 2.0]


def test_rows_carry_the_listed_fields_and_the_tenant(read):
    """A row has exactly the columns that the scenario lists, and its tenant."""
    rows = read("in,TIME,who,out\n10,0,acme,3\n11,1,globex,4\n", tenant="who", fields=["out"])
    assert rows == [RecordedRow(0.0, "acme", {"out": "3"}), RecordedRow(1.0, "globex", {"out": "4"})]


def test_quoted_cells_blank_lines_and_a_byte_order_mark_are_read(read):
    """What spreadsheets write is read."""
    rows = read('\ufeffTIME,note\r\n0,"a, ""b"""\r\n\r\n1,c\r\n', fields=["note"])
    assert [row.fields["note"] for row in rows] == ['a, "b"', "c"]


def test_a_file_of_a_header_only_has_no_rows(read):
    """No recorded request is no arrival."""
    assert read("TIME\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"traffic\.csv:1: there is no column 'TIME'; the file has no header"),
        ("TIMES\n0\n", r"traffic\.csv:1: there is no column 'TIME'; did you mean 'TIMES'\?"),
        ("a,b\n0,1\n", r"traffic\.csv:1: there is no column 'TIME'; the file has a, b"),
        ("TIME\n0\nsoon\n", r"traffic\.csv:3: the time 'soon' cannot be read; times are ISO 8601, or plain seconds"),
        ("TIME\n0\n2023-11-16 18:17:03\n", r"traffic\.csv:3: the time '2023-11-16 18:17:03' cannot be read"),
        ("TIME\n2023-11-16 18:17:03\n7\n", r"traffic\.csv:3: the time '7' cannot be read"),
        ("TIME\n2023-11-16 18:17:03\n2023-11-16 18:17:04Z\n", r"traffic\.csv:3: the time .* in one form throughout"),
        ("TIME\nnan\n", r"traffic\.csv:2: the time 'nan' cannot be read"),
        ("TIME\n\n", None),
        ("TIME,b\n0,1\n0\n", r"traffic\.csv:3: the row has 1 cells; every row has the header's 2"),
        ('TIME\n"0\n', r"traffic\.csv:2: unexpected end of data"),
        (b"TIME\n\xff\n", r"traffic\.csv: byte 5 is not UTF-8"),
    ],
)
def test_a_bad_row_is_named_by_its_line(read, text, message):
    """Each thing that can be wrong with a file has one clear message that names the line."""
    if message is None:
        assert read(text) == []
        return
    with pytest.raises(ValueError, match=message):
        read(text)


def test_an_empty_tenant_is_an_error(read):
    """With a tenant column, every row names its tenant."""
    with pytest.raises(ValueError, match=r"traffic\.csv:3: the tenant is empty"):
        read("TIME,who\n0,acme\n1,\n", tenant="who")


def test_a_load_without_a_trace_has_no_rows(tmp_path):
    """Reading rows for synthetic load is refused with the fix."""
    with pytest.raises(ValueError, match="the load has no `trace`"):
        read_rows(tmp_path / "t.csv", Load.model_validate({"stages": [{"for": "1s", "rate": "1/s"}]}))


def test_an_hour_of_real_traffic_is_read_whole():
    """Every row of the recorded hour of LLM traffic is read, in order, with its token counts."""
    file = os.environ.get("TRAFFIC_CSV")
    if not file:
        pytest.skip("TRAFFIC_CSV does not name the recorded traffic file")
    trace = {"csv": file, "time": "TIMESTAMP", "fields": ["ContextTokens", "GeneratedTokens"]}
    rows = read_rows(Path(file), Load.model_validate({"trace": trace}))
    assert len(rows) == 8819
    assert rows[0] == RecordedRow(0.0, None, {"ContextTokens": "4808", "GeneratedTokens": "10"})
    assert rows[-1].at_s == 3435.948056
    assert all(earlier.at_s <= later.at_s for earlier, later in pairwise(rows))
