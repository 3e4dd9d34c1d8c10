"""The doors of a flow: how messages get in, how results get out, and how a trace is ended from outside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from penguiflow.core.chunks import Streams, chunk_of, room_for_chunk
from penguiflow.core.graph import OPEN_SEA, Graph
from penguiflow.errors import TraceCancelled, TraceNotFound
from penguiflow.node import as_nodes
from penguiflow.types import WM, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penguiflow.core.engine import Engine
    from penguiflow.core.floe import Floe
    from penguiflow.core.outcome import Outcome
    from penguiflow.core.traces import Trace
    from penguiflow.node import Node
    from penguiflow.types import StreamChunk

State = Literal["new", "running", "draining", "stopping", "stopped"]


class Doors:
    """The part of `PenguiFlow` through which messages come and go.

    Args:
        graph: the flow's structure.
        engine: its working parts.

    """

    def __init__(self, graph: Graph, engine: Engine) -> None:
        self._graph = graph
        self._engine = engine
        self._streams = Streams()
        self._state: State = "new"

    async def emit(self, msg: Any, to: Node | Sequence[Node] | None = None, *, trace_id: str | None = None) -> None:
        """Send `msg` into the flow: to every ingress node, or to those named. Waits for room.

        With `trace_id` this opens a roundtrip: its results are for
        `fetch(trace_id=...)` alone, and the next scoped emit of the same trace
        waits until one of them was fetched, given up or cancelled.

        Raises:
            KeyError: `to` is no ingress node.
            RuntimeError: there is no ingress node, the flow is drained, a scoped emit finds it not running, or it was
                stopped while this waited.
            HookBacklogFull: a listener is too far behind, and `hook_policy` is `fail`.
            TraceCancelled: the trace was cancelled while this waited.
            TraceNotFound: the trace is another tenant's.
            ValueError: the message names no tenant.
            TypeError: `msg` cannot carry the trace id.

        """
        floes = self._entrances(to)
        if self._engine.events.strict:
            self._engine.events.require_room()
            await self._engine.events.room()
        self._engine.border.require_tenant(msg)
        if isinstance(msg, Message) and isinstance(msg.payload, WM) and self._echoes(msg, trace_id):
            return
        if trace_id is None:
            self._require_accepting()
            trace = self._engine.trace_of(msg)
        else:
            self._require_running()
            msg = _stamped(msg, trace_id)
            trace = await self._open_roundtrip(msg, trace_id)
            self._engine.trace_of(msg, trace)
        try:
            await self._engine.dispatch.enter(floes, msg, trace)
        except TraceCancelled:
            if not self._live:
                raise RuntimeError("PenguiFlow was stopped while emit was waiting for room") from None
            raise
        except BaseException:
            trace.pass_turn()  # whoever gives up the emit is not going to fetch
            raise

    def emit_nowait(self, msg: Any, to: Node | Sequence[Node] | None = None, *, trace_id: str | None = None) -> None:
        """Send `msg` into the flow without waiting.

        Raises:
            asyncio.QueueFull: an edge has no room; nothing was sent.
            RuntimeError: a trace id was given, the flow is drained, or there is no ingress node.

        """
        if trace_id is not None:
            raise RuntimeError("emit_nowait(trace_id=...) is not supported; use await emit(..., trace_id=...)")
        floes = self._entrances(to)
        self._require_accepting()
        self._engine.events.require_room()
        if any(floe.full() for floe in floes):
            raise asyncio.QueueFull
        self._engine.border.require_tenant(msg)
        self._engine.events.listen()
        self._engine.dispatch.put_all(floes, msg, self._engine.trace_of(msg))

    async def emit_chunk(
        self,
        *,
        parent: Message,
        text: str,
        stream_id: str | None = None,
        seq: int | None = None,
        done: bool = False,
        meta: dict[str, Any] | None = None,
        to: Node | Sequence[Node] | None = None,
    ) -> StreamChunk:
        """Send one piece of a stream into the flow, as `Context.emit_chunk` does from a node.

        Raises:
            TypeError: the parent is no envelope.

        """
        message = chunk_of(parent, text, stream_id, meta, done=done)
        chunk: StreamChunk = message.payload
        counted = self._streams.next_seq(parent.trace_id, chunk.stream_id, done=done)
        chunk.seq = counted if seq is None else seq
        trace = self._engine.ledger.find(parent.trace_id)
        if counted and trace is not None:
            await room_for_chunk(trace, self._engine.queue_maxsize)
        await self.emit(message, to)
        return chunk

    async def fetch(self, from_: Node | None = None, *, trace_id: str | None = None) -> Any:
        """Take the next result out of the flow.

        Args:
            from_: only results of this egress node.
            trace_id: only results of this trace; without it, only results of traces that no scoped emit opened.

        Raises:
            TenantViolation: unscoped messages of more than one tenant are live, and tenants are kept apart.
            TraceEnded: the trace has ended and has no result left.
            RuntimeError: the flow has no egress, was stopped, or both arguments were given.

        """
        if trace_id is not None:
            if from_ is not None:
                raise RuntimeError("fetch(trace_id=...) does not support from_ filtering")
            if self._state == "stopped" and self._engine.ledger.find(trace_id) is None:
                raise RuntimeError(f"PenguiFlow was stopped and has no outcome of trace {trace_id} left to fetch")
            return await self._engine.rookery.fetch_scoped(trace_id)
        if not self._graph.egress:
            raise RuntimeError("context has no incoming floes to fetch from")
        if self._state == "stopped" and not len(self._engine.rookery):
            raise RuntimeError("PenguiFlow was stopped and has no result left to fetch")
        return await self._engine.rookery.fetch(from_, self._engine.border.require_one_tenant)

    async def fetch_any(self, from_: Node | None = None, *, trace_id: str | None = None) -> Any:
        """The same as `fetch`."""
        return await self.fetch(from_, trace_id=trace_id)

    async def outcome(self, *, trace_id: str) -> Outcome:
        """How a trace ended, as soon as it has; reading it forgets the trace.

        The outcomes of the newest 1,024 traces that ended unread are kept.

        Raises:
            TraceNotFound: nothing was sent under this id, its outcome was read, or 1,024 newer ones were not.

        """
        trace = self._engine.ledger.find(trace_id)
        if trace is None or not trace.accepted:
            raise TraceNotFound(trace_id)
        return await self._engine.rookery.outcome(trace)

    async def cancel(self, trace_id: str, *, drain: bool = False) -> bool:
        """End a trace, and only this one.

        Returns whether there was anything to cancel: work that waited, ran or
        backed off, or a result that nobody had fetched. A waiting scoped fetch
        ends at once with `TraceEnded`.

        Args:
            trace_id: the trace.
            drain: wait until its handlers have ended too, or were left behind after their grace.

        Raises:
            RuntimeError: the flow is not running.

        """
        if not self._live:
            raise RuntimeError("PenguiFlow is not running; there is nothing to cancel")
        trace = self._engine.ledger.find(trace_id)
        if trace is None or not trace.pending:
            return False
        if trace.closed != "cancelled":
            self._engine.cancel(trace)
        if drain:
            await trace.settle()
        return True

    def _echoes(self, msg: Message, trace_id: str | None) -> bool:
        """Whether this working memory was shown to the reader by a loop that goes on by itself."""
        trace = self._engine.ledger.find(trace_id or msg.trace_id)
        return trace is not None and trace.status is None and trace.echoed_hops == msg.payload.hops

    def _entrances(self, to: Node | Sequence[Node] | None) -> list[Floe]:
        entrances = self._engine.entrances
        if not entrances:
            raise RuntimeError(
                "the flow has no ingress node, so nothing can be emitted into it. "
                "Give it a node that no other node leads to"
            )
        targets = as_nodes(to)
        if targets is None:
            return list(entrances.values())
        for target in targets:
            if target not in entrances:
                raise KeyError(f"Unknown target {target.name} for {OPEN_SEA.name}")
        return [entrances[target] for target in targets]

    @property
    def _live(self) -> bool:
        return self._state in ("running", "draining")

    def _require_accepting(self) -> None:
        if self._state == "draining":
            raise RuntimeError("PenguiFlow is draining and takes no new messages; stop it and run it again first")

    def _require_running(self) -> None:
        if self._state != "running":
            self._require_accepting()
            raise RuntimeError("PenguiFlow is not running; call run() before a scoped emit")

    async def _open_roundtrip(self, msg: Any, trace_id: str) -> Trace:
        """The record of a new roundtrip, as soon as the one under way on the same trace is over."""
        ledger = self._engine.ledger
        while True:
            trace = ledger.find(trace_id)
            if isinstance(msg, Message):
                self._engine.require_own(trace, msg.headers.tenant)
            if trace is None or not trace.claimed:
                break
            await trace.wait_for_turn()
            self._require_running()
        if trace is None or trace.status is not None or (trace.scoped and trace.started):
            trace = ledger.open(trace_id)
        trace.scoped = trace.claimed = True
        return trace

    async def _roundtrip(self, msg: Any) -> Any:
        """Send `msg`, with a trace id or without, and return its first result; giving up cancels what it started."""
        self._require_running()
        self._engine.border.require_tenant(msg)
        if isinstance(msg, Message):
            trace = await self._open_roundtrip(msg, msg.trace_id)
        else:
            trace = self._engine.ledger.open(None)
        trace.scoped = trace.claimed = True
        self._engine.trace_of(msg, trace)
        try:
            await self._engine.dispatch.enter(self._entrances(None), msg, trace)
            return await self._engine.rookery.take(trace)
        except asyncio.CancelledError:
            if trace.status is None:
                self._engine.cancel(trace)
            raise

    def _has_cancelled(self, trace_id: str) -> bool:
        """Whether the newest trace of this id was cancelled."""
        trace = self._engine.ledger.find(trace_id)
        return trace is not None and trace.closed == "cancelled"


def _stamped(message: Any, trace_id: str) -> Any:
    """`message` under `trace_id`: a copy of an envelope, anything else changed in place."""
    if isinstance(message, Message):
        if message.trace_id == trace_id:
            return message
        return message.model_copy(update={"trace_id": trace_id})
    try:
        message.trace_id = trace_id
    except (AttributeError, TypeError, ValueError) as error:
        raise TypeError(
            f"emit(trace_id=...) requires a Message (or object with writable .trace_id); got {type(message).__name__}"
        ) from error
    return message
