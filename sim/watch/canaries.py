"""Canaries: high-entropy marks that can be planted in data and found again wherever it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

MARKER = "{canary}"
FIELD = "canary"


@dataclass(frozen=True)
class Canary:
    """One mark.

    Args:
        fault: the probe that planted it; empty for what every run of several tenants plants.
        place: where it was planted.
        owner: the tenant it belongs to.
        text: the mark itself: letters and digits, so that no usual escaping changes it.

    """

    fault: str
    place: str
    owner: str
    text: str


def plant(value: Any, mark: str) -> tuple[Any, bool]:
    """`value` with the mark in it, and whether there was a place for it.

    A text that holds `{canary}` gets the mark there. Without such a text, a
    mapping gets the field `canary` and a text gets the mark at its end.
    """
    replaced, found = fill(value, mark)
    if found:
        return replaced, True
    if isinstance(value, dict):
        return {**value, FIELD: mark}, True
    if isinstance(value, str):
        return f"{value} {mark}", True
    return value, False


def fill(value: Any, mark: str) -> tuple[Any, bool]:
    """`value` with the mark wherever a text in it says `{canary}`, and whether one does; else as it is."""
    if isinstance(value, str):
        return value.replace(MARKER, mark), MARKER in value
    if isinstance(value, dict):
        pairs = {key: fill(item, mark) for key, item in value.items()}
        return {key: item for key, (item, _) in pairs.items()}, any(found for _, found in pairs.values())
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        items = [fill(item, mark) for item in value]
        return type(value)(item for item, _ in items), any(found for _, found in items)
    if isinstance(value, BaseModel):
        pairs = {name: fill(getattr(value, name), mark) for name in type(value).model_fields}
        changed = {name: item for name, (item, found) in pairs.items() if found}
        return (value.model_copy(update=changed), True) if changed else (value, False)
    return value, False


def without_marker(value: Any) -> Any:
    """`value` with nothing where a mark could stand."""
    return fill(value, "")[0]
