"""Who sends requests, and when."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from sim.model.clients import Client
from sim.model.fault_base import Delay, delay_form
from sim.model.fields import CodeReference, Count, Extension, Model, Name, Number, Positive
from sim.model.rules import BrokenRule
from sim.model.stages import ARRIVALS_MAX, Stage
from sim.model.units import PositiveDuration

_SOURCES = {
    "stages": "add stages: [{for: 30s, rate: 20/s}]",
    "trace": "add trace: {csv: traffic.csv, time: TIME}",
    "shape": "add shape: shop.sim:weekend",
}
_STAGE_KEYS = {"rate": "20/s", "size": "50", "every": "10s", "users": "20"}


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
    deadline: PositiveDuration | None = Field(
        default=None, description="Time allowed for its requests, instead of that of the load.", examples=["1s"]
    )


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
    """The requests that arrive."""

    model: Literal["open", "closed"] = Field(
        default="open",
        description="`open`: arrivals do not wait for answers; `closed`: each user asks again only after its answer, "
        "so a slow flow gets less load.",
        examples=["closed"],
    )
    arrival: Literal["constant", "poisson", "burst"] = Field(
        default="constant",
        description="How arrivals are spread over a stage: evenly, by chance, or many at once.",
        examples=["poisson"],
    )
    think: (
        Annotated[
            Annotated[PositiveDuration, Tag("duration")] | Annotated[Delay, Tag("distribution")],
            Discriminator(delay_form),
        ]
        | None
    ) = Field(
        default=None,
        description="Time that a user of a closed load takes from an answer to its next request.",
        examples=["1s", {"dist": "exponential", "median": "1s"}],
    )
    payload: CodeReference | None = Field(
        default=None,
        description="What makes payloads: `(rng, tenant, index)`, for recorded traffic `(row, tenant, index)`.",
        examples=["shop.sim:make_order"],
    )
    deadline: PositiveDuration | None = Field(
        default=None, description="Time allowed for each request, from its arrival.", examples=["2s"]
    )
    client: Client = Field(
        default_factory=Client,
        description="What callers do besides waiting for their answers.",
        examples=[{"give_up_after": "3s", "resubmit": {"times": 2}}],
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
    shape: Extension | None = Field(
        default=None,
        description="A function that gives the arrivals instead of stages: `(rng, horizon_s)` to seconds, or pairs "
        "of seconds and a tenant; `module:callable`, or the name under which an installed package offers it.",
        examples=["shop.sim:weekend"],
    )
    speed: Annotated[Number, Field(gt=0)] = Field(
        default=1.0, description="How much faster than recorded the trace is replayed.", examples=[2.0]
    )
    first: Positive | None = Field(default=None, description="Replay only this many rows.", examples=[500])

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [source for source in _SOURCES if getattr(self, source)]
        rule = "a load has exactly one source of arrivals"
        if not given:
            raise BrokenRule("there are neither stages nor a trace nor a shape", rule=rule, fix=_SOURCES["stages"])
        if len(given) > 1:
            raise BrokenRule(f"there are {given[0]} and a {given[1]}", rule=rule, fix="remove one of them")
        return self

    @model_validator(mode="after")
    def _source_uses_all(self) -> Self:
        if self.model == "closed" and not self.stages:
            source = "trace" if self.trace else "shape"
            fix = "remove the model, or write stages"
            raise BrokenRule(f"a {source} is not closed", rule="users are given by stages", fix=fix, at=("model",))
        owners = {
            "arrival": ("stages of an open load", self.stages and self.model == "open"),
            "think": ("a closed load", self.model == "closed"),
            "speed": ("a trace", self.trace),
            "first": ("a trace", self.trace),
        }
        for key, (owner, used) in owners.items():
            if key in self.model_fields_set and not used:
                raise BrokenRule(
                    f"nothing uses {key!r} here", rule=f"{key} belongs to {owner}", fix=f"remove {key}", at=(key,)
                )
        if self.model == "closed" and self.think is None:
            raise BrokenRule("nobody thinks", rule="users of a closed load take time", fix="add think: 1s")
        return self

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        kind, wanted = self._stage_kind()
        rule = f"a stage of {kind} has {', '.join(('for', *wanted[:-1]))} and {wanted[-1]}"
        for position, stage in enumerate(self.stages):
            for key, example in _STAGE_KEYS.items():
                given = getattr(stage, key) is not None
                if key in wanted and not given:
                    fix = f"add {key}: {example}"
                    raise BrokenRule(f"there is no {key}", rule=rule, fix=fix, at=("stages", position))
                if given and key not in wanted:
                    at = ("stages", position, key)
                    raise BrokenRule(f"nothing uses {key!r} here", rule=rule, fix=f"remove {key}", at=at)
        if (expected := sum(stage.expected for stage in self.stages)) > ARRIVALS_MAX:
            message, rule = f"{expected:.3g} requests arrive", f"a run has at most {ARRIVALS_MAX}"
            raise BrokenRule(message, rule=rule, fix="lower the rate, or shorten the stages", at=("stages",))
        return self

    def _stage_kind(self) -> tuple[str, tuple[str, ...]]:
        if self.model == "closed":
            return "a closed load", ("users",)
        return ("bursts", ("size", "every")) if self.arrival == "burst" else (f"{self.arrival} arrivals", ("rate",))
