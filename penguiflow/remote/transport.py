"""What a remote node says to a transport, and what it hears from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from penguiflow.remote.tasks import RemoteTaskState
    from penguiflow.types import Message


@dataclass(frozen=True, slots=True)
class RemoteCallRequest:
    """One call of a remote skill.

    Args:
        message: what the node was given.
        skill: what the agent is asked for.
        agent_url: where the agent is.
        agent_card: what is known of the agent.
        metadata: the message's meta.
        timeout_s: seconds until nobody waits for the answer any more: the node's bound or the trace's deadline.
        context_id: the agent's own id of a conversation that goes on.
        task_id: the agent's own id of a task that waits for this message.

    """

    message: Message
    skill: str
    agent_url: str
    agent_card: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None
    timeout_s: float | None = None
    context_id: str | None = None
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteCallResult:
    """The answer to a call.

    Args:
        result: what the node returns.
        context_id: the agent's own id of the conversation.
        task_id: the agent's own id of the task.
        agent_url: where the task is, if not where it was asked for.
        meta: what else the agent tells.
        state: where the task stands, if the transport knows.

    """

    result: Any
    context_id: str | None = None
    task_id: str | None = None
    agent_url: str | None = None
    meta: Mapping[str, Any] | None = None
    state: RemoteTaskState | None = None


@dataclass(frozen=True, slots=True)
class RemoteStreamEvent:
    """One item of a streamed answer.

    Args:
        text: a piece of text, sent on as a chunk.
        done: whether it is the last piece of text.
        meta: meta of the chunk.
        context_id: the agent's own id of the conversation.
        task_id: the agent's own id of the task.
        agent_url: where the task is, if not where it was asked for.
        result: what the node returns; the last one counts.
        state: where the task stands, if the transport knows.

    """

    text: str | None = None
    done: bool = False
    meta: Mapping[str, Any] | None = None
    context_id: str | None = None
    task_id: str | None = None
    agent_url: str | None = None
    result: Any = None
    state: RemoteTaskState | None = None


@runtime_checkable
class RemoteTransport(Protocol):
    """The way to an agent; what it raises is a failure of the node, and is retried as its policy says."""

    async def send(self, request: RemoteCallRequest) -> RemoteCallResult:
        """Call the skill and return its answer."""
        ...

    def stream(self, request: RemoteCallRequest) -> AsyncIterator[RemoteStreamEvent]:
        """Call the skill and give its answer piece by piece."""
        ...

    async def cancel(self, *, agent_url: str, task_id: str) -> None:
        """Tell the agent that nobody waits for the task any more."""
        ...
