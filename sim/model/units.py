"""Quantities with their units in the text: `250ms`, `20/s`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

_SECONDS_PER = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_QUANTITY = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-zµ%/]*)")
_RATE_UNITS = {f"/{unit}": seconds for unit, seconds in _SECONDS_PER.items()}


def parse_duration(text: object) -> float:
    """Seconds in a duration such as `250ms`, `2s`, `1.5m` or `1h`.

    Raises:
        ValueError: when `text` is no duration, with the rule and one fix.

    """
    return _parse(text, _SECONDS_PER, rule="a duration is a number and a unit: us, ms, s, m, h or d", example="250ms")


def parse_rate(text: object) -> float:
    """Arrivals per second in a rate such as `20/s` or `90/m`.

    Raises:
        ValueError: when `text` is no rate, with the rule and one fix.

    """
    units = {unit: 1.0 / seconds for unit, seconds in _RATE_UNITS.items()}
    return _parse(text, units, rule="a rate is a number and a unit: /s, /m or /h", example="20/s")


def _parse(text: object, units: dict[str, float], *, rule: str, example: str) -> float:
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        msg = f"{text!r} is not a quantity; {rule}; write {example}"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns a ValueError into an error with its place
    written = str(text).strip()
    match = _QUANTITY.fullmatch(written)
    if match is None:
        msg = f"{written!r} cannot be read; {rule}; write {example}"
        raise ValueError(msg)
    number, unit = match["number"], match["unit"]
    if not unit:
        fix = f"{number}{'/s' if '/s' in units else 's'}"
        msg = f"{written!r} has no unit; {rule}; write {fix}"
        raise ValueError(msg)
    if unit not in units:
        msg = f"{written!r} has an unknown unit {unit!r}; {rule}; write {example}"
        raise ValueError(msg)
    # A multiplication such as 900 * 1e-3 leaves a trailing digit; nine decimals are the clock's grain.
    return round(float(number) * units[unit], 9)


def format_duration(seconds: float) -> str:
    """A duration as people write it: `250 ms`, `1.64 s`, `2 min`."""
    if seconds >= 120:  # noqa: PLR2004 - below two minutes, seconds read better
        return f"{seconds / 60:.3g} min"
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1000:.3g} ms"


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""A length of time, held in seconds and written with its unit."""

Rate = Annotated[float, BeforeValidator(parse_rate)]
"""Arrivals per second, written with its unit."""
