"""Faults, checks and numbers in short text, as reports show them."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

from penguiflow import digest
from sim.checks.parameters import own_parameters
from sim.model.metrics import unit_of as metric_unit
from sim.model.units import format_duration

if TYPE_CHECKING:
    from sim.model.recording import Effect
    from sim.model.scenario import Check, Fault, Where

SECONDS = "s"


def describe_where(where: Where) -> str:
    """The keys that are given, such as `node=search tenant=acme`; empty for all."""
    return " ".join(f"{key}={value}" for key, value in where.model_dump(exclude_none=True).items())


def describe_parameters(fault: Fault) -> str:
    """What a fault does, such as `900 ms lognormal 0.4, max 5 s, chance 0.3`."""
    parts = own_parameters(fault)
    if fault.chance < 1:
        parts.append(f"chance {fault.chance:g}")
    if fault.max_fires is not None:
        parts.append("at most once" if fault.max_fires == 1 else f"at most {fault.max_fires} times")
    return ", ".join(parts)


def unit_of(check: Check) -> str:
    """The unit of a check's number: `s` for seconds, `x` for a ratio, `/s` for a rate, else none."""
    return metric_unit(check.metric, check.stat, check.versus)


def describe_limit(check: Check) -> str:
    """The bounds of a check, such as `<= 400 ms` or `>= 1 and <= 1.2 x baseline`."""
    suffix = "" if check.versus is None else " baseline"
    bounds = [("<=", check.max)] if check.min is None else [(">=", check.min), ("<=", check.max)]
    return " and ".join(
        f"{sign} {describe_value(bound, unit_of(check))}{suffix}" for sign, bound in bounds if bound is not None
    )


def describe_value(value: float, unit: str) -> str:
    """A number with its unit, for people: `1.64 s`, `1.2 x`, `0.013`."""
    if isinf(value):
        return "beyond any bound, beside a baseline of 0"
    if unit == SECONDS:
        return format_duration(value)
    if value == int(value):
        return f"{int(value)} {unit}".rstrip()
    return f"{value:.3g} {unit}".rstrip()


def describe_time(at_s: float) -> str:
    """A moment or a length of virtual time with two decimals, three where it needs them: `40.12 s`, `0.105 s`."""
    return f"{at_s:.3f}".removesuffix("0") + " s"


def describe_key(effect: Effect) -> str:
    """The idempotency key of an effect, for people: `key load-12/charge`, `key with digest 1f3a...`.

    A key that is not made of its trace may be made of what the caller sent, and no report holds that.
    """
    if effect.key is None:
        return "without a key"
    of_trace = effect.trace_id is not None and effect.key.startswith(f"{effect.trace_id}/")
    return f"key {effect.key}" if of_trace else f"key with digest {digest(effect.key)[:8]}"
