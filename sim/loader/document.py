"""One YAML document with the place of every key and value."""

from __future__ import annotations

from dataclasses import dataclass, field
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
        sources: the texts of the values that stand in another file, by path.

    """

    value: Any
    source: Source
    places: Mapping[KeyPath, Place]
    keys: Mapping[KeyPath, Place]
    problems: tuple[Problem, ...]
    sources: Mapping[KeyPath, Source] = field(default_factory=dict)

    def problem(
        self, path: KeyPath, message: str, *, rule: str | None = None, fix: str | None = None, at_key: bool = False
    ) -> Problem:
        """A problem at the value, or at the key, that `path` leads to; at the nearest one above if there is none."""
        places = self.keys if at_key else self.places
        nearest = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in places), ())
        source, place = self.sources.get(nearest, self.source), places.get(nearest, (1, 1)) if nearest else (1, 1)
        return source.problem(place, message, path=dotted(path), rule=rule, fix=fix)


def dotted(path: KeyPath) -> str:
    """A path as people write it: `faults[0].where.node`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{shown_key(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def shown_key(key: str) -> str:
    """A key as it is, in quotes where it would be unreadable."""
    quoted = shown(key)
    return key if quoted[1:-1] == key and " " not in key and key else quoted
