"""Faults that hit single calls: of nodes, tools and services, and operations of the store."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from sim.model.fault_base import Delay, FailingFault, FaultBase, delay_form
from sim.model.fields import Flag, Name, Positive
from sim.model.rules import BrokenRule
from sim.model.units import Duration, PositiveDuration, PositiveRate

Side = Literal["request", "response"]


class LatencyFault(FaultBase):
    """The call answers late."""

    kind: Literal["latency"] = Field(description="The call answers late.", examples=["latency"])
    side: Side = Field(
        default="response",
        description="`response`: the call acts in time and its answer is late; `request`: it acts late.",
        examples=["request"],
    )
    delay: Annotated[
        Annotated[Duration, Tag("duration")] | Annotated[Delay, Tag("distribution")], Discriminator(delay_form)
    ] = Field(description="How much later.", examples=["900ms", {"dist": "lognormal", "median": "900ms"}])


class ToolErrorFault(FailingFault):
    """The call fails, before its effect or after it."""

    kind: Literal["tool_error"] = Field(description="The call fails.", examples=["tool_error"])
    after_effect: Flag = Field(
        default=False, description="The effect happens and only its answer is lost.", examples=[True]
    )


class HangFault(FaultBase):
    """The call does not answer, for a while or ever."""

    kind: Literal["hang"] = Field(description="The call does not answer.", examples=["hang"])
    release: PositiveDuration | None = Field(
        default=None, description="It answers after this time; without it, never.", examples=["30s"]
    )
    side: Side = Field(
        default="response",
        description="`response`: the call acts and its answer hangs; `request`: it does not even act.",
        examples=["request"],
    )


class RateLimitFault(FaultBase):
    """Calls beyond a rate are refused."""

    kind: Literal["rate_limit"] = Field(description="Calls beyond a rate are refused.", examples=["rate_limit"])
    rate: PositiveRate = Field(description="How many calls pass; the rest fails.", examples=["10/s"])
    burst: Positive = Field(default=1, description="How many may pass at once after a pause.", examples=[5])
    retry_after: Duration | None = Field(
        default=None,
        description="What a refusal tells to wait (`retry_after_s` of the error, the header `Retry-After`).",
        examples=["2s"],
    )


class CorruptFault(FaultBase):
    """The answer comes damaged."""

    kind: Literal["corrupt"] = Field(description="The answer comes damaged.", examples=["corrupt"])
    how: Literal["truncate", "remove", "retype"] = Field(
        description="`truncate` cuts texts and lists in half, `remove` takes the fields out, `retype` turns numbers "
        "into texts and everything else into a number.",
        examples=["truncate"],
    )
    fields: tuple[Name, ...] = Field(
        default=(),
        description="Which parts of the answer, as dotted paths; all of it where none is named.",
        examples=[["price", "customer.name"]],
    )

    @model_validator(mode="after")
    def _something_to_remove(self) -> Self:
        if self.how == "remove" and not self.fields:
            rule = "remove takes named fields out"
            raise BrokenRule("there is nothing to remove", rule=rule, fix="write fields: [price]", at=("how",))
        return self


class SqueezeFault(FaultBase):
    """There is less room than usual."""

    kind: Literal["squeeze"] = Field(description="There is less room than usual.", examples=["squeeze"])
    concurrency: Positive | None = Field(
        default=None,
        description="So many matching calls go on at once, such as with a pool that shrank; the others wait.",
        examples=[1],
    )
    queue_maxsize: Positive | None = Field(
        default=None, description="So many messages may wait on each edge into the node (`where.node`).", examples=[4]
    )

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.concurrency is None) == (self.queue_maxsize is None):
            given = "both are given" if self.concurrency else "neither is given"
            raise BrokenRule(
                f"of concurrency and queue_maxsize, {given}",
                rule="a squeeze has one limit",
                fix="write concurrency: 1",
                at=("concurrency",) if self.concurrency else (),
            )
        if self.queue_maxsize is not None:
            self.where.allow("node", subject="a squeeze of queues")
        return self


class StoreErrorFault(FailingFault):
    """An operation of the store or the bus fails."""

    kind: Literal["store_error"] = Field(description="An operation of the store fails.", examples=["store_error"])
    op: Literal["any", "save_event", "save_remote_binding", "publish"] = Field(
        default="any",
        description="Which operation; `publish` is the message bus.",
        examples=["save_event"],
    )

    @model_validator(mode="after")
    def _useful_where(self) -> Self:
        self.where.allow("node", "tenant", "trace", "call", subject="a store_error")
        return self


__all__ = [
    "CorruptFault",
    "HangFault",
    "LatencyFault",
    "RateLimitFault",
    "Side",
    "SqueezeFault",
    "StoreErrorFault",
    "ToolErrorFault",
]
