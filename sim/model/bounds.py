"""Bounds of checks: a duration where the number is a time, else a plain number."""

from math import isfinite

from sim.model.metrics import METRICS, Metric, Stat, unit_of
from sim.model.rules import BrokenRule, shown
from sim.model.units import parse_duration

_SHARES = ("rate", "mean")


def parse_bound(value: object, metric: Metric, stat: Stat, versus: str | None) -> float:
    """A bound in seconds, or as the plain number that it is.

    Args:
        value: what the file has.
        metric: the check's metric.
        stat: how its samples become one number; a count or a rate of times is no time.
        versus: what the number is divided by; a ratio has no unit.

    Raises:
        BrokenRule: when the bound does not fit the number that it bounds.

    """
    spec = METRICS[metric]
    if unit_of(metric, stat, versus) == "s":
        return parse_duration(value)
    subject = f"{stat} of {metric}" if versus is None else f"ratio to the {versus}"
    number = _plain_number(value, subject, timed=spec.unit == "s" and versus is None)
    if number < 0 and not spec.signed:
        raise BrokenRule(f"{shown(value)} is negative", rule=f"the {subject} is never below 0", fix="write 0")
    if spec.flags and stat in _SHARES and versus is None and number > 1:
        raise BrokenRule(
            f"{shown(value)} is no share",
            rule=f"the {stat} of {metric} lies between 0 and 1",
            fix=f"write {number / 100:g} for {number:g} percent",
        )
    return number


def _plain_number(value: object, subject: str, *, timed: bool) -> float:
    if isinstance(value, str):
        raise _no_number(value, subject, timed=timed)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BrokenRule(f"{shown(value)} is no bound", rule=f"the {subject} is a plain number", fix="write 0")
    return float(value)


def _no_number(text: str, subject: str, *, timed: bool) -> BrokenRule:
    rule = f"the {subject} is a plain number"
    if text.endswith("%"):
        return BrokenRule(f"{shown(text)} has a percent sign", rule=rule, fix=f"write {_share(text)}")
    if timed:
        return BrokenRule(f"{shown(text)} is no number", rule=rule, fix="add stat: p99 to bound a time")
    return BrokenRule(f"{shown(text)} is text", rule=rule, fix="write a number without unit and quotes")


def _share(percentage: str) -> str:
    try:
        return f"{float(percentage.rstrip('% ')) / 100:g}"
    except ValueError:
        return "0.01"
