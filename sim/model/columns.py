"""Rows of plain values as a few bytes each, column by column, and back to the last bit.

Times become whole numbers of the largest unit that holds them all (such as a
microsecond), everything else becomes its place in a table of the values that
occur. Both are told by their differences, lowest bytes first, which leaves long
rows of zeros for zlib.
"""

from __future__ import annotations

import marshal
import zlib
from array import array
from itertools import accumulate
from math import gcd
from types import NoneType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PER_S = 1_000_000_000
_EXACT_MAX = 2**53  # up to here a float holds every whole number
_MARSHAL_VERSION = 2  # later ones look at who else holds a value, which says nothing here
_CODES = tuple((code, 256 ** array(code).itemsize // 2) for code in "bhiq")

_Packed = tuple[str, bytes]


def packed(rows: Iterable[tuple[Any, ...]]) -> bytes:
    """The rows, each of the same length, as bytes.

    Raises:
        ValueError: a value is none of None, bool, int, float, str (nor of a type that marshal knows besides).

    """
    columns = [_column(values) for values in zip(*rows, strict=True)]
    return zlib.compress(marshal.dumps(columns, _MARSHAL_VERSION))


def unpacked(octets: bytes) -> Iterator[tuple[Any, ...]]:
    """The rows that `packed` was given."""
    return zip(*map(_values, marshal.loads(zlib.decompress(octets))), strict=True)  # noqa: S302 - our own bytes


def _column(values: Sequence[Any]) -> tuple[Any, ...]:
    kinds = set(map(type, values))
    if kinds == {float}:
        return _times(values)
    if float in kinds or len(kinds - {NoneType}) > 1:
        return ("plain", list(values))  # in a table, 1 and True would be one
    if values.count(values[0]) == len(values):
        return ("same", values[0], len(values))
    table: dict[Any, int] = {}
    places = [table.setdefault(value, len(table)) for value in values]
    return ("table", list(table), *_differences(places))


def _times(values: Sequence[float]) -> tuple[Any, ...]:
    exact = array("d", values).tobytes()
    try:
        units = [round(value * _PER_S) for value in values]
    except (OverflowError, ValueError):  # infinite, or no number
        return ("floats", exact)
    if max(map(abs, units)) > _EXACT_MAX or array("d", [unit / _PER_S for unit in units]).tobytes() != exact:
        return ("floats", exact)
    unit = gcd(*units) or 1
    return ("times", unit, *_differences([each // unit for each in units]))


def _values(column: tuple[Any, ...]) -> Sequence[Any]:
    how, *facts = column
    if how == "plain":
        return facts[0]  # type: ignore[no-any-return]
    if how == "floats":
        return array("d", facts[0])
    if how == "same":
        return [facts[0]] * facts[1]
    first, code, planes = facts
    if how == "times":
        return [each * first / _PER_S for each in _sums(code, planes)]
    return [first[place] for place in _sums(code, planes)]


def _differences(numbers: Sequence[int]) -> _Packed:
    """Each number by how far it is from the one before, in as few bytes as the largest needs."""
    steps = list(map(int.__sub__, numbers, [0, *numbers]))
    farthest = max(map(abs, steps))
    code = next(code for code, end in _CODES if farthest < end)
    octets, width = array(code, steps).tobytes(), array(code).itemsize
    return code, b"".join(octets[first::width] for first in range(width))


def _sums(code: str, planes: bytes) -> Iterator[int]:
    """The numbers that `_differences` was given."""
    width = array(code).itemsize
    octets = bytearray(len(planes))
    size = len(planes) // width
    for first in range(width):
        octets[first::width] = planes[first * size : (first + 1) * size]
    return accumulate(array(code, bytes(octets)))
