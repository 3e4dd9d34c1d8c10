"""The entries of a long list that belong to one trace, without a table of all traces: few of them are ever told."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Generic, TypeVar
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class ByTrace(Generic[T]):
    """Finds entries by a number of four bytes each, and looks at their traces in full.

    Args:
        entries: the list; it grows no more.
        trace_of: the trace of an entry, if it has one.

    """

    def __init__(self, entries: Sequence[T], trace_of: Callable[[T], str | None]) -> None:
        self._entries = entries
        self._trace_of = trace_of
        self._numbers = array("I", (_number(trace_of(entry)) for entry in entries))

    def of(self, trace_id: str) -> list[T]:
        """The entries of one trace, in their order."""
        number, found, place = _number(trace_id), [], -1
        for _ in range(self._numbers.count(number)):
            place = self._numbers.index(number, place + 1)
            entry = self._entries[place]
            if self._trace_of(entry) == trace_id:
                found.append(entry)
        return found


def _number(trace_id: str | None) -> int:
    return crc32((trace_id or "").encode("utf-8", "surrogatepass"))
