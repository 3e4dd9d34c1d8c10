"""A wrong value as its author probably meant it."""

from __future__ import annotations

import re
from typing import Any

from sim.model.rules import shown

_TRUE_WORDS = ("yes", "on", "y", "1", "true")


def converted(value: Any, wanted: str) -> str | None:
    """How to write `value` in the type that is wanted, where that can be told."""
    if wanted == "text" and isinstance(value, bool):
        return f"write '{shown(value)}' in quotes"
    if wanted == "text" and isinstance(value, int | float):
        return f"write {str(value)!r} in quotes"
    if wanted == "true or false" and isinstance(value, str | int):
        return f"write {'true' if str(value).lower() in _TRUE_WORDS else 'false'}"
    if wanted in ("a number", "a whole number") and isinstance(value, str):
        return _number_in(value)
    return None


def identifier_like(text: str) -> str | None:
    """How to write `text` as a name of a scenario, fault, check or tag."""
    slug = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:80]
    return f"write {slug}" if slug else None


def _number_in(text: str) -> str | None:
    percent = text.endswith("%")
    try:
        number = float(text.rstrip("% "))
    except ValueError:
        return None
    return f"write {number / 100:g}, without a percent sign" if percent else f"write {number:g} without quotes"
