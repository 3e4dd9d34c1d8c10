"""`InMemoryStateStore`: history for one process, bounded per trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from penguiflow.state.models import RemoteBinding, StoredEvent


class InMemoryStateStore:
    """Keeps events and bindings in memory.

    Saving an event twice stores it once. Two events that differ only in their
    sequence number are two events: under a coarse or virtual clock that is common.

    Args:
        max_events_per_trace: the oldest events of a trace are dropped beyond this.

    """

    def __init__(self, *, max_events_per_trace: int = 50_000) -> None:
        self._max_events = max_events_per_trace
        self._events: dict[str | None, dict[Hashable, StoredEvent]] = {}
        self._bindings: dict[tuple[str, str | None, str], RemoteBinding] = {}

    async def save_event(self, event: StoredEvent) -> None:
        """Store one event."""
        events = self._events.setdefault(event.trace_id, {})
        events.setdefault(_identity(event), event)
        if len(events) > self._max_events:
            del events[next(iter(events))]

    async def load_history(self, trace_id: str) -> Sequence[StoredEvent]:
        """All events of a trace, oldest first; events of one instant in the order of arrival."""
        return sorted(self._events.get(trace_id, {}).values(), key=lambda event: event.ts)

    async def save_remote_binding(self, binding: RemoteBinding) -> None:
        """Store a binding, or replace the one of the same trace, context and task."""
        self._bindings[binding.trace_id, binding.context_id, binding.task_id] = binding

    async def find_conversation_binding(
        self, *, tenant_id: str, router_session_id: str, agent_url: str, remote_skill: str
    ) -> RemoteBinding | None:
        """The newest binding in which all four are the same; `None` if there is none."""
        wanted = (tenant_id, router_session_id, agent_url, remote_skill)
        for found in reversed(self._bindings.values()):
            if (found.tenant_id, found.router_session_id, found.agent_url, found.remote_skill) == wanted:
                return found
        return None

    @property
    def bindings(self) -> tuple[RemoteBinding, ...]:
        """All bindings, in the order in which they were first saved."""
        return tuple(self._bindings.values())


def _identity(event: StoredEvent) -> Hashable:
    content = None if event.seq is not None else repr(sorted(event.payload.items(), key=lambda item: item[0]))
    return event.seq, event.ts, event.kind, event.node_id, content
