"""Arrivals recorded in a CSV file (SCENARIOS 1.7)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from itertools import islice
from math import isfinite
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from sim.model.scenario import Load, Trace

_TIME_RULE = "times are ISO 8601, or plain seconds, in one form throughout; write 2023-11-16 18:17:03.97 or 12.5"


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """One recorded arrival.

    Args:
        at_s: virtual seconds after the earliest row, at the replay's speed.
        tenant: who sent it; `None` where the file does not say.
        fields: the columns that the payload function gets.

    """

    at_s: float
    tenant: str | None
    fields: Mapping[str, str]


def read_rows(path: Path, load: Load) -> list[RecordedRow]:
    """The arrivals in the CSV file at `path`, in order of time; the earliest is at 0.

    Args:
        path: the file, UTF-8, with a header line.
        load: names the columns (`trace`), the `speed`, and how many rows to take (`first`).

    Raises:
        ValueError: when `load` has no trace, a column is missing or a row cannot be read, with its line number.
        OSError: when the file cannot be opened.

    """
    if load.trace is None:
        raise ValueError("the load has no `trace`; recorded rows need one; write trace: {csv: traffic.csv, time: TIME}")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = _Table(lines, load.trace)
        try:
            rows = list(islice(table.rows(), load.first))
        except UnicodeDecodeError as error:
            msg = f"{path.name}: byte {error.start} is not UTF-8; recorded traffic is UTF-8 text; convert the file"
            raise ValueError(msg) from None
        except (ValueError, csv.Error) as error:
            msg = f"{path.name}:{max(table.line, 1)}: {error}"
            raise ValueError(msg) from None
    rows.sort(key=attrgetter("at_s"))
    earliest_s = rows[0].at_s if rows else 0.0
    return [RecordedRow(round((row.at_s - earliest_s) / load.speed, 6), row.tenant, row.fields) for row in rows]


class _Table:
    """Reads the rows of one file; its times are still seconds of the file's own clock."""

    def __init__(self, lines: Iterable[str], trace: Trace) -> None:
        self._reader = csv.reader(lines, strict=True)
        self._trace = trace
        self._first: datetime | float | None = None

    @property
    def line(self) -> int:
        """The line that was read last, from 1."""
        return self._reader.line_num

    def rows(self) -> Iterator[RecordedRow]:
        trace = self._trace
        header = next(self._reader, [])
        time_column = _column(header, trace.time)
        tenant_column = None if trace.tenant is None else _column(header, trace.tenant)
        fields = [(name, _column(header, name)) for name in trace.fields]
        for cells in filter(None, self._reader):
            if len(cells) != len(header):
                msg = f"the row has {len(cells)} cells; every row has the header's {len(header)}; complete the row"
                raise ValueError(msg)
            at_s = self._seconds(cells[time_column])
            tenant = None if tenant_column is None else _tenant(cells[tenant_column])
            yield RecordedRow(at_s, tenant, {name: cells[column] for name, column in fields})

    def _seconds(self, text: str) -> float:
        if self._first is None:
            self._first = _time(text)
        if not isinstance(self._first, datetime):
            return _plain_seconds(text)
        try:
            return (datetime.fromisoformat(text) - self._first).total_seconds()
        except (ValueError, TypeError):
            raise _bad_time(text) from None


def _time(text: str) -> datetime | float:
    """A time in the form that the first row chooses for all."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return _plain_seconds(text)


def _plain_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise _bad_time(text) from None
    if not isfinite(seconds):
        raise _bad_time(text)
    return seconds


def _bad_time(text: str) -> ValueError:
    return ValueError(f"the time {text[:40]!r} cannot be read; {_TIME_RULE}")


def _column(header: list[str], name: str) -> int:
    if name in header:
        return header.index(name)
    close = get_close_matches(name, header, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the file has {', '.join(header)[:80] or 'no header'}"
    msg = f"there is no column {name!r}; {hint}"
    raise ValueError(msg)


def _tenant(text: str) -> str:
    if not text:
        raise ValueError("the tenant is empty; with a tenant column every row names one; fill it in")
    return text
