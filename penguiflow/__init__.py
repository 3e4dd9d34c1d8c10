"""An asyncio flow runtime for agents."""

from importlib import import_module
from typing import TYPE_CHECKING

from penguiflow.about import __version__

if TYPE_CHECKING:
    from penguiflow import testkit
    from penguiflow.bus import BusEnvelope, MessageBus
    from penguiflow.catalog import NodeSpec, SideEffect, ToolInputExample, ToolLoadingMode, build_catalog, tool
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
        JoinHealth,
        NodeHealth,
        OpenTrace,
        Outcome,
        PenguiFlow,
        Tenant,
        call_playbook,
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
    from penguiflow.patterns import join_k, map_concurrent, predicate_router, union_router
    from penguiflow.policies import DictRoutingPolicy, RoutingPolicy, RoutingRequest
    from penguiflow.registry import ModelRegistry
    from penguiflow.remote import (
        REMOTE_TERMINAL_TASK_STATES,
        RemoteCallRequest,
        RemoteCallResult,
        RemoteNode,
        RemotePushNotificationBinding,
        RemoteStreamEvent,
        RemoteTask,
        RemoteTaskFailed,
        RemoteTaskState,
        RemoteTaskStatus,
        RemoteTransport,
        SupportsRemoteTasks,
    )
    from penguiflow.state import (
        InMemoryStateStore,
        RemoteBinding,
        StateStore,
        StoredEvent,
        SupportsConversationBindings,
    )
    from penguiflow.streaming import chunk_to_ws_json, emit_stream_events, format_sse_event, stream_flow
    from penguiflow.types import WM, FinalAnswer, Headers, Message, PlanStep, StreamChunk, Thought
    from penguiflow.viz import flow_to_dot, flow_to_mermaid

__all__ = [
    "DEFAULT_QUEUE_MAXSIZE",
    "REMOTE_TERMINAL_TASK_STATES",
    "WM",
    "BusEnvelope",
    "Call",
    "Context",
    "CycleError",
    "DictRoutingPolicy",
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
    "JoinHealth",
    "LatencyCallback",
    "Message",
    "MessageBus",
    "Middleware",
    "ModelRegistry",
    "Node",
    "NodeHealth",
    "NodePolicy",
    "NodeSpec",
    "OpenTrace",
    "Outcome",
    "PenguiFlow",
    "PlanStep",
    "RemoteBinding",
    "RemoteCallRequest",
    "RemoteCallResult",
    "RemoteNode",
    "RemotePushNotificationBinding",
    "RemoteStreamEvent",
    "RemoteTask",
    "RemoteTaskFailed",
    "RemoteTaskState",
    "RemoteTaskStatus",
    "RemoteTransport",
    "RoutingPolicy",
    "RoutingRequest",
    "SideEffect",
    "StateStore",
    "StepNotExecuted",
    "StepUnknown",
    "StoredEvent",
    "StreamChunk",
    "StructuredFormatter",
    "SupportsConversationBindings",
    "SupportsRemoteTasks",
    "Tenant",
    "TenantViolation",
    "Thought",
    "ToolInputExample",
    "ToolLoadingMode",
    "TraceCancelled",
    "TraceEnded",
    "TraceNotFound",
    "__version__",
    "build_catalog",
    "call_playbook",
    "chunk_to_ws_json",
    "configure_logging",
    "create",
    "digest",
    "emit_stream_events",
    "flow_to_dot",
    "flow_to_mermaid",
    "format_flow_event",
    "format_sse_event",
    "join_k",
    "log_flow_events",
    "map_concurrent",
    "predicate_router",
    "stream_flow",
    "testkit",
    "tool",
    "union_router",
]

_HOME = {
    name: module
    for module, names in {
        "bus": "BusEnvelope MessageBus",
        "catalog": "NodeSpec SideEffect ToolInputExample ToolLoadingMode build_catalog tool",
        "core": (
            "DEFAULT_QUEUE_MAXSIZE Call Context CycleError Drained Graph Health HookHealth Interceptor "
            "JoinHealth NodeHealth OpenTrace Outcome PenguiFlow Tenant call_playbook create"
        ),
        "errors": (
            "FlowError FlowErrorCode HookBacklogFull StepNotExecuted StepUnknown TenantViolation "
            "TraceCancelled TraceEnded TraceNotFound"
        ),
        "fingerprint": "digest",
        "logging": "ExtraFormatter StructuredFormatter configure_logging",
        "metrics": "FlowEvent format_flow_event",
        "middlewares": "LatencyCallback Middleware log_flow_events",
        "node": "Node NodePolicy",
        "patterns": "join_k map_concurrent predicate_router union_router",
        "policies": "DictRoutingPolicy RoutingPolicy RoutingRequest",
        "registry": "ModelRegistry",
        "remote": (
            "REMOTE_TERMINAL_TASK_STATES RemoteCallRequest RemoteCallResult RemoteNode "
            "RemotePushNotificationBinding RemoteStreamEvent RemoteTask RemoteTaskFailed RemoteTaskState "
            "RemoteTaskStatus RemoteTransport SupportsRemoteTasks"
        ),
        "state": "InMemoryStateStore RemoteBinding StateStore StoredEvent SupportsConversationBindings",
        "streaming": "chunk_to_ws_json emit_stream_events format_sse_event stream_flow",
        "types": "WM FinalAnswer Headers Message PlanStep StreamChunk Thought",
        "viz": "flow_to_dot flow_to_mermaid",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    """Public names and modules come in when they are used: `penguiflow --help` has no use for an engine."""
    if name in _HOME:
        found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return found
    if not name.startswith("_"):
        try:
            return import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Public names, whether or not they have come in."""
    return sorted({*globals(), *__all__})
