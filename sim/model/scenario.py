"""A scenario file as frozen data (SCENARIOS section 1). The loader makes these; nothing here reads a file."""

from typing import Any, Literal

from pydantic import Field

from sim.model.checks import (
    DURING_NOUNS,
    FINDING_KINDS,
    RESERVED_CHECK_IDS,
    Check,
    CheckWhere,
    Expect,
    FindingKind,
    Metric,
    Stat,
)
from sim.model.explore import Explore
from sim.model.faults import (
    FAULT_KINDS,
    NAMED_ERRORS,
    CancelFault,
    CrashFault,
    Delay,
    Fault,
    FaultBase,
    LatencyFault,
    Place,
    RetryStormFault,
    Sink,
    TenantProbeFault,
    ToolErrorFault,
    Window,
)
from sim.model.fields import CodeReference, Identifier, Model, Name, ScenarioName, VariableName, Where
from sim.model.known import Known
from sim.model.load import Load, Seeds, Tenant, Trace
from sim.model.override import Override, PolicyChange
from sim.model.stages import Ramp, Stage
from sim.model.units import PositiveDuration
from sim.model.world import NodeEffect, Outside, Service

__all__ = [
    "DURING_NOUNS",
    "FAULT_KINDS",
    "FINDING_KINDS",
    "NAMED_ERRORS",
    "RESERVED_CHECK_IDS",
    "SCHEMA_ID",
    "CancelFault",
    "Check",
    "CheckWhere",
    "CrashFault",
    "Delay",
    "Expect",
    "Explore",
    "Fault",
    "FaultBase",
    "FindingKind",
    "Known",
    "LatencyFault",
    "Load",
    "Metric",
    "NodeEffect",
    "Outside",
    "Override",
    "Place",
    "PolicyChange",
    "Ramp",
    "RetryStormFault",
    "Scenario",
    "Seeds",
    "Service",
    "Sink",
    "Stage",
    "Stat",
    "Tenant",
    "TenantProbeFault",
    "ToolErrorFault",
    "Trace",
    "Where",
    "Window",
]

SCHEMA_ID = "penguiflow.sim/1"


class Scenario(Model):
    """One file: a flow, the load on it, what goes wrong, and what has to hold."""

    schema_: Literal["penguiflow.sim/1"] = Field(
        alias="schema", description="The version of this format.", examples=["penguiflow.sim/1"]
    )
    name: ScenarioName = Field(description="The scenario's name in all outputs.", examples=["checkout-under-stress"])
    extends: Name | None = Field(
        default=None,
        description="A scenario file that this one starts from, from this file's folder: mappings are merged by key, "
        "faults, checks, expect and known by id.",
        examples=["base.yaml"],
    )
    title: str = Field(default="", description="One line for people.", examples=["Checkout survives a slow search"])
    about: str = Field(
        default="",
        description="A paragraph on what the scenario teaches.",
        examples=["The bank's answer is lost, and the retry charges again."],
    )
    tags: tuple[Identifier, ...] = Field(default=(), description="Words to select scenarios by.", examples=[["ci"]])
    flow: CodeReference = Field(
        description="`module:callable` that builds the flow: `build(world, **args)` or `build(**args)`.",
        examples=["shop.flows:build_checkout"],
    )
    args: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments for the builder.", examples=[{"currency": "EUR"}]
    )
    env: tuple[VariableName, ...] = Field(
        default=(),
        description="Environment variables that the flow may read; it sees no others but a few such as PATH and HOME.",
        examples=[["SHOP_REGION"]],
    )
    world: Outside = Field(
        default_factory=Outside,
        description="Simulated services that the flow reaches, and nodes that are effects.",
        examples=[{"services": {"payments": {"app": "shop.world:payments"}}}],
    )
    horizon: PositiveDuration = Field(
        default=600.0,
        description="Virtual time after which the run ends; still busy then is a failure.",
        examples=["120s"],
    )
    seeds: Seeds = Field(default_factory=Seeds, description="Which seeds to run.", examples=[{"first": 1, "count": 50}])
    tenants: dict[Name, Tenant] = Field(
        default_factory=lambda: {"default": Tenant()},
        min_length=1,
        description="Who sends requests.",
        examples=[{"acme": {"weight": 3}}],
    )
    load: Load = Field(description="The requests that arrive.", examples=[{"stages": [{"for": "30s", "rate": "20/s"}]}])
    faults: tuple[Fault, ...] = Field(
        default=(),
        description="What goes wrong.",
        examples=[[{"id": "slow", "kind": "latency", "delay": "1s"}]],
    )
    checks: tuple[Check, ...] = Field(
        default=(),
        description="What has to hold.",
        examples=[[{"id": "once", "metric": "effects.duplicates", "max": 0}]],
    )
    matrix: dict[Name, tuple[str | int | float | bool, ...]] = Field(
        default_factory=dict,
        description="Values to vary, by the dotted path of each; every combination is a scenario of its own. "
        "Entries of a list are named by position, from 0, or by id.",
        examples=[{"load.stages.0.rate": ["20/s", "60/s"]}],
    )
    override: Override = Field(
        default_factory=Override,
        description="Limits to run the flow under, instead of those that it was built with.",
        examples=[{"nodes": {"charge": {"timeout_s": 2, "max_retries": 1}}, "queue_maxsize": 16}],
    )
    explore: Explore | None = Field(
        default=None,
        description="What may be late besides, from seed to seed; without it, only the file's faults happen.",
        examples=[{"modes": ["file", "delay_points"]}],
    )
    expect: tuple[Expect, ...] = Field(
        default=(),
        description="Which checks have to fail, and how: for demonstrations.",
        examples=[[{"check": "once", "finding": "duplicate_effect"}]],
    )
    known: tuple[Known, ...] = Field(
        default=(),
        description="Which checks are known to fail, and warn instead until their date.",
        examples=[[{"check": "once", "issue": "SHOP-1234", "until": "2027-03-31"}]],
    )
