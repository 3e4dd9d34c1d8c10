"""The engine. The names here are those that applications import from `penguiflow.core`."""

from penguiflow.core.context import Context
from penguiflow.core.floe import Floe
from penguiflow.core.flow import DEFAULT_QUEUE_MAXSIZE, PenguiFlow, create
from penguiflow.core.graph import OPEN_SEA, ROOKERY, Endpoint, Graph
from penguiflow.core.intercept import Call, Interceptor
from penguiflow.errors import CycleError, TraceCancelled

__all__ = [
    "DEFAULT_QUEUE_MAXSIZE",
    "OPEN_SEA",
    "ROOKERY",
    "Call",
    "Context",
    "CycleError",
    "Endpoint",
    "Floe",
    "Graph",
    "Interceptor",
    "PenguiFlow",
    "TraceCancelled",
    "create",
]
