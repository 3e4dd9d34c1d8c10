"""A scenario file as frozen data (SCENARIOS section 1). The loader makes these; nothing here reads a file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from sim.model.units import Duration, Rate

SCHEMA_ID = "penguiflow.sim/1"
RESERVED_CHECK_IDS = ("stuck", "lost", "leaks", "determinism")

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]
CodeReference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]

Place = Literal["payload", "headers", "state", "tool_result"]
Sink = Literal["egress", "logs", "events", "state", "tool_args", "metric_labels"]
Metric = Literal[
    "trace.latency",
    "trace.timeouts",
    "trace.deadline_exceeded",
    "trace.errors",
    "attempts.per_request",
    "recovery.time",
    "queue.depth",
    "effects.duplicates",
    "effects.zombies",
    "effects.unkeyed",
    "leaks.confirmed",
]
Stat = Literal["count", "rate", "min", "mean", "p50", "p90", "p95", "p99", "max"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=False)


class Seeds(_Model):
    """Which seeds to run."""

    first: int = Field(default=1, ge=0, description="The first seed of the range.", examples=[1])
    count: Positive = Field(default=1, description="How many seeds in a row to run.", examples=[50])
    always: tuple[int, ...] = Field(
        default=(), description="Seeds to run besides the range: pinned regressions.", examples=[[4711]]
    )

    def all(self) -> list[int]:
        """The seeds of the range, then the pinned ones that it does not hold."""
        listed = list(range(self.first, self.first + self.count))
        return listed + [seed for seed in self.always if seed not in listed]


class Tenant(_Model):
    """One tenant's part in the load."""

    weight: float = Field(default=1.0, gt=0, description="Share of the arrivals, relative to the others.", examples=[3])


class Stage(_Model):
    """A stretch of load at one rate."""

    for_: Duration = Field(alias="for", description="How long the stage lasts.", examples=["30s"])
    rate: Rate = Field(description="Arrivals during the stage.", examples=["20/s"])


class Trace(_Model):
    """Arrivals recorded in a CSV file (SCENARIOS 1.7)."""

    csv: str = Field(
        description="The file, from the scenario's folder; `${NAME}` is replaced by that environment variable.",
        examples=["traffic.csv", "${TRAFFIC_CSV}"],
    )
    time: str = Field(description="The column that holds the arrival time (ISO 8601, or seconds).", examples=["TIMESTAMP"])
    tenant: str | None = Field(
        default=None, description="The column that names the tenant; without it tenants are drawn by weight.", examples=["customer"]
    )
    fields: tuple[str, ...] = Field(
        default=(), description="The columns that the payload function gets.", examples=[["ContextTokens"]]
    )


class Load(_Model):
    """The requests that arrive, whether or not the flow keeps up (an open model)."""

    model: Literal["open"] = Field(default="open", description="Arrivals do not wait for answers.", examples=["open"])
    arrival: Literal["poisson", "constant"] = Field(
        default="constant", description="How arrivals are spread over a stage.", examples=["poisson"]
    )
    payload: CodeReference | None = Field(
        default=None,
        description="The function that makes payloads: `(rng, tenant, index)`, for recorded traffic `(row, tenant, index)`.",
        examples=["shop.sim:make_order"],
    )
    deadline: Duration | None = Field(
        default=None, description="Time allowed for each request, from its arrival.", examples=["2s"]
    )
    stages: tuple[Stage, ...] = Field(
        default=(), description="Stretches of load, one after the other.", examples=[[{"for": "30s", "rate": "20/s"}]]
    )
    trace: Trace | None = Field(
        default=None, description="Recorded arrivals instead of stages.", examples=[{"csv": "traffic.csv", "time": "TIMESTAMP"}]
    )
    speed: float = Field(default=1.0, gt=0, description="How much faster than recorded the trace is replayed.", examples=[2.0])
    first: Positive | None = Field(default=None, description="Replay only this many rows.", examples=[500])

    @model_validator(mode="after")
    def _one_source(self) -> Load:
        if bool(self.stages) == bool(self.trace):
            msg = "a load has either `stages` or a `trace`, and exactly one of them; write stages: [{for: 30s, rate: 20/s}]"
            raise ValueError(msg)
        return self


class Window(_Model):
    """When a fault is armed, in virtual time from the start of the run."""

    from_: Duration = Field(default=0.0, alias="from", description="Start of the window.", examples=["20s"])
    for_: Duration | None = Field(
        default=None, alias="for", description="Length of the window; without it, to the end of the run.", examples=["15s"]
    )

    @property
    def end_s(self) -> float:
        """When the window closes, in seconds; infinite for an open one."""
        return float("inf") if self.for_ is None else self.from_ + self.for_


class Where(_Model):
    """Which calls a fault or a check looks at; every given key has to match."""

    node: str | None = Field(default=None, description="Calls made by this node.", examples=["search"])
    tool: str | None = Field(default=None, description="Calls of this tool (the name given to `ctx.effect`).", examples=["charge_card"])
    tenant: str | None = Field(default=None, description="Calls on behalf of this tenant.", examples=["acme"])
    attempt: Positive | None = Field(default=None, description="Calls during this attempt of the node, counted from 1.", examples=[1])
    call: Positive | None = Field(
        default=None, description="The how-many-th such call of its trace, counted from 1.", examples=[1]
    )


class Delay(_Model):
    """A delay that is drawn anew for every call."""

    dist: Literal["constant", "uniform", "exponential", "lognormal"] = Field(
        description="The shape of the distribution.", examples=["lognormal"]
    )
    median: Duration = Field(description="Half of the delays are shorter than this.", examples=["900ms"])
    spread: Annotated[float, Field(ge=0.0, le=5.0)] = Field(
        default=0.5,
        description="lognormal: sigma of the logarithm; uniform: half width as a share of the median; else unused.",
        examples=[0.4],
    )
    max: Duration | None = Field(default=None, description="No delay is longer than this.", examples=["5s"])


class FaultBase(_Model):
    """What every fault has."""

    id: Identifier = Field(description="The fault's name in all outputs; unique in the file.", examples=["slow-search"])
    where: Where = Field(default_factory=Where, description="Which calls it may hit.", examples=[{"node": "search"}])
    window: Window = Field(default_factory=Window, description="When it is armed.", examples=[{"from": "20s", "for": "15s"}])
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
    delay: Duration | Delay = Field(description="How much later.", examples=["900ms", {"dist": "lognormal", "median": "900ms"}])


class ToolErrorFault(FaultBase):
    """The call fails, before its effect or after it."""

    kind: Literal["tool_error"] = Field(description="The call fails.", examples=["tool_error"])
    error: str = Field(
        default="unavailable",
        description="`unavailable`, `timeout`, `rate_limited`, or an exception class as `module:Class`.",
        examples=["unavailable", "shop.errors:CardDeclined"],
    )
    after_effect: bool = Field(
        default=False, description="The effect happens and only its answer is lost.", examples=[True]
    )

    @model_validator(mode="after")
    def _known_error(self) -> ToolErrorFault:
        if self.error not in ("unavailable", "timeout", "rate_limited") and ":" not in self.error:
            msg = f"error {self.error!r} is unknown; it is unavailable, timeout, rate_limited or module:Class; write unavailable"
            raise ValueError(msg)
        return self


class RetryStormFault(FaultBase):
    """Calls fail while many callers retry in step: load and fault at once."""

    kind: Literal["retry_storm"] = Field(description="Calls fail while callers retry in step.", examples=["retry_storm"])
    share: Share = Field(default=1.0, description="Share of the matching calls that fail inside the window.", examples=[0.9])
    clients: Positive = Field(default=50, description="Callers that start a request when the window opens.", examples=[200])
    attempts: Positive = Field(default=3, description="How often each caller tries in all.", examples=[5])
    backoff: Duration = Field(default=0.1, description="Time a caller waits before it tries again.", examples=["50ms"])
    jitter: Literal["none", "full"] = Field(
        default="none", description="`full` spreads each wait evenly over 0 to `backoff`.", examples=["none"]
    )

    @model_validator(mode="after")
    def _closed_window(self) -> RetryStormFault:
        if self.window.for_ is None:
            msg = "a retry storm has an end; give window.for, such as window: {from: 60s, for: 8s}"
            raise ValueError(msg)
        return self


class TenantProbeFault(FaultBase):
    """A planted secret of one tenant is looked for wherever another tenant can see."""

    kind: Literal["tenant_probe"] = Field(description="Plant a secret, look for it elsewhere.", examples=["tenant_probe"])
    victim: str = Field(description="The tenant whose data is marked.", examples=["acme"])
    attacker: str = Field(description="The tenant that must not see it.", examples=["globex"])
    plant: tuple[Place, ...] = Field(
        default=("payload",), min_length=1, description="Where canaries are planted.", examples=[["payload", "tool_result"]]
    )
    look_in: tuple[Sink, ...] = Field(
        default=("egress", "logs", "events", "state", "tool_args", "metric_labels"),
        min_length=1,
        description="Which sinks are searched.",
        examples=[["egress", "logs"]],
    )

    @model_validator(mode="after")
    def _two_tenants(self) -> TenantProbeFault:
        if self.victim == self.attacker:
            msg = f"victim and attacker are both {self.victim!r}; a probe needs two tenants; name another attacker"
            raise ValueError(msg)
        return self


Fault = Annotated[
    LatencyFault | ToolErrorFault | RetryStormFault | TenantProbeFault,
    Field(discriminator="kind"),
]
FAULT_KINDS = ("latency", "tool_error", "retry_storm", "tenant_probe")


class Check(_Model):
    """A promise about one metric."""

    id: Identifier = Field(description="The check's name in all outputs; unique in the file.", examples=["charge-once"])
    metric: Metric = Field(description="What is measured.", examples=["trace.latency"])
    stat: Stat = Field(default="count", description="How the samples become one number.", examples=["p99"])
    during: str = Field(
        default="whole",
        description="`whole`, `before-faults`, `after-faults`, or the id of a fault (its window).",
        examples=["before-faults"],
    )
    where: Where = Field(default_factory=Where, description="Which samples count.", examples=[{"tenant": "acme"}])
    versus: Literal["baseline"] | None = Field(
        default=None,
        description="Divide by the same number of the run with all faults off.",
        examples=["baseline"],
    )
    max: float | Duration | None = Field(default=None, description="The number may not be larger.", examples=["400ms", 0.01])
    min: float | Duration | None = Field(default=None, description="The number may not be smaller.", examples=[1])
    at_least: Positive | None = Field(
        default=None, description="Fewer samples than this over all seeds make the verdict inconclusive.", examples=[100]
    )
    severity: Literal["fail", "warn"] = Field(default="fail", description="What a broken promise means.", examples=["warn"])

    @model_validator(mode="after")
    def _bounded(self) -> Check:
        if self.max is None and self.min is None:
            msg = "a check needs a bound; give max or min, such as max: 0"
            raise ValueError(msg)
        return self


FindingKind = Literal[
    "threshold", "timeout", "deadline", "error", "duplicate_effect", "zombie_effect", "unkeyed_effect",
    "leak", "stuck", "lost", "not_drained", "nondeterminism",
]  # fmt: skip


class Expect(_Model):
    """A check that has to fail: this scenario is a demonstration."""

    check: str = Field(description="The id of the check that fails, or an always-on one: stuck, lost, leaks.", examples=["charge-once"])
    finding: FindingKind = Field(description="The kind of finding that it shows.", examples=["duplicate_effect"])
    seeds: Literal["any", "all"] = Field(default="any", description="In at least one seed, or in every seed.", examples=["all"])


class Scenario(_Model):
    """One file: a flow, the load on it, what goes wrong, and what has to hold."""

    schema_: Literal["penguiflow.sim/1"] = Field(
        alias="schema", description="The version of this format.", examples=["penguiflow.sim/1"]
    )
    name: Identifier = Field(description="The scenario's name in all outputs.", examples=["checkout-under-stress"])
    title: str = Field(default="", description="One line for people.", examples=["Checkout survives a slow search"])
    about: str = Field(default="", description="A paragraph on what the scenario teaches.", examples=["Retries repeat ..."])
    tags: tuple[Identifier, ...] = Field(default=(), description="Words to select scenarios by.", examples=[["ci"]])
    flow: CodeReference = Field(
        description="`module:callable` that builds the flow: `build(world, **args)` or `build(**args)`.",
        examples=["shop.flows:build_checkout"],
    )
    args: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments for the builder.", examples=[{"currency": "EUR"}])
    horizon: Duration = Field(default=600.0, description="Virtual time after which the run ends; still busy then is a failure.", examples=["120s"])
    seeds: Seeds = Field(default_factory=Seeds, description="Which seeds to run.", examples=[{"first": 1, "count": 50}])
    tenants: dict[str, Tenant] = Field(
        default_factory=lambda: {"default": Tenant()}, min_length=1, description="Who sends requests.", examples=[{"acme": {"weight": 3}}]
    )
    load: Load = Field(description="The requests that arrive.", examples=[{"stages": [{"for": "30s", "rate": "20/s"}]}])
    faults: tuple[Fault, ...] = Field(default=(), description="What goes wrong.", examples=[[{"id": "slow", "kind": "latency", "delay": "1s"}]])
    checks: tuple[Check, ...] = Field(default=(), description="What has to hold.", examples=[[{"id": "once", "metric": "effects.duplicates", "max": 0}]])
    expect: tuple[Expect, ...] = Field(
        default=(), description="Which checks have to fail, and how: for demonstrations.", examples=[[{"check": "once", "finding": "duplicate_effect"}]]
    )
