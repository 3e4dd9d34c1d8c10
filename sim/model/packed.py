"""The long lists of a recording, packed a block at a time.

A run of 100,000 requests through five nodes leaves 700,000 spans behind. As
objects they take 145 bytes each, and the garbage collector walks over all of
them; packed they take six. Who reads gets objects, made anew each time, and
equal to what was put in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from itertools import starmap
from operator import attrgetter
from typing import Any, TypeVar, overload

from sim.model.columns import packed, unpacked

T = TypeVar("T")

BLOCK = 8192
"""Entries that are packed together; the newest that do not fill a block are kept as they are."""


class Packed(Sequence[T]):
    """A list that grows at its end, and equals every list of the same entries.

    Args:
        kind: what the entries are: a named tuple, or a dataclass, of at least two fields.
        settled: whether an entry changes no more; until then it is kept as it is. `None` where none ever does.

    """

    def __init__(self, kind: type[T], *, settled: Callable[[T], bool] | None = None) -> None:
        self._kind = kind
        self._row: Callable[[T], tuple[Any, ...]] = attrgetter(*_fields_of(kind))
        self._settled = settled
        self._blocks: list[bytes | list[T]] = []
        self._unsettled: dict[int, dict[int, T]] = {}
        self._tail: list[T] = []
        self._opened: tuple[int, list[T]] = (-1, [])

    def append(self, entry: T) -> None:
        """Keep one more."""
        self._tail.append(entry)
        if len(self._tail) == BLOCK:
            full, self._tail = self._tail, []
            self._blocks.append(full)
            self._pack(len(self._blocks) - 1, full)
            self._pack_again()

    def _pack(self, number: int, entries: list[T]) -> None:
        try:
            self._blocks[number] = packed(map(self._row, entries))
        except (TypeError, ValueError):  # somebody's own kind of text or number
            self._blocks[number] = entries
        self._opened = (-1, [])
        if self._settled is not None:
            self._unsettled[number] = {place: entry for place, entry in enumerate(entries) if not self._settled(entry)}

    def _pack_again(self) -> None:
        """Pack blocks anew whose last entries have settled since."""
        for number, kept in list(self._unsettled.items()):
            if self._settled is not None and all(map(self._settled, kept.values())):
                if kept:
                    self._pack(number, self._block(number))
                del self._unsettled[number]

    def _block(self, number: int) -> list[T]:
        block = self._blocks[number]
        entries = block if isinstance(block, list) else list(starmap(self._kind, unpacked(block)))
        for place, entry in self._unsettled.get(number, {}).items():
            entries[place] = entry
        return entries

    def __len__(self) -> int:
        return len(self._blocks) * BLOCK + len(self._tail)

    def __iter__(self) -> Iterator[T]:
        for number in range(len(self._blocks)):
            yield from self._block(number)
        yield from self._tail

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        places = range(len(self))[index]
        return self._at(places) if isinstance(places, int) else [self._at(place) for place in places]

    def _at(self, index: int) -> T:
        number, place = divmod(index, BLOCK)
        if number == len(self._blocks):
            return self._tail[place]
        if self._opened[0] != number:  # who asks for one mostly asks for the next one, too
            self._opened = number, self._block(number)
        return self._opened[1][place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Packed, list)) and len(self) == len(other) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # it changes

    def __repr__(self) -> str:
        return repr(list(self))


def _fields_of(kind: type[Any]) -> Sequence[str]:
    return [one.name for one in fields(kind)] if is_dataclass(kind) else kind._fields
