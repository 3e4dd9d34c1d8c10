"""One YAML document with the place of every key and value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.model.rules import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.loader.errors import Problem
    from sim.loader.source import Source

    KeyPath = tuple[str | int, ...]
    Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document.

    Args:
        value: what it means.
        source: its text.
        places: line and column, from 1, of each value; of its key where the value starts on a later line.
        keys: line and column of each key.
        problems: what is wrong with it although it could be read.

    """

    value: Any
    source: Source
    places: Mapping[KeyPath, Place]
    keys: Mapping[KeyPath, Place]
    problems: tuple[Problem, ...]

    def problem(
        self, path: KeyPath, message: str, *, rule: str | None = None, fix: str | None = None, at_key: bool = False
    ) -> Problem:
        """A problem at the value, or at the key, that `path` leads to; at the nearest one above if there is none."""
        places = self.keys if at_key else self.places
        place = next((places[path[:end]] for end in range(len(path), 0, -1) if path[:end] in places), (1, 1))
        return self.source.problem(place, message, path=dotted(path), rule=rule, fix=fix)


def dotted(path: KeyPath) -> str:
    """A path as people write it: `faults[0].where.node`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{shown_key(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def shown_key(key: str) -> str:
    """A key as it is, in quotes where it would be unreadable."""
    quoted = shown(key)
    return key if quoted[1:-1] == key and " " not in key and key else quoted
