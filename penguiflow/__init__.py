"""An asyncio flow runtime for agents."""

from penguiflow.about import __version__
from penguiflow.core import (
    DEFAULT_QUEUE_MAXSIZE,
    Call,
    Context,
    CycleError,
    Graph,
    Interceptor,
    PenguiFlow,
    create,
)
from penguiflow.errors import FlowError, FlowErrorCode, StepNotExecuted, StepUnknown, TraceCancelled, TraceEnded
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
    "ExtraFormatter",
    "FinalAnswer",
    "FlowError",
    "FlowErrorCode",
    "FlowEvent",
    "Graph",
    "Headers",
    "InMemoryStateStore",
    "Interceptor",
    "LatencyCallback",
    "Message",
    "Middleware",
    "ModelRegistry",
    "Node",
    "NodePolicy",
    "PenguiFlow",
    "PlanStep",
    "RemoteBinding",
    "StateStore",
    "StepNotExecuted",
    "StepUnknown",
    "StoredEvent",
    "StreamChunk",
    "StructuredFormatter",
    "Thought",
    "TraceCancelled",
    "TraceEnded",
    "__version__",
    "configure_logging",
    "create",
    "digest",
    "format_flow_event",
    "log_flow_events",
]
