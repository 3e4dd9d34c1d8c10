"""`matrix`: one file that stands for several scenarios, one for each combination of the values that it lists."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from sim.loader.compose import ID_OF
from sim.loader.errors import ScenarioError
from sim.loader.schema import child, is_open_at, known_keys
from sim.loader.words import listing, suggestion
from sim.model.rules import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.loader.document import Document, KeyPath
    from sim.loader.errors import Problem

VARIANTS_MAX = 200
_LABEL_LENGTH = 40
_FIXED = ("schema", "name", "extends", "matrix")
_MATRIX = ("matrix",)


@dataclass(frozen=True, slots=True)
class Variant:
    """One combination.

    Args:
        label: tells it apart, such as `rate=20/s,mode=fast`; empty for a file without a matrix.
        document: the file with its values in place.

    """

    label: str
    document: Document


@dataclass(frozen=True, slots=True)
class _Axis:
    """One key of the matrix: what it leads to, and the values that go there."""

    key: str
    target: KeyPath
    values: list[Any]


class _NoTargetError(Exception):
    """A key of the matrix leads nowhere: why, and what would."""

    def __init__(self, message: str, rule: str, fix: str | None) -> None:
        super().__init__(message)
        self.message, self.rule, self.fix = message, rule, fix


def variants(document: Document) -> list[Variant]:
    """The scenarios that a file stands for: itself, where it has no matrix.

    Raises:
        ScenarioError: the matrix is no mapping of keys to lists of plain values, or a key of it leads nowhere.

    """
    if not isinstance(document.value, dict) or "matrix" not in document.value:
        return [Variant("", document)]
    matrix = document.value["matrix"]
    if not isinstance(matrix, dict) or not matrix:
        rule, fix = "a matrix is a mapping of keys to lists of values", "write {load.stages.0.rate: [20/s, 60/s]}"
        raise ScenarioError([document.problem(_MATRIX, f"{shown(matrix)} is no matrix", rule=rule, fix=fix)])
    plain = replace(document, value={key: value for key, value in document.value.items() if key != "matrix"})
    axes, problems = _axes(plain, matrix)
    problems.extend(_too_many(document, axes))
    problems.extend(_overlaps(document, axes))
    if problems:
        raise ScenarioError([*document.problems, *problems])
    labels = _labels([axis.key for axis in axes])
    return [_variant(plain, axes, labels, places) for places in product(*(range(len(axis.values)) for axis in axes))]


def _axes(document: Document, matrix: dict[str, Any]) -> tuple[list[_Axis], list[Problem]]:
    axes: list[_Axis] = []
    problems: list[Problem] = []
    for key, values in matrix.items():
        problems.extend(_bad_values(document, key, values))
        try:
            axes.append(_Axis(key, _target(document.value, key), values))
        except _NoTargetError as error:
            at = (*_MATRIX, key)
            problems.append(document.problem(at, error.message, rule=error.rule, fix=error.fix, at_key=True))
    return axes, problems


def _bad_values(document: Document, key: str, values: Any) -> Iterator[Problem]:
    at = (*_MATRIX, key)
    if not isinstance(values, list) or not values:
        what = "it is empty" if values == [] else f"{shown(values)} is not a list"
        yield document.problem(at, what, rule="a key of a matrix has a list of values", fix="write [20/s, 60/s]")
        return
    said: list[str] = []
    for index, value in enumerate(values):
        if value is None or isinstance(value, dict | list):
            rule, fix = "a matrix varies plain values", "name the value inside it with a longer key"
            yield document.problem((*at, index), f"{shown(value)} is no plain value", rule=rule, fix=fix)
        elif _word(value) in said:
            rule, fix = "each variant has a name of its own", "remove one of them"
            yield document.problem((*at, index), f"{shown(value)} stands here twice", rule=rule, fix=fix)
        said.append(_word(value))


def _too_many(document: Document, axes: list[_Axis]) -> Iterator[Problem]:
    count = prod(len(axis.values) for axis in axes if isinstance(axis.values, list))
    if count > VARIANTS_MAX:
        rule = f"a file stands for at most {VARIANTS_MAX} scenarios"
        yield document.problem(_MATRIX, f"the matrix has {count} variants", rule=rule, fix="take a value out")


def _overlaps(document: Document, axes: list[_Axis]) -> Iterator[Problem]:
    for index, axis in enumerate(axes):
        for other in axes[:index]:
            length = min(len(axis.target), len(other.target))
            if axis.target[:length] == other.target[:length]:
                rule, fix = "a place has one value in a variant", "remove one of them"
                message = f"it leads where {shown(other.key)} leads"
                yield document.problem((*_MATRIX, axis.key), message, rule=rule, fix=fix, at_key=True)


def _target(value: Any, key: str) -> KeyPath:
    """The place that a key such as `faults.storm.share` leads to: keys, positions in a list, or ids of its entries.

    Raises:
        _NoTargetError: it leads nowhere.

    """
    steps: list[str | int] = []
    at, rest = value, key.split(".")
    while rest:
        step, taken = _step(tuple(steps), at, rest, value)
        steps.append(step)
        at, rest = child(at, step), rest[taken:]
    if steps[0] in _FIXED:
        raise _NoTargetError(f"{steps[0]} is the same in every variant", "a matrix varies what runs", "remove it")
    return tuple(steps)


def _step(path: KeyPath, value: Any, rest: list[str], document: Any) -> tuple[str | int, int]:
    """The next step, and how many parts of the key it takes: names may hold dots themselves."""
    known = _names(path, value, document)
    for taken in range(len(rest), 0, -1):
        word = ".".join(rest[:taken])
        if word in known:
            return known[word], taken
    if _takes_any(path, value, document):
        return rest[0], 1
    word = rest[0]
    if not known:
        raise _NoTargetError(f"nothing is below {'.'.join(map(str, path))!r}", "it is a plain value", "shorten the key")
    message = f"{shown(word)} leads nowhere"
    raise _NoTargetError(message, f"the names here are {listing(known)}", suggestion(word, known))


def _names(path: KeyPath, value: Any, document: Any) -> dict[str, str | int]:
    """What may follow: keys of a mapping, those that are not there yet included; of a list, positions and ids."""
    if isinstance(value, list):
        id_key = ID_OF.get(str(path[-1]), "id")
        ids = {
            child(entry, id_key): index for index, entry in enumerate(value) if isinstance(child(entry, id_key), str)
        }
        return {**ids, **{str(index): index for index in range(len(value))}}
    if value is not None and not isinstance(value, dict):
        return {}
    return {key: key for key in [*(value or {}), *known_keys(path, document)]}


def _takes_any(path: KeyPath, value: Any, document: Any) -> bool:
    """Whether any name may follow: below `args`, and as a node of an override, to be held against the flow."""
    if value is not None and not isinstance(value, dict):
        return False
    return path[:1] == ("args",) or (path[:1] == ("override",) and is_open_at(path, document))


def _labels(keys: list[str]) -> list[str]:
    """The shortest end of each key that no other key ends in."""
    ends = [key.split(".") for key in keys]
    return [
        next(
            ".".join(parts[-length:])
            for length in range(1, len(parts) + 1)
            if length == len(parts) or sum(other[-length:] == parts[-length:] for other in ends) == 1
        )
        for parts in ends
    ]


def _word(value: Any) -> str:
    """A value as it stands in a variant's name."""
    text = value if isinstance(value, str) else shown(value)
    return re.sub(r"\s+", "_", text.strip())[:_LABEL_LENGTH]


def _variant(document: Document, axes: list[_Axis], labels: list[str], chosen: tuple[int, ...]) -> Variant:
    value, places = deepcopy(document.value), dict(document.places)
    keys, sources = dict(document.keys), dict(document.sources)
    words = []
    for axis, label, index in zip(axes, labels, chosen, strict=True):
        _put(value, axis.target, axis.values[index])
        words.append(f"{label}={_word(axis.values[index])}")
        given = (*_MATRIX, axis.key, index)
        for table in places, keys:
            for path in [path for path in table if path[: len(axis.target)] == axis.target]:
                del table[path]
        places[axis.target] = keys[axis.target] = document.places.get(given, (1, 1))
        sources[axis.target] = document.sources.get(given, document.source)
    return Variant(",".join(words), replace(document, value=value, places=places, keys=keys, sources=sources))


def _put(value: Any, target: KeyPath, new: Any) -> None:
    *parents, last = target
    for step in parents:
        if child(value, step) is None:
            value[step] = {}
        value = value[step]
    value[last] = new
