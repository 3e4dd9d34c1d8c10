"""What can go wrong: one model a kind of fault."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from sim.model.call_faults import (
    CorruptFault,
    HangFault,
    LatencyFault,
    RateLimitFault,
    SqueezeFault,
    StoreErrorFault,
    ToolErrorFault,
)
from sim.model.fault_base import NAMED_ERRORS, Delay, FailingFault, FaultBase, Window
from sim.model.fields import Extension, Name, Number, Positive, Share
from sim.model.life_faults import CancelFault, CrashFault
from sim.model.message_faults import DropFault, DuplicateFault, ReorderFault, SlowStreamFault
from sim.model.rules import BrokenRule, shown
from sim.model.units import Duration, SignedDuration

Place = Literal["payload", "headers", "meta", "state", "tool_result", "memory"]
Sink = Literal["egress", "errors", "logs", "events", "state", "bus", "tool_args", "services", "metric_labels"]
SINKS: tuple[Sink, ...] = get_args(Sink)


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
        description="Where canaries are planted; `memory`: in one request, to see what the flow keeps of it.",
        examples=[["payload", "tool_result"]],
    )
    look_in: tuple[Sink, ...] = Field(
        default=SINKS,
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


class ClockSkewFault(FaultBase):
    """The flow's wall clock is wrong."""

    kind: Literal["clock_skew"] = Field(description="The flow's wall clock is wrong.", examples=["clock_skew"])
    offset: SignedDuration = Field(
        default=0.0, description="How far it is ahead; behind where it is negative.", examples=["-5s"]
    )
    drift: Annotated[Number, Field(ge=-1.0, le=10.0)] = Field(
        default=0.0,
        description="How many seconds it gains (or loses) in each second of the window, besides.",
        examples=[0.01],
    )

    @model_validator(mode="after")
    def _wrong_somehow(self) -> Self:
        self.where.allow(subject="a clock_skew")
        if not (self.offset or self.drift):
            rule = "a skewed clock has an offset or a drift"
            raise BrokenRule("the clock is right", rule=rule, fix="write offset: 5s", at=("kind",))
        return self


class CustomFault(FaultBase):
    """A fault of your own."""

    kind: Literal["custom"] = Field(description="A fault of your own.", examples=["custom"])
    factory: Extension = Field(
        description="`module:callable` that makes it, or the name under which an installed package offers it: "
        "`(fault, draws, **args)`, see docs/faults.md.",
        examples=["shop.sim:Flaky"],
    )
    args: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments for the factory.", examples=[{"every": 3}]
    )


Fault = Annotated[
    LatencyFault
    | ToolErrorFault
    | HangFault
    | RateLimitFault
    | CorruptFault
    | SqueezeFault
    | StoreErrorFault
    | DropFault
    | DuplicateFault
    | ReorderFault
    | SlowStreamFault
    | CrashFault
    | CancelFault
    | ClockSkewFault
    | RetryStormFault
    | TenantProbeFault
    | CustomFault,
    Field(discriminator="kind"),
]
FAULT_KINDS: tuple[str, ...] = tuple(
    get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Fault)[0])
)
"""Every kind of fault that a scenario file may name."""

__all__ = [
    "FAULT_KINDS",
    "NAMED_ERRORS",
    "CancelFault",
    "ClockSkewFault",
    "CorruptFault",
    "CrashFault",
    "CustomFault",
    "Delay",
    "DropFault",
    "DuplicateFault",
    "FailingFault",
    "Fault",
    "FaultBase",
    "HangFault",
    "LatencyFault",
    "Place",
    "RateLimitFault",
    "ReorderFault",
    "RetryStormFault",
    "Sink",
    "SlowStreamFault",
    "SqueezeFault",
    "StoreErrorFault",
    "TenantProbeFault",
    "ToolErrorFault",
    "Window",
]
