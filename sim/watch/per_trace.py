"""One small fact about each of very many traces, for as long as the run lasts.

Work may go on for a trace long after its caller has left, so what became of it
has to be known to the end. The newest traces stand in a dictionary; an older
one takes twelve bytes: eight of its digest, four for which of the few facts.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from hashlib import blake2b
from typing import Generic, TypeVar

F = TypeVar("F")

NEWEST = 1024
"""Traces that are looked up by their name."""
_SHELVES = 256


class PerTrace(Generic[F]):
    """A mapping from traces to one of few facts; each trace is told once."""

    def __init__(self) -> None:
        self._newest: dict[str, F] = {}
        self._facts: list[F] = []
        self._shelves: dict[int, tuple[array[int], array[int]]] = {}

    def tell(self, trace_id: str, fact: F) -> None:
        """Keep the fact about this trace."""
        self._newest[trace_id] = fact
        if len(self._newest) > NEWEST:
            oldest = next(iter(self._newest))
            self._shelve(_digest(oldest), self._newest.pop(oldest))

    def about(self, trace_id: str) -> F | None:
        """The fact about this trace; `None` where none was told."""
        if trace_id in self._newest or not self._shelves:
            return self._newest.get(trace_id)
        digest = _digest(trace_id)
        digests, numbers = self._shelf(digest)
        place = bisect_left(digests, digest)
        found = place < len(digests) and digests[place] == digest
        return self._facts[numbers[place]] if found else None

    def _shelve(self, digest: int, fact: F) -> None:
        if fact not in self._facts:
            self._facts.append(fact)
        digests, numbers = self._shelf(digest)
        place = bisect_left(digests, digest)
        digests.insert(place, digest)
        numbers.insert(place, self._facts.index(fact))

    def _shelf(self, digest: int) -> tuple[array[int], array[int]]:
        """Where a digest stands: in one of many short rows, so that to put one in moves little."""
        return self._shelves.setdefault(digest % _SHELVES, (array("Q"), array("I")))


def _digest(trace_id: str) -> int:
    octets = trace_id.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(octets, digest_size=8).digest(), "big")
