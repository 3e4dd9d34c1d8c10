"""What every fault of a scenario file has: a name, a window, whom it hits and how often."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sim.model.fields import CODE_PATTERN, Count, Identifier, Model, Name, Number, Positive, Share, Where
from sim.model.rules import BrokenRule, shown
from sim.model.units import Duration, PositiveDuration

NAMED_ERRORS = ("unavailable", "timeout", "rate_limited")
"""Errors that faults know by name."""


class Window(Model):
    """When a fault is armed, in virtual time from the start of the run."""

    from_: Duration = Field(default=0.0, alias="from", description="Start of the window.", examples=["20s"])
    for_: PositiveDuration | None = Field(
        default=None,
        alias="for",
        description="Length of the window; without it, to the end of the run.",
        examples=["15s"],
    )

    @property
    def end_s(self) -> float:
        """When the window closes, in seconds; infinite for an open one."""
        return float("inf") if self.for_ is None else self.from_ + self.for_


class Delay(Model):
    """A delay that is drawn anew for every call."""

    dist: Literal["constant", "uniform", "exponential", "lognormal"] = Field(
        description="The shape of the distribution.", examples=["lognormal"]
    )
    median: Duration = Field(description="Half of the delays are shorter than this.", examples=["900ms"])
    spread: Annotated[Number, Field(ge=0.0, le=5.0)] = Field(
        default=0.5,
        description="lognormal: sigma of the logarithm; uniform: half width as a share of the median; else unused.",
        examples=[0.4],
    )
    max: Duration | None = Field(default=None, description="No delay is longer than this.", examples=["5s"])


def delay_form(delay: Any) -> Literal["distribution", "duration"]:
    """Which of its two forms a `delay` has."""
    return "distribution" if isinstance(delay, Mapping | Delay) else "duration"


class FaultBase(Model):
    """What every fault has."""

    id: Identifier = Field(description="The fault's name in all outputs; unique in the file.", examples=["slow-search"])
    where: Where = Field(default_factory=Where, description="Which calls it may hit.", examples=[{"node": "search"}])
    window: Window = Field(
        default_factory=Window, description="When it is armed.", examples=[{"from": "20s", "for": "15s"}]
    )
    chance: Share = Field(default=1.0, description="Probability that a matching call is hit, 0 to 1.", examples=[0.3])
    max_fires: Positive | None = Field(default=None, description="Fire at most this often in a run.", examples=[1])
    must_fire: Count | None = Field(
        default=None,
        description="Fewer hits than this over all seeds make the verdict inconclusive; 1 unless `chance` is 0.",
        examples=[1],
    )

    @property
    def must_fire_effective(self) -> int:
        """The number of hits that the sweep has to show."""
        if self.must_fire is not None:
            return self.must_fire
        return 0 if self.chance == 0 else 1


def _status_text(value: Any) -> Any:
    """A status is a number to whoever writes it."""
    return str(value) if type(value) is int else value


class FailingFault(FaultBase):
    """A fault that makes what it hits fail, with an error of the user's choice."""

    error: Annotated[Name, BeforeValidator(_status_text)] = Field(
        default="unavailable",
        description="`unavailable`, `timeout`, `rate_limited`, an HTTP status such as `503`, or an exception class as "
        "`module:Class`.",
        examples=["unavailable", "shop.errors:CardDeclined"],
    )

    @model_validator(mode="after")
    def _known_error(self) -> Self:
        known = self.error in NAMED_ERRORS or re.fullmatch("[45][0-9][0-9]", self.error)
        if not known and re.fullmatch(CODE_PATTERN.strip("^$"), self.error) is None:
            rule = f"an error is {', '.join(NAMED_ERRORS)}, a status from 400 to 599, or module:Class"
            raise BrokenRule(f"{shown(self.error)} is no error", rule=rule, fix="write unavailable", at=("error",))
        return self

    @property
    def error_class(self) -> str | None:
        """The exception class that is named as code; `None` for an error that is known by name or status."""
        return self.error if ":" in self.error else None
