"""What has to hold: promises about one metric each, and demonstrations of broken ones."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sim.model.bounds import parse_bound
from sim.model.fields import Identifier, Model, Name, Positive, Where
from sim.model.rules import BrokenRule

RESERVED_CHECK_IDS = ("stuck", "lost", "leaks", "surroundings", "duplicates", "determinism")
"""The always-on checks; `duplicates` is one where something is explored."""

DURING_NOUNS = ("whole", "before-faults", "after-faults")
"""What `during` accepts besides the id of a fault."""

Metric = Literal[
    "trace.latency",
    "trace.timeouts",
    "trace.deadline_exceeded",
    "trace.errors",
    "attempts.per_request",
    "recovery.time",
    "queue.depth",
    "effects.duplicates",
    "effects.zombies",
    "effects.unkeyed",
    "leaks.confirmed",
]
Stat = Literal["count", "rate", "min", "mean", "p50", "p90", "p95", "p99", "max"]
FindingKind = Literal[
    "threshold", "timeout", "deadline", "error", "duplicate_effect", "zombie_effect", "unkeyed_effect",
    "leak", "stuck", "lost", "not_drained", "nondeterminism", "blocked_loop", "reached_out", "uncontrolled",
]  # fmt: skip

FINDING_KINDS: Mapping[str, tuple[FindingKind, ...]] = {
    "trace.latency": ("threshold",),
    "trace.timeouts": ("timeout", "threshold"),
    "trace.deadline_exceeded": ("deadline", "threshold"),
    "trace.errors": ("error", "threshold"),
    "attempts.per_request": ("threshold",),
    "recovery.time": ("not_drained", "threshold"),
    "queue.depth": ("threshold",),
    "effects.duplicates": ("duplicate_effect", "threshold"),
    "effects.zombies": ("zombie_effect", "threshold"),
    "effects.unkeyed": ("unkeyed_effect", "threshold"),
    "leaks.confirmed": ("leak", "threshold"),
    "stuck": ("stuck",),
    "lost": ("lost",),
    "leaks": ("leak",),
    "surroundings": ("blocked_loop", "reached_out", "uncontrolled"),
    "duplicates": ("duplicate_effect",),
    "determinism": ("nondeterminism",),
}
"""The findings that a metric, or an always-on check, can show."""

_WHERE_KEYS: Mapping[str, tuple[str, ...]] = {
    "attempts.per_request": ("node", "tenant", "attempt"),
    "recovery.time": ("tenant",),
    "queue.depth": ("node",),
    "leaks.confirmed": ("node", "tenant"),
}
_NEEDED_BY_BOUNDS = ("metric", "stat", "versus")


class Check(Model):
    """A promise about one metric."""

    id: Identifier = Field(description="The check's name in all outputs; unique in the file.", examples=["charge-once"])
    metric: Metric = Field(description="What is measured.", examples=["trace.latency"])
    stat: Stat = Field(default="count", description="How the samples become one number.", examples=["p99"])
    during: Name = Field(
        default="whole",
        description="`whole`, `before-faults`, `after-faults`, or the id of a fault (its window).",
        examples=["before-faults"],
    )
    where: Where = Field(default_factory=Where, description="Which samples count.", examples=[{"tenant": "acme"}])
    versus: Literal["baseline"] | None = Field(
        default=None,
        description="Divide by the same number of the run with all faults off.",
        examples=["baseline"],
    )
    max: float | None = Field(
        default=None,
        description="The number may not be larger; a duration where the number is a time, held in seconds.",
        examples=["400ms", 0.01],
    )
    min: float | None = Field(
        default=None,
        description="The number may not be smaller; a duration where the number is a time, held in seconds.",
        examples=[1],
    )
    at_least: Positive | None = Field(
        default=None,
        description="Fewer samples than this over all seeds make the verdict inconclusive.",
        examples=[100],
    )
    severity: Literal["fail", "warn"] = Field(
        default="fail", description="What a broken promise means.", examples=["warn"]
    )

    @field_validator("max", "min", mode="before", json_schema_input_type=float | str | None)
    @classmethod
    def _bound(cls, value: object, info: ValidationInfo) -> float | None:
        if value is None or not all(name in info.data for name in _NEEDED_BY_BOUNDS):
            return None  # without a metric nobody can say what the bound should be; the metric's error is enough
        return parse_bound(value, *(info.data[name] for name in _NEEDED_BY_BOUNDS))

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.max is None and self.min is None:
            raise BrokenRule("there is no bound", rule="a check has a max, a min, or both", fix="add max: 0")
        if self.max is not None and self.min is not None and self.min > self.max:
            raise BrokenRule("min is above max", rule="a number fits between them", fix="swap them", at=("min",))
        return self

    @model_validator(mode="after")
    def _useful_where(self) -> Self:
        self.where.allow(*_WHERE_KEYS.get(self.metric, tuple(Where.model_fields)), subject=self.metric)
        return self


class Expect(Model):
    """A check that has to fail: this scenario is a demonstration."""

    check: Name = Field(
        description="The id of the check that fails, or an always-on one: stuck, lost, leaks, determinism.",
        examples=["charge-once"],
    )
    finding: FindingKind = Field(description="The kind of finding that it shows.", examples=["duplicate_effect"])
    seeds: Literal["any", "all"] = Field(
        default="any", description="In at least one seed, or in every seed.", examples=["all"]
    )
