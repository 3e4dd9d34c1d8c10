"""Remote tasks: the states they go through, and what a transport that knows them offers.

States and their meaning are those of the Agent2Agent protocol, "Life of a Task".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from penguiflow.remote.transport import RemoteStreamEvent


class RemoteTaskState(StrEnum):
    """Where a remote task stands."""

    SUBMITTED = "submitted"
    WORKING = "working"
    INPUT_REQUIRED = "input-required"
    AUTH_REQUIRED = "auth-required"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


REMOTE_TERMINAL_TASK_STATES = (
    RemoteTaskState.COMPLETED,
    RemoteTaskState.CANCELED,
    RemoteTaskState.FAILED,
    RemoteTaskState.REJECTED,
)
"""A task in one of these has ended and is never taken up again."""

FAILED_TASK_STATES = (RemoteTaskState.CANCELED, RemoteTaskState.FAILED, RemoteTaskState.REJECTED)
RUNNING_TASK_STATES = (RemoteTaskState.SUBMITTED, RemoteTaskState.WORKING)
WAITING_TASK_STATES = (RemoteTaskState.INPUT_REQUIRED, RemoteTaskState.AUTH_REQUIRED)


@dataclass(frozen=True, slots=True)
class RemoteTaskStatus:
    """The state of a remote task, and what the agent says about it."""

    state: RemoteTaskState
    message: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """A remote task as it was when somebody looked.

    Args:
        task_id: the agent's own id of the task.
        agent_url: where the agent is.
        status: where the task stands.
        context_id: the agent's own id of the conversation.
        result: what came out, once it has ended.
        meta: what else the agent tells.

    """

    task_id: str
    agent_url: str
    status: RemoteTaskStatus
    context_id: str | None = None
    result: Any = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended."""
        return self.status.state in REMOTE_TERMINAL_TASK_STATES


@dataclass(frozen=True, slots=True)
class RemotePushNotificationBinding:
    """Where an agent is to report what becomes of a task.

    Args:
        task_id: the agent's own id of the task.
        agent_url: where the agent is.
        callback_url: where it reports to.
        token: what it shows there; never part of the text of this object.

    """

    task_id: str
    agent_url: str
    callback_url: str
    token: str | None = field(default=None, repr=False)


@runtime_checkable
class SupportsRemoteTasks(Protocol):
    """A transport whose calls may come back before the work is done: its tasks can be looked at and followed."""

    async def get_task(self, *, agent_url: str, task_id: str) -> RemoteTask:
        """The task as it is now."""
        ...

    def subscribe_task(self, *, agent_url: str, task_id: str) -> AsyncIterator[RemoteStreamEvent]:
        """What becomes of the task from now on, until it ends or needs something from us."""
        ...

    async def set_push_notification(self, binding: RemotePushNotificationBinding) -> None:
        """Have the agent report to `binding.callback_url`."""
        ...


class RemoteTaskFailed(RuntimeError):  # noqa: N818 - named after the state of the task
    """A remote task gave no answer: it has ended badly, or nothing more is heard of it.

    Args:
        task_id: the agent's own id of the task, if it has one.
        agent_url: where the agent is.
        state: where the task stands.

    """

    def __init__(self, task_id: str | None, agent_url: str, state: RemoteTaskState) -> None:
        super().__init__(
            f"remote task {task_id} at {agent_url} gave no answer: its state is {str(state)!r}. "
            "Look it up at the agent under this id"
        )
        self.task_id = task_id
        self.agent_url = agent_url
        self.state = state
