"""Nodes whose work is done by an agent elsewhere, reached through a transport (RUNTIME contract 1.22)."""

from penguiflow.remote.node import RemoteNode
from penguiflow.remote.tasks import (
    REMOTE_TERMINAL_TASK_STATES,
    RemotePushNotificationBinding,
    RemoteTask,
    RemoteTaskFailed,
    RemoteTaskState,
    RemoteTaskStatus,
    SupportsRemoteTasks,
)
from penguiflow.remote.transport import RemoteCallRequest, RemoteCallResult, RemoteStreamEvent, RemoteTransport

__all__ = [
    "REMOTE_TERMINAL_TASK_STATES",
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
    "SupportsRemoteTasks",
]
