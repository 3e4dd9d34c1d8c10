"""The events of one remote call (RUNTIME contract, section 2)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import to_json

from penguiflow import ambient
from penguiflow.core.failure import text_of

if TYPE_CHECKING:
    from penguiflow.core import Context, PenguiFlow
    from penguiflow.node import Node
    from penguiflow.remote.conversation import Agent, KnownTask
    from penguiflow.remote.transport import RemoteCallRequest, RemoteStreamEvent


class CallEvents:
    """Tells what becomes of one call, with the facts that all its events share.

    Args:
        flow: where they are told.
        ctx: the attempt that the call belongs to.
        agent: who is called.
        request: what is asked.

    """

    def __init__(self, flow: PenguiFlow, ctx: Context, agent: Agent, request: RemoteCallRequest) -> None:
        self._flow = flow
        self._ctx = ctx
        self._node = cast("Node", ctx.owner)  # an attempt is always a node's
        self._trace_id = request.message.trace_id
        self._started_s = ambient.monotonic()
        self._items = 0
        self._text_bytes = 0
        self._facts = {
            "remote_skill": agent.skill,
            "remote_transport": type(agent.transport).__name__,
            "remote_streaming": agent.streaming,
            "remote_request_bytes": _size_bytes(request.message),
            "remote_agent_url": agent.url,
        }

    async def started(self) -> None:
        """The transport is about to be called."""
        await self._tell("remote_call_start", logging.DEBUG, 0.0, {})

    async def streamed(self, item: RemoteStreamEvent) -> None:
        """One more item of a stream came in."""
        extra: dict[str, Any] = {"remote_stream_seq": self._items, "remote_chunk_done": item.done}
        self._items += 1
        if item.text is not None:
            extra["remote_chunk_bytes"] = _size_bytes(item.text)
            self._text_bytes += extra["remote_chunk_bytes"]
        if item.meta:
            extra["remote_chunk_meta_keys"] = sorted(str(key) for key in item.meta)
        await self._tell("remote_stream_event", logging.DEBUG, _since_ms(self._started_s), extra)

    async def succeeded(self, result: Any, known: KnownTask) -> None:
        """The call has its answer."""
        result_bytes = 0 if result is None else _size_bytes(result)
        extra = {
            "remote_response_bytes": self._text_bytes + result_bytes,
            "remote_stream_events": self._items,
            "remote_status": "success",
            **_ids(known),
        }
        await self._tell("remote_call_success", logging.INFO, _since_ms(self._started_s), extra)

    async def failed(self, error: BaseException, known: KnownTask) -> None:
        """The transport, or what was done with its answer, raised `error`."""
        extra = {"remote_error": text_of(error), "remote_status": "error", **_ids(known)}
        await self._tell("remote_call_error", logging.ERROR, _since_ms(self._started_s), extra)

    async def cancelled(self, reason: str, since_s: float, known: KnownTask) -> None:
        """The agent took the cancellation that went out at `since_s`."""
        extra = {"remote_cancel_reason": reason, "remote_status": "cancelled", **_ids(known)}
        await self._tell("remote_call_cancelled", logging.INFO, _since_ms(since_s), extra)

    async def cancel_failed(self, error: BaseException, reason: str, since_s: float, known: KnownTask) -> None:
        """The agent did not, or not in time."""
        extra = {
            "remote_error": text_of(error),
            "remote_cancel_reason": reason,
            "remote_status": "cancel_error",
            **_ids(known),
        }
        await self._tell("remote_cancel_error", logging.ERROR, _since_ms(since_s), extra)

    async def _tell(self, event: str, level: int, latency_ms: float, extra: dict[str, Any]) -> None:
        await self._flow.record_remote_event(
            event=event,
            node=self._node,
            context=self._ctx,
            trace_id=self._trace_id,
            latency_ms=latency_ms,
            level=level,
            extra={**self._facts, **extra},
        )


def _ids(known: KnownTask) -> dict[str, str]:
    ids = {"remote_context_id": known.context_id, "remote_task_id": known.task_id}
    return {name: value for name, value in ids.items() if value is not None}


def _since_ms(since_s: float) -> float:
    return (ambient.monotonic() - since_s) * 1000


def _size_bytes(value: Any) -> int:
    """Length of a text, or of anything else as JSON; 0 for what has none, such as a ring of lists."""
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    try:
        return len(to_json(value, bytes_mode="base64", fallback=lambda part: type(part).__name__))
    except Exception:  # noqa: BLE001 - a serializer of the user's own; a size is not worth a failed call
        return 0
