"""One call of an agent, from the request to its answer, or to the cancellation of the task that it started."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Literal

from penguiflow import ambient
from penguiflow.errors import TraceCancelled
from penguiflow.remote.conversation import KnownTask, binding_for
from penguiflow.remote.events import CallEvents
from penguiflow.remote.tasks import (
    FAILED_TASK_STATES,
    RUNNING_TASK_STATES,
    RemoteTask,
    RemoteTaskFailed,
    RemoteTaskState,
    SupportsRemoteTasks,
)
from penguiflow.remote.transport import RemoteCallResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from penguiflow.core import Context, PenguiFlow
    from penguiflow.remote.conversation import Agent
    from penguiflow.remote.transport import RemoteCallRequest, RemoteStreamEvent
    from penguiflow.state import RemoteBinding

CancelReason = Literal["trace_cancel", "pre_cancelled", "node_timeout"]

CANCEL_TIMEOUT_S = 5.0
"""How long an agent may take to accept a cancellation."""


class RemoteCall:
    """One attempt of a remote node. A retry is another call, and another task at the agent.

    Args:
        agent: who is called.
        request: what is asked.
        earlier: what the store had of the conversation before this call.
        ctx: the attempt.
        flow: the flow that it belongs to.

    """

    def __init__(
        self, agent: Agent, request: RemoteCallRequest, earlier: RemoteBinding | None, ctx: Context, flow: PenguiFlow
    ) -> None:
        self._agent = agent
        self._request = request
        self._earlier = earlier
        self._ctx = ctx
        self._flow = flow
        self._trace_id = request.message.trace_id
        self._trace_over = flow.ensure_trace_event(self._trace_id)
        self._events = CallEvents(flow, ctx, agent, request)
        self._known = KnownTask(agent.url, request.context_id, request.task_id)
        self._bound: tuple[str, Mapping[str, Any]] | None = None
        self._cancel_sent = False
        self._result: Any = None

    async def run(self) -> Any:
        """Call the agent and return its answer.

        Raises:
            RemoteTaskFailed: the agent says that the task ended without one.
            TraceCancelled: the trace was over before the call was.

        """
        await self._events.started()
        async with contextlib.AsyncExitStack() as streams:
            try:
                await self._ask(streams)
            except (Exception, asyncio.CancelledError) as error:
                await self._ended_by(error)
                raise
        await self._events.succeeded(self._result, self._known)
        return self._result

    # -- asking ------------------------------------------------------------------------------

    async def _ask(self, streams: contextlib.AsyncExitStack) -> None:
        if self._agent.streaming:
            await self._hear(self._agent.transport.stream(self._request), streams)
            return
        answer = await self._agent.transport.send(self._request)
        await self._note(answer)
        self._result = answer.result
        if answer.state in RUNNING_TASK_STATES and self._known.task_id is not None:
            await self._follow(self._known.task_id, streams)

    async def _follow(self, task_id: str, streams: contextlib.AsyncExitStack) -> None:
        """The call came back before the work was done: stay with the task, if the transport can."""
        transport = self._agent.transport
        if not isinstance(transport, SupportsRemoteTasks):
            return
        agent_url = self._known.agent_url
        await self._hear(transport.subscribe_task(agent_url=agent_url, task_id=task_id), streams)
        if self._result is None:
            task = await transport.get_task(agent_url=agent_url, task_id=task_id)
            await self._note(_answer_of(task))
            self._result = task.result
        if self._result is None:
            self._fail_if_in(RUNNING_TASK_STATES)

    async def _hear(self, items: AsyncIterator[RemoteStreamEvent], streams: contextlib.AsyncExitStack) -> None:
        close = getattr(items, "aclose", None)  # a plain iterator has none
        if close is not None:
            streams.push_async_callback(close)
        async for item in items:
            await self._note(item)
            await self._events.streamed(item)
            if item.text is not None and self._agent.streaming:
                await self._send_on(item, item.text)
            if item.result is not None:
                self._result = item.result

    async def _send_on(self, item: RemoteStreamEvent, text: str) -> None:
        await self._ctx.emit_chunk(
            parent=self._request.message, text=text, done=item.done, meta=None if item.meta is None else dict(item.meta)
        )

    # -- what becomes known of the task ------------------------------------------------------

    async def _note(self, told: RemoteCallResult | RemoteStreamEvent) -> None:
        reason: CancelReason = "pre_cancelled" if self._known.task_id is None else "trace_cancel"
        self._known = self._known.updated(told)
        if self._trace_over.is_set():
            self._cancel_task(reason)
            raise TraceCancelled(self._trace_id)
        if self._agent.record_binding and self._known.task_id is not None:
            await self._bind()
        self._fail_if_in(FAILED_TASK_STATES)

    async def _bind(self) -> None:
        """Store which task the trace is bound to: once, and again only if the task is said to have come to rest."""
        binding = binding_for(self._agent, self._request.message, self._known, self._earlier)
        if (binding.task_id, binding.metadata) != self._bound:
            self._bound = (binding.task_id, binding.metadata)
            await self._flow.save_remote_binding(binding)

    def _fail_if_in(self, states: Sequence[RemoteTaskState]) -> None:
        known = self._known
        if known.state is not None and known.state in states:
            raise RemoteTaskFailed(known.task_id, known.agent_url, known.state)

    # -- the end without an answer -----------------------------------------------------------

    async def _ended_by(self, error: BaseException) -> None:
        if _told_to_end() or isinstance(error, TraceCancelled):
            timed_out = self._agent.policy.timeout_s is not None and not self._trace_over.is_set()
            self._cancel_task("node_timeout" if timed_out else "trace_cancel")
        else:
            await self._events.failed(error, self._known)

    def _cancel_task(self, reason: CancelReason) -> None:
        """Have the agent told once, by a task of the flow's own: whoever ends the attempt does not wait for it."""
        if self._cancel_sent or not self._known.may_run:
            return
        self._cancel_sent = True
        name = f"penguiflow:cancel:{self._agent.skill}"
        task = asyncio.create_task(self._send_cancel(reason, self._known), name=name)
        self._flow.register_external_task(self._trace_id, task)

    async def _send_cancel(self, reason: CancelReason, known: KnownTask) -> None:
        since_s = ambient.monotonic()
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                await self._agent.transport.cancel(agent_url=known.agent_url, task_id=known.task_id or "")
        except (Exception, asyncio.CancelledError) as error:
            await self._events.cancel_failed(error, reason, since_s, known)
            if _told_to_end():
                raise
        else:
            await self._events.cancelled(reason, since_s, known)


def _answer_of(task: RemoteTask) -> RemoteCallResult:
    return RemoteCallResult(task.result, task.context_id, task.task_id, task.agent_url, state=task.status.state)


def _told_to_end() -> bool:
    """Whether somebody cancelled this task; else a `CancelledError` is only what the transport raised."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
