"""Which conversation and task a call belongs to, and what is stored of that.

Whose they are is said by the tenant in the message's headers; its meta, which
anybody on the way may have written, has no say in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penguiflow.remote.tasks import REMOTE_TERMINAL_TASK_STATES, WAITING_TASK_STATES, RemoteTaskState
from penguiflow.remote.transport import RemoteCallRequest
from penguiflow.state import RemoteBinding, SupportsConversationBindings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penguiflow.node import NodePolicy
    from penguiflow.remote.transport import RemoteCallResult, RemoteStreamEvent, RemoteTransport
    from penguiflow.state import StateStore
    from penguiflow.types import Message


@dataclass(frozen=True, slots=True)
class Agent:
    """Whom a remote node calls, and how."""

    transport: RemoteTransport
    skill: str
    url: str
    card: Mapping[str, Any] | None
    policy: NodePolicy
    streaming: bool
    record_binding: bool


@dataclass(frozen=True, slots=True)
class KnownTask:
    """What is known so far of the remote task behind a call."""

    agent_url: str
    context_id: str | None
    task_id: str | None
    state: RemoteTaskState | None = None

    @property
    def may_run(self) -> bool:
        """Whether there is something to cancel."""
        return self.task_id is not None and self.state not in REMOTE_TERMINAL_TASK_STATES

    def updated(self, told: RemoteCallResult | RemoteStreamEvent) -> KnownTask:
        """The same with what the transport has just told; what it leaves out stays as it was."""
        return KnownTask(
            agent_url=told.agent_url or self.agent_url,
            context_id=told.context_id or self.context_id,
            task_id=told.task_id or self.task_id,
            state=told.state or self.state,
        )


async def earlier_binding(agent: Agent, message: Message, store: StateStore | None) -> RemoteBinding | None:
    """What the store has of the conversation that `message` goes on with; `None` if it starts one."""
    session_id = _text(message, "router_session_id")
    if session_id is None or not isinstance(store, SupportsConversationBindings):
        return None
    return await store.find_conversation_binding(
        tenant_id=message.headers.tenant,
        router_session_id=session_id,
        agent_url=agent.url,
        remote_skill=agent.skill,
    )


def request_for(
    agent: Agent, message: Message, earlier: RemoteBinding | None, time_left_s: float | None
) -> RemoteCallRequest:
    """The call of `agent` with `message`; a task that waits for an answer of ours gets this one."""
    request = RemoteCallRequest(
        message=message, skill=agent.skill, agent_url=agent.url, agent_card=agent.card,
        metadata=dict(message.meta), timeout_s=_sooner_s(agent.policy.timeout_s, time_left_s),
    )  # fmt: skip
    if earlier is None:
        return request
    waits = earlier.metadata.get("task_state") in WAITING_TASK_STATES
    return replace(request, context_id=earlier.context_id, task_id=earlier.task_id if waits else None)


def binding_for(agent: Agent, message: Message, known: KnownTask, earlier: RemoteBinding | None) -> RemoteBinding:
    """What is stored of the task that `message` started, or went on with."""
    at_rest = known.state in (*REMOTE_TERMINAL_TASK_STATES, *WAITING_TASK_STATES)
    return RemoteBinding(
        trace_id=message.trace_id,
        context_id=known.context_id,
        task_id=known.task_id or "",
        agent_url=known.agent_url,
        router_session_id=_text(message, "router_session_id"),
        remote_skill=agent.skill,
        tenant_id=message.headers.tenant,
        user_id=_text(message, "user_id"),
        last_remote_task_id=None if earlier is None else earlier.task_id,
        is_terminal=known.state in REMOTE_TERMINAL_TASK_STATES,
        metadata={"task_state": str(known.state)} if at_rest else {},
    )


def _text(message: Message, key: str) -> str | None:
    value = message.meta.get(key)
    return None if value is None else str(value)


def _sooner_s(timeout_s: float | None, time_left_s: float | None) -> float | None:
    bounds = [bound for bound in (timeout_s, time_left_s) if bound is not None]
    return min(bounds, default=None)
