"""An asyncio flow runtime for agents."""

from penguiflow.about import __version__
from penguiflow.core import (
    DEFAULT_QUEUE_MAXSIZE,
    Call,
    Context,
    CycleError,
    Drained,
    Graph,
    Health,
    HookHealth,
    Interceptor,
    NodeHealth,
    OpenTrace,
    Outcome,
    PenguiFlow,
    Tenant,
    create,
)
from penguiflow.errors import (
    FlowError,
    FlowErrorCode,
    HookBacklogFull,
    StepNotExecuted,
    StepUnknown,
    TenantViolation,
    TraceCancelled,
    TraceEnded,
    TraceNotFound,
)
from penguiflow.fingerprint import digest
from penguiflow.logging import ExtraFormatter, StructuredFormatter, configure_logging
from penguiflow.metrics import FlowEvent, format_flow_event
from penguiflow.middlewares import LatencyCallback, Middleware, log_flow_events
from penguiflow.node import Node, NodePolicy
from penguiflow.registry import ModelRegistry
from penguiflow.state import InMemoryStateStore, RemoteBinding, StateStore, StoredEvent
from penguiflow.types import WM, FinalAnswer, Headers, Message, PlanStep, StreamChunk, Thought

__all__ = [
    "DEFAULT_QUEUE_MAXSIZE",
    "WM",
    "Call",
    "Context",
    "CycleError",
    "Drained",
    "ExtraFormatter",
    "FinalAnswer",
    "FlowError",
    "FlowErrorCode",
    "FlowEvent",
    "Graph",
    "Headers",
    "Health",
    "HookBacklogFull",
    "HookHealth",
    "InMemoryStateStore",
    "Interceptor",
    "LatencyCallback",
    "Message",
    "Middleware",
    "ModelRegistry",
    "Node",
    "NodeHealth",
    "NodePolicy",
    "OpenTrace",
    "Outcome",
    "PenguiFlow",
    "PlanStep",
    "RemoteBinding",
    "StateStore",
    "StepNotExecuted",
    "StepUnknown",
    "StoredEvent",
    "StreamChunk",
    "StructuredFormatter",
    "Tenant",
    "TenantViolation",
    "Thought",
    "TraceCancelled",
    "TraceEnded",
    "TraceNotFound",
    "__version__",
    "configure_logging",
    "create",
    "digest",
    "format_flow_event",
    "log_flow_events",
]
