"""Quantities with their units in the text: `250ms`, `20/s`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from sim.model.rules import BrokenRule, shown

_SECONDS_PER = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER_AND_UNIT = re.compile(r"(?P<sign>[-+]?)(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[^\s0-9.,+-]*)")
_SPELLED_OUT = {
    **dict.fromkeys(("usec", "µs", "μs"), "us"),
    **dict.fromkeys(("msec", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("sec", "secs", "second", "seconds", "rps", "qps", "hz"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
}
# About thirty years; what is longer is a slip, and floats lose their microseconds there.
_LARGEST = 1e9


@dataclass(frozen=True, slots=True)
class _Quantity:
    """One kind of quantity, and the words for it."""

    noun: str
    units: Mapping[str, float]
    rule: str
    example: str
    likely: tuple[str, ...]
    slash: str


_DURATION = _Quantity(
    noun="duration",
    units=_SECONDS_PER,
    rule="a duration is a number and a unit: us, ms, s, m, h or d",
    example="250ms",
    likely=("s", "ms"),
    slash="",
)
_RATE = _Quantity(
    noun="rate",
    units={"/s": 1.0, "/m": 1 / 60.0, "/h": 1 / 3600.0},
    rule="a rate is a number and a unit: /s, /m or /h",
    example="20/s",
    likely=("/s",),
    slash="/",
)


def parse_duration(value: object) -> float:
    """Seconds in a duration such as `250ms`, `2s`, `1.5m` or `1h`.

    Raises:
        BrokenRule: when `value` is no duration, with the rule and one fix.

    """
    return _parse(value, _DURATION)


def parse_positive_duration(value: object) -> float:
    """Seconds in a duration longer than zero.

    Raises:
        BrokenRule: when `value` is no such duration.

    """
    seconds = parse_duration(value)
    if seconds == 0:
        raise BrokenRule(f"{shown(value)} lasts no time", rule="it has to be longer than zero", fix="write 250ms")
    return seconds


def parse_signed_duration(value: object) -> float:
    """Seconds in a duration that may be negative, such as `-5s`.

    Raises:
        BrokenRule: when `value` is no duration.

    """
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    return -parse_duration(text[1:]) if text.startswith("-") else parse_duration(value)


def parse_positive_rate(value: object) -> float:
    """A rate above zero.

    Raises:
        BrokenRule: when `value` is no such rate.

    """
    rate = parse_rate(value)
    if rate == 0:
        raise BrokenRule(f"{shown(value)} lets nothing pass", rule="it has to be above zero", fix="write 10/s")
    return rate


def parse_rate(value: object) -> float:
    """Arrivals per second in a rate such as `20/s` or `90/m`.

    Raises:
        BrokenRule: when `value` is no rate, with the rule and one fix.

    """
    return _parse(value, _RATE)


def format_duration(seconds: float) -> str:
    """A length of time to three digits, in the unit that reads best: `250 ms`, `1.64 s`, `2.5 min`, `61 h`."""
    for unit, word, from_s in (("h", "h", 7200.0), ("m", "min", 120.0), ("s", "s", 0.9995)):
        if seconds >= from_s:
            return f"{_three_digits(seconds / _SECONDS_PER[unit])} {word}"
    return f"{_three_digits(seconds * 1000)} ms"


def _three_digits(value: float) -> str:
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:g}"


def _parse(value: object, quantity: _Quantity) -> float:
    number, unit = _number_and_unit(value, quantity)
    if not unit:
        raise _broken(f"{shown(value)} has no unit", quantity, " or ".join(number + unit for unit in quantity.likely))
    if unit not in quantity.units:
        raise _broken(f"{shown(value)} has the unknown unit {unit!r}", quantity, _respelled(number, unit, quantity))
    # A multiplication such as 900 * 1e-3 leaves a trailing digit; nine decimals are the clock's grain.
    amount = round(float(number) * quantity.units[unit], 9)
    if amount > _LARGEST:
        limit = f"no {quantity.noun} is above 1000000000{quantity.slash}s"
        raise BrokenRule(f"{shown(value)} is too large", rule=limit, fix=f"write {quantity.example}")
    return amount


def _number_and_unit(value: object, quantity: _Quantity) -> tuple[str, str]:
    readable = isinstance(value, str | int | float) and not isinstance(value, bool)
    written = f"{value:.15g}" if isinstance(value, float) else str(value).strip()
    match = _NUMBER_AND_UNIT.fullmatch(written) if readable else None
    if match is None:
        raise _broken(f"{shown(value)} is no {quantity.noun}", quantity, _repunctuated(written, quantity))
    if match["sign"] == "-":
        rule = f"{quantity.noun}s cannot be negative"
        raise BrokenRule(f"{shown(value)} is negative", rule=rule, fix=f"write {written.lstrip('-')}")
    return match["number"], match["unit"]


def _respelled(number: str, unit: str, quantity: _Quantity) -> str:
    """The same quantity with the unit that was probably meant."""
    bare = unit.lower().lstrip("/")
    meant = quantity.slash + _SPELLED_OUT.get(bare, bare)
    return f"{number}{meant}" if meant in quantity.units else quantity.example


def _repunctuated(written: str, quantity: _Quantity) -> str:
    """The same quantity with a decimal point, if a decimal comma is all that is wrong."""
    pointed = written.replace(",", ".")
    match = _NUMBER_AND_UNIT.fullmatch(pointed)
    return pointed if match is not None and match["unit"] in quantity.units else quantity.example


def _broken(message: str, quantity: _Quantity, fix: str) -> BrokenRule:
    return BrokenRule(message, rule=quantity.rule, fix=f"write {fix}")


_DurationText = Annotated[str, StringConstraints(pattern=r"^ *\+?[0-9]+(\.[0-9]+)? ?(us|ms|s|m|h|d) *$")]
_RateText = Annotated[str, StringConstraints(pattern=r"^ *\+?[0-9]+(\.[0-9]+)? ?/(s|m|h) *$")]

Duration = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=_DurationText)]
"""A length of time, held in seconds and written with its unit."""

PositiveDuration = Annotated[float, BeforeValidator(parse_positive_duration, json_schema_input_type=_DurationText)]
"""A length of time that is not zero."""

SignedDuration = Annotated[float, BeforeValidator(parse_signed_duration, json_schema_input_type=str)]
"""A length of time that may be negative."""

PositiveRate = Annotated[float, BeforeValidator(parse_positive_rate, json_schema_input_type=str)]
"""A rate that is not zero."""

Rate = Annotated[float, BeforeValidator(parse_rate, json_schema_input_type=_RateText)]
"""Arrivals per second, written with its unit."""
