"""The long lists of a recording, kept in columns.

A run of 100,000 requests through five nodes has 700,000 spans. As objects they
take 145 bytes each, and the garbage collector walks over all of them; in
columns they take 28. Who reads gets objects, made anew each time.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar, overload

SpanKind = Literal["waiting", "running", "backoff", "blocked"]

T = TypeVar("T")
F = TypeVar("F", bound=Hashable)


class Span(NamedTuple):
    """A stretch of a trace's time at one node: where the time went."""

    trace_id: str
    node: str
    kind: SpanKind
    attempt: int
    start_s: float
    end_s: float
    result: str = ""


class Depth(NamedTuple):
    """Messages waiting before a node from `at_s` on."""

    at_s: float
    node: str
    depth: int
    bound: int


class _Table(Generic[F]):
    """Values that come again and again: each is kept once and known by its number."""

    def __init__(self) -> None:
        self.values: list[F] = []
        self._numbers: dict[F, int] = {}

    def number(self, value: F) -> int:
        known = self._numbers.setdefault(value, len(self.values))
        if known == len(self.values):
            self.values.append(value)
        return known


class _Columns(Sequence[T]):
    """A list that grows at its end, and equals every list of the same entries."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        entries = range(len(self))[index]
        return self._at(entries) if isinstance(entries, int) else [self._at(entry) for entry in entries]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (_Columns, list)) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # it changes

    def _at(self, index: int) -> T:
        raise NotImplementedError


class Spans(_Columns[Span]):
    """Every span of a run."""

    def __init__(self) -> None:
        self._traces: list[str] = []
        self._starts, self._ends = array("d"), array("d")
        self._facts: _Table[tuple[str, SpanKind, int, str]] = _Table()
        self._fact = array("I")

    def append(self, span: Span) -> None:
        """Keep one more."""
        trace_id, node, kind, attempt, start_s, end_s, result = span
        self._traces.append(trace_id)
        self._starts.append(start_s)
        self._ends.append(end_s)
        self._fact.append(self._facts.number((node, kind, attempt, result)))

    def __len__(self) -> int:
        return len(self._fact)

    def __iter__(self) -> Iterator[Span]:
        facts = self._facts.values
        for trace_id, fact, start_s, end_s in zip(self._traces, self._fact, self._starts, self._ends, strict=True):
            node, kind, attempt, result = facts[fact]
            yield Span(trace_id, node, kind, attempt, start_s, end_s, result)

    def _at(self, index: int) -> Span:
        node, kind, attempt, result = self._facts.values[self._fact[index]]
        return Span(self._traces[index], node, kind, attempt, self._starts[index], self._ends[index], result)


class Depths(_Columns[Depth]):
    """Every change of the depth of a queue."""

    def __init__(self) -> None:
        self._at_s = array("d")
        self._facts: _Table[tuple[str, int, int]] = _Table()
        self._fact = array("I")

    def append(self, depth: Depth) -> None:
        """Keep one more."""
        self._at_s.append(depth.at_s)
        self._fact.append(self._facts.number((depth.node, depth.depth, depth.bound)))

    def __len__(self) -> int:
        return len(self._fact)

    def __iter__(self) -> Iterator[Depth]:
        facts = self._facts.values
        for at_s, fact in zip(self._at_s, self._fact, strict=True):
            yield Depth(at_s, *facts[fact])

    def _at(self, index: int) -> Depth:
        return Depth(self._at_s[index], *self._facts.values[self._fact[index]])
