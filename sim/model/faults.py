"""What can go wrong: one model a kind of fault."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from sim.model.fields import CODE_PATTERN, Count, Flag, Identifier, Model, Name, Number, Positive, Share, Where
from sim.model.rules import BrokenRule, shown
from sim.model.units import Duration, PositiveDuration

NAMED_ERRORS = ("unavailable", "timeout", "rate_limited")
"""Errors that `tool_error` knows by name."""

Place = Literal["payload", "headers", "state", "tool_result"]
Sink = Literal["egress", "logs", "events", "state", "tool_args", "metric_labels"]


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


class LatencyFault(FaultBase):
    """The call answers late."""

    kind: Literal["latency"] = Field(description="The call answers late.", examples=["latency"])
    side: Literal["request", "response"] = Field(
        default="response",
        description="`response`: the call acts in time and its answer is late; `request`: it acts late.",
        examples=["request"],
    )
    delay: Annotated[
        Annotated[Duration, Tag("duration")] | Annotated[Delay, Tag("distribution")], Discriminator(delay_form)
    ] = Field(description="How much later.", examples=["900ms", {"dist": "lognormal", "median": "900ms"}])


class ToolErrorFault(FaultBase):
    """The call fails, before its effect or after it."""

    kind: Literal["tool_error"] = Field(description="The call fails.", examples=["tool_error"])
    error: Name = Field(
        default="unavailable",
        description="`unavailable`, `timeout`, `rate_limited`, or an exception class as `module:Class`.",
        examples=["unavailable", "shop.errors:CardDeclined"],
    )
    after_effect: Flag = Field(
        default=False, description="The effect happens and only its answer is lost.", examples=[True]
    )

    @model_validator(mode="after")
    def _known_error(self) -> Self:
        if self.error not in NAMED_ERRORS and re.fullmatch(CODE_PATTERN.strip("^$"), self.error) is None:
            rule = f"an error is {', '.join(NAMED_ERRORS)} or module:Class"
            raise BrokenRule(f"{shown(self.error)} is no error", rule=rule, fix="write unavailable", at=("error",))
        return self


class RetryStormFault(FaultBase):
    """Calls fail while many callers retry in step: load and fault at once."""

    kind: Literal["retry_storm"] = Field(
        description="Calls fail while many callers retry in step.", examples=["retry_storm"]
    )
    share: Share = Field(
        default=1.0, description="Share of the matching calls that fail inside the window.", examples=[0.9]
    )
    clients: Positive = Field(
        default=50, description="Callers that start a request when the window opens.", examples=[200]
    )
    attempts: Positive = Field(default=3, description="How often each caller tries in all.", examples=[5])
    backoff: Duration = Field(default=0.1, description="Time a caller waits before it tries again.", examples=["50ms"])
    jitter: Literal["none", "full"] = Field(
        default="none", description="`full` spreads each wait evenly over 0 to `backoff`.", examples=["none"]
    )

    @model_validator(mode="after")
    def _closed_window(self) -> Self:
        if self.window.for_ is None:
            fix = "write window: {from: 60s, for: 8s}"
            raise BrokenRule("the storm never ends", rule="a retry storm has a window.for", fix=fix, at=("window",))
        return self

    @model_validator(mode="after")
    def _useful_where(self) -> Self:
        self.where.allow("node", "tool", "tenant", subject="a retry_storm")
        return self


class TenantProbeFault(FaultBase):
    """A planted secret of one tenant is looked for wherever another tenant can see."""

    kind: Literal["tenant_probe"] = Field(
        description="Plant a secret, look for it where others can see.", examples=["tenant_probe"]
    )
    victim: Name = Field(description="The tenant whose data is marked.", examples=["acme"])
    attacker: Name = Field(description="The tenant that must not see it.", examples=["globex"])
    plant: tuple[Place, ...] = Field(
        default=("payload",),
        min_length=1,
        description="Where canaries are planted.",
        examples=[["payload", "tool_result"]],
    )
    look_in: tuple[Sink, ...] = Field(
        default=("egress", "logs", "events", "state", "tool_args", "metric_labels"),
        min_length=1,
        description="Which sinks are searched.",
        examples=[["egress", "logs"]],
    )

    @model_validator(mode="after")
    def _two_tenants(self) -> Self:
        if self.victim == self.attacker:
            message = f"victim and attacker are both {shown(self.victim)}"
            raise BrokenRule(message, rule="a probe needs two tenants", fix="name another attacker", at=("attacker",))
        return self

    @model_validator(mode="after")
    def _useful_where(self) -> Self:
        self.where.allow(subject="a tenant_probe")
        return self


Fault = Annotated[
    LatencyFault | ToolErrorFault | RetryStormFault | TenantProbeFault,
    Field(discriminator="kind"),
]
FAULT_KINDS = ("latency", "tool_error", "retry_storm", "tenant_probe")
