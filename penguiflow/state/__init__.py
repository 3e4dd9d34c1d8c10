"""Stores of what happened: the protocol, its models and the in-memory store."""

from penguiflow.state.memory import InMemoryStateStore
from penguiflow.state.models import (
    RemoteBinding,
    StateStore,
    StoredEvent,
    SupportsConversationBindings,
    missing_capabilities,
    require_capabilities,
)

__all__ = [
    "InMemoryStateStore",
    "RemoteBinding",
    "StateStore",
    "StoredEvent",
    "SupportsConversationBindings",
    "missing_capabilities",
    "require_capabilities",
]
