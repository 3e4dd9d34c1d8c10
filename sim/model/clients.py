"""How the callers behind a load behave: how long they wait, and what they do then."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sim.model.fields import Model, Number, Positive, Share
from sim.model.rules import BrokenRule
from sim.model.units import Duration, PositiveDuration


class Resubmit(Model):
    """Asking again for the same order: the same payload, in a new trace."""

    times: Annotated[Positive, Field(le=100)] = Field(
        default=1, description="How often a caller asks again in all.", examples=[2]
    )
    after: Duration = Field(
        default=1.0, description="Time from the failure to the next request, the first time.", examples=["500ms"]
    )
    factor: Annotated[Number, Field(ge=1, le=10)] = Field(
        default=1.0, description="Each further wait is so many times longer than the one before.", examples=[2]
    )
    jitter: Literal["none", "full"] = Field(
        default="none", description="`full` spreads each wait evenly over 0 to its length.", examples=["full"]
    )


class Cancel(Model):
    """Calling off a request that has no answer yet."""

    after: PositiveDuration = Field(description="Time from the request's arrival.", examples=["500ms"])
    chance: Share = Field(default=1.0, description="Share of the requests that are called off, 0 to 1.", examples=[0.1])


class Client(Model):
    """What a caller does besides waiting for its answer. Once it stops waiting, what still happens is a zombie."""

    give_up_after: PositiveDuration | None = Field(
        default=None,
        description="Time after which a caller no longer waits; it tells nobody, so the work goes on.",
        examples=["3s"],
    )
    cancel: Cancel | None = Field(
        default=None,
        description="Callers that call off a request which has no answer yet; they do not ask again.",
        examples=[{"after": "500ms", "chance": 0.1}],
    )
    resubmit: Resubmit | None = Field(
        default=None,
        description="Callers that ask again when they got an error, or no answer.",
        examples=[{"times": 2, "after": "1s", "factor": 2}],
    )

    @model_validator(mode="after")
    def _cancels_in_time(self) -> Self:
        late = self.cancel and self.give_up_after and self.cancel.after >= self.give_up_after
        if late:
            raise BrokenRule(
                "the caller has given up by then",
                rule="a request is called off before give_up_after",
                fix="cancel sooner",
                at=("cancel", "after"),
            )
        return self
