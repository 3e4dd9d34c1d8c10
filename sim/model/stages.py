"""Stretches of load."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from sim.model.fields import Count, Model, Positive
from sim.model.rules import BrokenRule
from sim.model.units import PositiveDuration, Rate

USERS_MAX = 100_000
ARRIVALS_MAX = 1_000_000
"""More than these in one run is a slip, and would fill the memory before it is seen."""


class Ramp(Model):
    """A rate that changes evenly over its stage."""

    from_: Rate = Field(alias="from", description="The rate at the stage's start.", examples=["5/s"])
    to: Rate = Field(description="The rate at its end.", examples=["60/s"])

    @model_validator(mode="after")
    def _moves(self) -> Self:
        if self.from_ == self.to:
            raise BrokenRule("from and to are equal", rule="a ramp leads somewhere", fix="write rate: 20/s", at=("to",))
        return self


def rate_form(rate: Any) -> Literal["ramp", "rate"]:
    """Which of its two forms a `rate` has."""
    return "ramp" if isinstance(rate, Mapping | Ramp) else "rate"


class Stage(Model):
    """A stretch of load of one kind."""

    for_: PositiveDuration = Field(alias="for", description="How long the stage lasts.", examples=["30s"])
    rate: Annotated[Annotated[Rate, Tag("rate")] | Annotated[Ramp, Tag("ramp")], Discriminator(rate_form)] | None = (
        Field(
            default=None,
            description="Arrivals during the stage, at one rate or a changing one; for constant and poisson arrivals.",
            examples=["20/s", {"from": "5/s", "to": "60/s"}],
        )
    )
    size: Positive | None = Field(default=None, description="Arrivals at one instant; for bursts.", examples=[50])
    every: PositiveDuration | None = Field(
        default=None, description="Time from one burst to the next; the first comes at once.", examples=["10s"]
    )
    users: Annotated[Count, Field(le=USERS_MAX)] | None = Field(
        default=None, description="Users that are there during the stage; for a closed load.", examples=[20]
    )

    @property
    def expected(self) -> float:
        """How many requests arrive in it, on average; of a closed load nobody knows."""
        if self.size is not None and self.every is not None:
            return self.size * self.for_ / self.every
        rate = (self.rate.from_ + self.rate.to) / 2 if isinstance(self.rate, Ramp) else self.rate or 0.0
        return rate * self.for_
