"""The metrics that a check can name: unit, stats, where keys and findings of each, as one table.

What they measure is implemented in `sim.checks`; what they mean is told in docs/checks.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Metric = Literal[
    "trace.latency",
    "trace.timeouts",
    "trace.deadline_exceeded",
    "trace.errors",
    "traces.stuck",
    "traces.lost",
    "attempts.per_request",
    "retries.synchronised",
    "recovery.time",
    "queue.depth",
    "queue.growth",
    "head_of_line",
    "fairness",
    "effects.duplicates",
    "effects.zombies",
    "effects.unkeyed",
    "leaks.confirmed",
    "state.residue",
    "invariants.executions",
    "invariants.conservation",
    "invariants.history",
    "invariants.deadline_bound",
    "invariants.timeout_bound",
    "custom",
]
Stat = Literal["count", "rate", "min", "mean", "p50", "p90", "p95", "p99", "max"]
FindingKind = Literal[
    "threshold", "timeout", "deadline", "error", "duplicate_effect", "reused_key", "zombie_effect", "unkeyed_effect",
    "leak", "stuck", "lost", "not_drained", "nondeterminism", "blocked_loop", "reached_out", "uncontrolled",
    "residue", "executions", "conservation", "history", "deadline_bound", "timeout_bound", "custom", "property_broken",
]  # fmt: skip
Phase = Literal["queued", "running", "backoff", "blocked"]

_PERCENTILES: tuple[Stat, ...] = ("p50", "p90", "p95", "p99")
_OF_FLAGS: tuple[Stat, ...] = ("count", "rate", "mean", "max")
_OF_NUMBERS: tuple[Stat, ...] = ("min", "mean", *_PERCENTILES, "max")
_REQUEST_KEYS = ("node", "tool", "tenant", "attempt", "call")
_EFFECT_KEYS = ("node", "tool", "service", "tenant", "attempt", "call")


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """What a file may say about a metric.

    Args:
        stats: how its samples may become one number; the first is the one to try.
        where: the keys of `where` that choose among its samples.
        findings: the kinds of finding that it can show.
        unit: of one sample: `s` for seconds, `x` for a ratio, `/s` for a rate, nothing for a plain number.
        flags: whether each sample is a yes or a no, so that `count` counts the yes and `rate` is a share.
        signed: whether a number may lie below 0.

    """

    stats: tuple[Stat, ...]
    where: tuple[str, ...]
    findings: tuple[FindingKind, ...]
    unit: Literal["s", "x", "/s", ""] = ""
    flags: bool = False
    signed: bool = False


def _flags(*findings: FindingKind, where: tuple[str, ...] = _REQUEST_KEYS) -> MetricSpec:
    return MetricSpec(_OF_FLAGS, where, (*findings, "threshold"), flags=True)


METRICS: Mapping[Metric, MetricSpec] = {
    "trace.latency": MetricSpec((*_OF_NUMBERS, "count"), _REQUEST_KEYS, ("threshold",), unit="s"),
    "trace.timeouts": _flags("timeout"),
    "trace.deadline_exceeded": _flags("deadline", where=(*_REQUEST_KEYS, "phase")),
    "trace.errors": _flags("error"),
    "traces.stuck": _flags("stuck"),
    "traces.lost": _flags("lost"),
    "attempts.per_request": MetricSpec(
        _OF_NUMBERS, ("node", "tool", "service", "tenant", "attempt"), ("threshold",), unit="x"
    ),
    "retries.synchronised": MetricSpec(_OF_NUMBERS, ("node", "tenant"), ("threshold",)),
    "recovery.time": MetricSpec(_OF_NUMBERS, ("tenant",), ("not_drained", "threshold"), unit="s"),
    "queue.depth": MetricSpec(_OF_NUMBERS, ("node",), ("threshold",)),
    "queue.growth": MetricSpec(_OF_NUMBERS, ("node",), ("threshold",), unit="/s", signed=True),
    "head_of_line": MetricSpec(_OF_NUMBERS, ("node", "tenant"), ("threshold",), unit="s"),
    "fairness": MetricSpec(_OF_NUMBERS, ("node", "tool", "attempt", "call"), ("threshold",)),
    "effects.duplicates": _flags("duplicate_effect", "reused_key", where=_EFFECT_KEYS),
    "effects.zombies": _flags("zombie_effect", where=_EFFECT_KEYS),
    "effects.unkeyed": _flags("unkeyed_effect", where=_EFFECT_KEYS),
    "leaks.confirmed": _flags("leak", where=("node", "tenant")),
    "state.residue": MetricSpec(("count",), (), ("residue", "threshold"), flags=True),
    "invariants.executions": _flags("executions", where=("node", "tenant")),
    "invariants.conservation": MetricSpec(("count",), ("node",), ("conservation", "threshold"), flags=True),
    "invariants.history": _flags("history", where=("tenant",)),
    "invariants.deadline_bound": _flags("deadline_bound"),
    "invariants.timeout_bound": _flags("timeout_bound", where=("node", "tenant", "attempt")),
    "custom": MetricSpec((*_OF_NUMBERS, "count", "rate"), ("node", "tenant"), ("custom", "threshold"), signed=True),
}
"""Every metric, in the order in which it is listed."""

FINDING_KINDS: Mapping[str, tuple[FindingKind, ...]] = {
    **{metric: spec.findings for metric, spec in METRICS.items()},
    "stuck": ("stuck",),
    "lost": ("lost",),
    "leaks": ("leak",),
    "surroundings": ("blocked_loop", "reached_out", "uncontrolled"),
    "duplicates": ("duplicate_effect", "reused_key"),
    "properties": ("property_broken",),
    "determinism": ("nondeterminism",),
}
"""The findings that a metric, or an always-on check, can show."""


def unit_of(metric: Metric, stat: Stat, versus: str | None) -> str:
    """The unit of a check's number: `s` for seconds, `x` for a ratio, `/s` for a rate, nothing for a plain number."""
    if versus is not None:
        return "x"
    return "" if stat == "count" else METRICS[metric].unit
