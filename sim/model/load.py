"""Who sends requests, and when."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sim.model.fields import CodeReference, Count, Model, Name, Number, Positive
from sim.model.rules import BrokenRule
from sim.model.units import PositiveDuration, Rate


class Seeds(Model):
    """Which seeds to run."""

    first: Count = Field(default=1, description="The first seed of the range.", examples=[1])
    count: Annotated[Positive, Field(le=1_000_000)] = Field(
        default=1, description="How many seeds in a row to run.", examples=[50]
    )
    always: tuple[Count, ...] = Field(
        default=(), description="Seeds to run besides the range: pinned regressions.", examples=[[4711]]
    )

    def all(self) -> list[int]:
        """The seeds of the range, then the pinned ones that it does not hold; each once."""
        return list(dict.fromkeys([*range(self.first, self.first + self.count), *self.always]))


class Tenant(Model):
    """One tenant's part in the load."""

    weight: Annotated[Number, Field(gt=0)] = Field(
        default=1.0, description="Share of the arrivals, relative to the others.", examples=[3]
    )


class Stage(Model):
    """A stretch of load at one rate."""

    for_: PositiveDuration = Field(alias="for", description="How long the stage lasts.", examples=["30s"])
    rate: Rate = Field(description="Arrivals during the stage.", examples=["20/s"])


class Trace(Model):
    """Arrivals recorded in a CSV file (SCENARIOS 1.7)."""

    csv: Name = Field(
        description="The file, from the scenario's folder; `${NAME}` is replaced by that environment variable.",
        examples=["traffic.csv", "${TRAFFIC_CSV}"],
    )
    time: Name = Field(
        description="The column that holds the arrival time (ISO 8601, or seconds).", examples=["TIMESTAMP"]
    )
    tenant: Name | None = Field(
        default=None,
        description="The column that names the tenant; without it tenants are drawn by weight.",
        examples=["customer"],
    )
    fields: tuple[Name, ...] = Field(
        default=(), description="The columns that the payload function gets.", examples=[["ContextTokens"]]
    )


class Load(Model):
    """The requests that arrive, whether or not the flow keeps up (an open model)."""

    model: Literal["open"] = Field(default="open", description="Arrivals do not wait for answers.", examples=["open"])
    arrival: Literal["poisson", "constant"] = Field(
        default="constant", description="How arrivals are spread over a stage.", examples=["poisson"]
    )
    payload: CodeReference | None = Field(
        default=None,
        description="What makes payloads: `(rng, tenant, index)`, for recorded traffic `(row, tenant, index)`.",
        examples=["shop.sim:make_order"],
    )
    deadline: PositiveDuration | None = Field(
        default=None, description="Time allowed for each request, from its arrival.", examples=["2s"]
    )
    stages: tuple[Stage, ...] = Field(
        default=(),
        description="Stretches of load, one after the other.",
        examples=[[{"for": "30s", "rate": "20/s"}]],
    )
    trace: Trace | None = Field(
        default=None,
        description="Recorded arrivals instead of stages.",
        examples=[{"csv": "traffic.csv", "time": "TIMESTAMP"}],
    )
    speed: Annotated[Number, Field(gt=0)] = Field(
        default=1.0, description="How much faster than recorded the trace is replayed.", examples=[2.0]
    )
    first: Positive | None = Field(default=None, description="Replay only this many rows.", examples=[500])

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.stages) == bool(self.trace):
            message = "there are stages and a trace" if self.stages else "there are neither stages nor a trace"
            fix = "remove one of them" if self.stages else "add stages: [{for: 30s, rate: 20/s}]"
            raise BrokenRule(message, rule="a load has exactly one source of arrivals", fix=fix)
        return self

    @model_validator(mode="after")
    def _source_uses_all(self) -> Self:
        unused = ("arrival",) if self.trace else ("speed", "first")
        for key in unused:
            if key in self.model_fields_set:
                kind = "stages" if self.trace else "a trace"
                raise BrokenRule(
                    f"nothing uses {key!r} here", rule=f"{key} belongs to {kind}", fix=f"remove {key}", at=(key,)
                )
        return self
