"""What is stored of a flow, and what a store has to offer (RUNTIME contract 1.20)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penguiflow.metrics import FlowEvent


@dataclass(slots=True)
class StoredEvent:
    """One event of a trace, as it is stored.

    Args:
        trace_id: the trace.
        ts: Unix time in seconds.
        kind: the event type; an open set.
        node_name: the node, if one is concerned.
        node_id: the node's id.
        payload: the event's facts.
        tenant: the tenant that the trace belongs to.
        seq: position in the event stream of the flow that stored it, from 1; it tells two equal events apart.

    """

    trace_id: str | None
    ts: float
    kind: str
    node_name: str | None
    node_id: str | None
    payload: Mapping[str, Any] = field(default_factory=dict)
    tenant: str | None = None
    seq: int | None = None

    @classmethod
    def from_flow_event(cls, event: FlowEvent, *, seq: int | None = None) -> StoredEvent:
        """The stored form of `event`."""
        return cls(
            trace_id=event.trace_id,
            ts=event.ts,
            kind=event.event_type,
            node_name=event.node_name,
            node_id=event.node_id,
            payload=event.to_payload(),
            tenant=event.tenant,
            seq=seq,
        )


@dataclass(slots=True)
class RemoteBinding:
    """Which remote task a trace is bound to.

    Args:
        trace_id: the trace.
        context_id: the agent's own id of the conversation.
        task_id: the agent's own id of the task.
        agent_url: where the agent is.
        router_session_id: the conversation on our side, which may go on over many traces.
        remote_skill: what the agent was asked for.
        tenant_id: the tenant that the trace belongs to, as its headers say.
        user_id: the user on whose behalf, if the message says so.
        last_remote_task_id: the task of this conversation before this one.
        is_terminal: whether the task is known to have ended.
        metadata: further facts; `task_state` is where the task was last seen at rest.

    """

    trace_id: str
    context_id: str | None
    task_id: str
    agent_url: str
    router_session_id: str | None = None
    remote_skill: str | None = None
    tenant_id: str | None = None
    user_id: str | None = None
    last_remote_task_id: str | None = None
    is_terminal: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class StateStore(Protocol):
    """What every store has to offer; further abilities are found by name."""

    async def save_event(self, event: StoredEvent) -> None:
        """Store one event; storing it again changes nothing."""
        ...

    async def load_history(self, trace_id: str) -> Sequence[StoredEvent]:
        """All events of a trace, oldest first; empty if it is unknown."""
        ...

    async def save_remote_binding(self, binding: RemoteBinding) -> None:
        """Store a binding, or replace the one of the same trace, context and task."""
        ...


@runtime_checkable
class SupportsConversationBindings(Protocol):
    """A store that finds the remote task of an earlier trace, so that a conversation can go on with its agent."""

    async def find_conversation_binding(
        self, *, tenant_id: str, router_session_id: str, agent_url: str, remote_skill: str
    ) -> RemoteBinding | None:
        """The newest binding in which all four are the same; `None` if there is none."""
        ...


def missing_capabilities(store: object, methods: Sequence[str]) -> list[str]:
    """Those of `methods` that `store` does not have."""
    return [name for name in methods if not callable(getattr(store, name, None))]


def require_capabilities(store: object, *, feature: str, methods: Sequence[str]) -> None:
    """Raise `TypeError` unless `store` has every one of `methods`."""
    missing = missing_capabilities(store, methods)
    if missing:
        raise TypeError(f"{feature} needs a state store with {', '.join(missing)}; {type(store).__name__} has none")
