"""What has to hold: promises about one metric each, and demonstrations of broken ones."""

from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sim.model.bounds import parse_bound
from sim.model.fields import Extension, Identifier, Model, Name, Positive, Where
from sim.model.metrics import FINDING_KINDS, METRICS, FindingKind, Metric, Phase, Stat
from sim.model.rules import BrokenRule

__all__ = [
    "DURING_NOUNS",
    "FINDING_KINDS",
    "METRICS",
    "RESERVED_CHECK_IDS",
    "Check",
    "CheckWhere",
    "Expect",
    "FindingKind",
    "Metric",
    "Stat",
]

RESERVED_CHECK_IDS = ("stuck", "lost", "leaks", "surroundings", "duplicates", "properties", "determinism")
"""The always-on checks; `duplicates` is one where something is explored."""

DURING_NOUNS = ("whole", "before-faults", "after-faults")
"""What `during` accepts besides the id of a fault."""

_NEEDED_BY_BOUNDS = ("metric", "stat", "versus")


class CheckWhere(Where):
    """Which samples a check looks at; every given key has to match."""

    phase: Phase | None = Field(
        default=None,
        description="Requests that were in this phase of their life when their deadline passed.",
        examples=["queued"],
    )


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
    check: Extension | None = Field(
        default=None,
        description="With `metric: custom`, `module:callable` that looks at a recording and tells what it saw, or "
        "the name under which an installed package offers it.",
        examples=["shop.checks:oversold"],
    )
    where: CheckWhere = Field(
        default_factory=CheckWhere, description="Which samples count.", examples=[{"tenant": "acme"}]
    )
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
    def _measurable(self) -> Self:
        spec = METRICS[self.metric]
        if self.stat not in spec.stats:
            rule, fix = f"it has {', '.join(spec.stats)}", f"write stat: {'count' if spec.flags else 'max'}"
            at = ("stat",) if "stat" in self.model_fields_set else ()
            raise BrokenRule(f"{self.metric} has no {self.stat}", rule=rule, fix=fix, at=at)
        if spec.signed and self.versus is not None:
            rule, fix = "a number that may lie below 0 has no ratio", "bound the number itself"
            raise BrokenRule(f"{self.metric} compares with no baseline", rule=rule, fix=fix, at=("versus",))
        self.where.allow(*spec.where, subject=self.metric)
        return self

    @model_validator(mode="after")
    def _custom(self) -> Self:
        if self.metric == "custom" and self.check is None:
            raise BrokenRule(
                "there is no code to ask", rule="a custom check names its function", fix="add check: module:callable"
            )
        if self.metric != "custom" and self.check is not None:
            fix = "write metric: custom, or remove check"
            raise BrokenRule(f"{self.metric} asks no code", rule="only metric: custom does", fix=fix, at=("check",))
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
