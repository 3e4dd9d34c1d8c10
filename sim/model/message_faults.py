"""Faults that hit messages between nodes, and what leaves the flow."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sim.model.fault_base import FaultBase
from sim.model.fields import Positive
from sim.model.rules import BrokenRule
from sim.model.units import Duration, PositiveDuration

MESSAGE_KEYS = ("node", "edge", "tenant", "trace", "call")


class MessageFault(FaultBase):
    """A fault of messages: `where.edge` says which way they go, `where.node` where to."""

    @model_validator(mode="after")
    def _useful_where(self) -> Self:
        self.where.allow(*MESSAGE_KEYS, subject=f"a {type(self).model_fields['kind'].examples[0]}")  # type: ignore[index] # each kind has one
        return self


class DropFault(MessageFault):
    """A message is lost on its way."""

    kind: Literal["drop"] = Field(description="A message is lost on its way.", examples=["drop"])


class DuplicateFault(MessageFault):
    """A message arrives more than once."""

    kind: Literal["duplicate"] = Field(description="A message arrives more than once.", examples=["duplicate"])
    copies: Positive = Field(default=1, description="How many more of it arrive.", examples=[2])


class ReorderFault(MessageFault):
    """A message is overtaken by later ones."""

    kind: Literal["reorder"] = Field(description="A message is overtaken by later ones.", examples=["reorder"])
    within: PositiveDuration = Field(
        description="It is held back for up to this time, drawn anew for each message.", examples=["200ms"]
    )


class SlowStreamFault(MessageFault):
    """The chunks of a stream come slowly, or end too early."""

    kind: Literal["slow_stream"] = Field(description="The chunks of a stream come slowly.", examples=["slow_stream"])
    first_chunk: Duration = Field(default=0.0, description="How much later the first chunk comes.", examples=["2s"])
    gap: Duration = Field(default=0.0, description="How much later each further chunk comes.", examples=["300ms"])
    cut_after: Positive | None = Field(
        default=None, description="After so many chunks the stream breaks off without an end.", examples=[3]
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.first_chunk or self.gap or self.cut_after):
            rule = "a slow stream has a first_chunk, a gap or a cut_after"
            raise BrokenRule("nothing is slow", rule=rule, fix="write gap: 300ms", at=("kind",))
        return self
