"""Streams of text chunks: made from events, read from a flow, and rendered for browsers (RUNTIME contract 1.14)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from pydantic_core import to_jsonable_python

from penguiflow.core import PenguiFlow, Tenant
from penguiflow.errors import TraceEnded, TraceNotFound
from penguiflow.types import Message, StreamChunk

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence

    from penguiflow.core import Context
    from penguiflow.node import Node

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class SupportsEmitFetch(Protocol):
    """The part of a flow that `stream_flow` needs."""

    async def emit(self, msg: Any, to: Any = None) -> None:
        """Send `msg` into the flow."""
        ...

    async def fetch(self) -> Any:
        """Take the next result out of the flow."""
        ...


# -- renderings ------------------------------------------------------------------------------


def format_sse_event(chunk: StreamChunk, *, event_name: str | None = None, retry_ms: int | None = None) -> str:
    r"""A chunk as one server-sent event.

    Each line of the text has a `data:` line of its own, whichever way it ends
    (`\n`, `\r\n` or `\r`), so that no text can end the event or start another
    one. See the section "Parsing an event stream" of the HTML standard.

    Args:
        chunk: what to render; its `seq` becomes the event's id, its `meta` a last line of data, as JSON.
        event_name: the event's type; `done` for the last chunk and `chunk` for others if left out.
        retry_ms: how long the browser waits before it connects again, in milliseconds.

    Raises:
        ValueError: the name holds a line break, or the wait is no whole number of milliseconds.

    """
    name = _event_type(chunk) if event_name is None else event_name
    if _LINE_BREAK.search(name):
        raise ValueError(f"event_name={name!r} must not hold a line break; put text into the chunk")
    if retry_ms is not None and not (isinstance(retry_ms, int) and retry_ms >= 0):
        raise ValueError(f"retry_ms={retry_ms!r} must be a whole number of milliseconds, 0 or more")
    data = [*_LINE_BREAK.split(chunk.text), *([_json(chunk.meta)] if chunk.meta else ())]
    lines = [f"event: {name}", f"id: {int(chunk.seq)}", *(f"data: {line}" for line in data)]
    if retry_ms is not None:
        lines.append(f"retry: {int(retry_ms)}")
    return "\n".join(lines) + "\n\n"


def chunk_to_ws_json(chunk: StreamChunk, *, extra: Mapping[str, Any] | None = None) -> str:
    """A chunk as one JSON object for a WebSocket; `extra` adds keys, and replaces none of the chunk's own."""
    core = {key: getattr(chunk, key) for key in ("stream_id", "seq", "text", "done", "meta")}
    return _json({**core, **(extra or {}), **core})


def _event_type(chunk: StreamChunk) -> str:
    return "done" if chunk.done else "chunk"


def _json(value: Mapping[str, Any]) -> str:
    """Plain JSON on one line: what JSON cannot say (a date, a model, NaN) is put the way pydantic does."""
    return json.dumps(to_jsonable_python(value, inf_nan_mode="null", fallback=str))


# -- into a flow -----------------------------------------------------------------------------


async def emit_stream_events(
    source: AsyncIterable[Any],
    ctx: Context,
    parent_msg: Message,
    *,
    adapter: Callable[[Any], tuple[str, bool, Mapping[str, Any]]] | None = None,
    to: Node | Sequence[Node] | None = None,
    final_meta: Mapping[str, Any] | None = None,
) -> None:
    """Send the events of `source` on as chunks, up to its end or the first that is the last one.

    Args:
        source: the events.
        ctx: the context of the handler that sends them.
        parent_msg: the message that the stream answers.
        adapter: gives text, whether it is the last, and meta of an event; `str(event)` if left out.
        to: the successors that get the chunks; all if left out.
        final_meta: the meta of the empty last chunk that is sent if no event was the last.

    """
    async for event in source:
        text, done, meta = (str(event), False, {}) if adapter is None else adapter(event)
        await ctx.emit_chunk(parent=parent_msg, text=text, done=done, meta=dict(meta), to=to)
        if done:
            return
    await ctx.emit_chunk(parent=parent_msg, text="", done=True, meta=dict(final_meta or {}), to=to)


# -- out of a flow ---------------------------------------------------------------------------


async def stream_flow(
    flow: PenguiFlow | Tenant | SupportsEmitFetch,
    parent_msg: Message,
    *,
    to: Node | Sequence[Node] | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - the name is part of the contract
    include_final: bool = False,
) -> AsyncGenerator[Any, None]:
    """Send a message into a flow, and yield the payloads that it answers with.

    This ends with the chunk that is `done`, or with the first payload that is
    no chunk; with `include_final` only with the latter. It reads its own trace
    and no other, as the message's tenant; stream one message of a trace at a
    time. Whoever leaves earlier cancels that trace; leave through
    `contextlib.aclosing` for it to happen at once. What comes after the last
    item can be had by `flow.fetch(trace_id=...)`.

    Args:
        flow: the flow, or one tenant's handle of it; of any other object with `emit(msg, to=)` and `fetch()` the next
            results are read, whosever they are.
        parent_msg: what is sent.
        to: the ingress nodes that get it; all if left out.
        timeout: the longest wait for room in the flow, and then for each item, in seconds.
        include_final: go on to the result that follows the stream.

    Raises:
        TraceEnded: the trace ended before the stream did.
        TimeoutError: there was no item in time; the trace is cancelled.

    """
    reader = _reader_of(flow, parent_msg)
    async with asyncio.timeout(timeout):
        await reader.emit(to)
    more = True
    try:
        while more:
            async with asyncio.timeout(timeout):
                result = await reader.fetch()
            payload = result.payload if isinstance(result, Message) else result
            more = isinstance(payload, StreamChunk) and (include_final or not payload.done)
            yield payload
    finally:
        if more:
            await reader.give_up()


class _OwnTrace:
    """Reads one trace, as its tenant."""

    def __init__(self, flow: PenguiFlow | Tenant, message: Message) -> None:
        self._flow = flow
        self._message = message
        self._trace_id = message.trace_id

    async def emit(self, to: Node | Sequence[Node] | None) -> None:
        await self._flow.emit(self._message, to, trace_id=self._trace_id)

    async def fetch(self) -> Any:
        try:
            return await self._flow.fetch(trace_id=self._trace_id)
        except TraceNotFound as error:  # it ended, and its last result was read
            raise TraceEnded(self._trace_id, "result") from error

    async def give_up(self) -> None:
        """Cancel the trace, and forget how it ended."""
        with contextlib.suppress(RuntimeError):  # a flow that was stopped has nothing to cancel
            if await self._flow.cancel(self._trace_id):
                await self._flow.outcome(trace_id=self._trace_id)


class _AnyTrace:
    """Reads whatever comes next, of a flow that knows no traces."""

    def __init__(self, flow: SupportsEmitFetch, message: Message) -> None:
        self._flow = flow
        self._message = message

    async def emit(self, to: Node | Sequence[Node] | None) -> None:
        await self._flow.emit(self._message, to=to)

    async def fetch(self) -> Any:
        return await self._flow.fetch()

    async def give_up(self) -> None:
        """Nothing can be taken back."""


def _reader_of(flow: PenguiFlow | Tenant | SupportsEmitFetch, message: Message) -> _OwnTrace | _AnyTrace:
    if isinstance(flow, Tenant):
        return _OwnTrace(flow, message)
    if not isinstance(flow, PenguiFlow):
        return _AnyTrace(flow, message)
    tenant = message.headers.tenant
    return _OwnTrace(flow.tenant(tenant) if tenant.strip() else flow, message)
