"""The engine. The names here are those that applications import from `penguiflow.core`."""

from penguiflow.core.context import Context
from penguiflow.core.floe import Floe
from penguiflow.core.flow import DEFAULT_QUEUE_MAXSIZE, PenguiFlow, create
from penguiflow.core.graph import OPEN_SEA, ROOKERY, Endpoint, Graph
from penguiflow.core.health import Health, HookHealth, JoinHealth, NodeHealth
from penguiflow.core.intercept import Call, Interceptor
from penguiflow.core.outcome import Drained, OpenTrace, Outcome
from penguiflow.core.playbook import call_playbook
from penguiflow.core.tenant import Tenant
from penguiflow.errors import CycleError, TraceCancelled

__all__ = [
    "DEFAULT_QUEUE_MAXSIZE",
    "OPEN_SEA",
    "ROOKERY",
    "Call",
    "Context",
    "CycleError",
    "Drained",
    "Endpoint",
    "Floe",
    "Graph",
    "Health",
    "HookHealth",
    "Interceptor",
    "JoinHealth",
    "NodeHealth",
    "OpenTrace",
    "Outcome",
    "PenguiFlow",
    "Tenant",
    "TraceCancelled",
    "call_playbook",
    "create",
]
