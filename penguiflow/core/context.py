"""`Context`: what a node may do while it handles one message (RUNTIME contract 1.8)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from penguiflow.core.chunks import chunk_of, next_seq, room_for_chunk
from penguiflow.core.custody import adopt, collect
from penguiflow.core.intercept import Call, run_through
from penguiflow.core.playbook import call_playbook
from penguiflow.errors import TraceCancelled
from penguiflow.fingerprint import digest
from penguiflow.node import Node, as_nodes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from penguiflow.core.engine import Engine
    from penguiflow.core.floe import Delivery, Floe
    from penguiflow.core.flow import PenguiFlow
    from penguiflow.core.graph import Endpoint
    from penguiflow.core.playbook import Playbook
    from penguiflow.core.station import Station
    from penguiflow.core.traces import Trace
    from penguiflow.core.worker import Worker
    from penguiflow.types import Message, StreamChunk

T = TypeVar("T")


class Context:
    """The handle that a handler gets; one for each attempt.

    Args:
        owner: the node (or end of the flow) on whose behalf.
        runtime: the flow.
        worker: who makes the attempt; the runtime gives it.
        delivery: what is attempted; the runtime gives it.

    Attributes:
        attempt: which try of the node this is, counted from 0.

    """

    __slots__ = ("_delivery", "_worker", "attempt", "owner", "runtime")

    def __init__(
        self,
        owner: Node | Endpoint,
        runtime: PenguiFlow | None = None,
        worker: Worker | None = None,
        delivery: Delivery | None = None,
    ) -> None:
        self.owner = owner
        self.runtime = runtime
        self._worker = worker
        self._delivery = delivery
        self.attempt = 0 if delivery is None else delivery.attempt

    async def emit(self, msg: Any, to: Node | Sequence[Node] | None = None) -> None:
        """Send `msg` to every successor, or to those named; waits for room.

        Raises:
            KeyError: `to` is no successor.
            RuntimeError: the context belongs to no running flow, or its attempt is over.

        """
        engine, station, delivery = self._current()
        await engine.dispatch.emit(station, delivery, self.attempt, msg, as_nodes(to))

    def emit_nowait(self, msg: Any, to: Node | Sequence[Node] | None = None) -> None:
        """Send `msg` without waiting.

        Raises:
            asyncio.QueueFull: an edge has no room; nothing was sent.

        """
        engine, station, delivery = self._current()
        engine.dispatch.emit_nowait(station, delivery, self.attempt, msg, as_nodes(to))

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
        """Send one piece of a stream to every successor, or to those named, in an envelope like its parent's.

        From the second chunk on this waits while `queue_maxsize` messages of the
        trace have not reached their reader. A retry numbers its chunks as the
        attempt before did, and sends only what is new; those chunks have its
        number as `meta["attempt"]`.

        Args:
            parent: the envelope that is answered.
            text: the piece.
            stream_id: the stream; the parent's trace id if left out.
            seq: the chunk's number; counted from 0 if left out.
            done: this is the last one.
            meta: facts that go with the chunk.
            to: where it goes.

        Raises:
            TypeError: the parent is no envelope.

        """
        engine, station, delivery = self._current()
        message = chunk_of(parent, text, stream_id, meta, done=done)
        chunk: StreamChunk = message.payload
        counted = next_seq(delivery, self.attempt, chunk.stream_id, done=done)
        chunk.seq = counted if seq is None else seq
        if self.attempt:
            chunk.meta.setdefault("attempt", self.attempt)
        if counted:
            await room_for_chunk(delivery.trace, engine.queue_maxsize)
        await engine.dispatch.emit(station, delivery, self.attempt, message, as_nodes(to))
        return chunk

    async def call_playbook(
        self,
        playbook: Playbook,
        parent_msg: Any,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the name is part of the contract
    ) -> Any:
        """Run a flow of its own for `parent_msg`, and return its result; it ends with this node's attempt.

        Args:
            playbook: makes the flow, and the models of its nodes or `None`.
            parent_msg: what is sent into it.
            timeout: the longest wait in seconds.

        Raises:
            FlowError: a node of the subflow has failed for good.
            TimeoutError: there is no result in time, or the subflow ended without one.
            TraceCancelled: the trace is cancelled already.

        """
        if self._delivery is not None and self._delivery.trace.closed == "cancelled":
            raise TraceCancelled(self._delivery.trace.trace_id)
        return await call_playbook(playbook, parent_msg, timeout, runtime=self.runtime)

    async def fetch(self, from_: Node | None = None) -> Any:
        """Take the next message that waits before this node (over the edge from `from_`, if given)."""
        _, station, delivery = self._current()
        floe = _incoming(station, from_)
        taken = _take(station, floe)
        while taken is None:
            await station.inbox.wait()
            taken = _take(station, floe)
        return adopt(delivery, taken)

    async def fetch_any(self, from_: Node | None = None) -> Any:
        """The same as `fetch`."""
        return await self.fetch(from_)

    def fetch_nowait(self, from_: Node | None = None) -> Any:
        """Take what waits before this node now; `asyncio.QueueEmpty` if nothing does."""
        _, station, delivery = self._current()
        taken = _take(station, _incoming(station, from_))
        if taken is None:
            raise asyncio.QueueEmpty("no messages available")
        return adopt(delivery, taken)

    def collect(self, count: int) -> list[Any] | None:
        """Hold this message until `count` of its trace have come to this node.

        Returns them in order of arrival, or `None` while some are missing; the
        handler then returns `None` too. What is held ends with its trace: by
        its cancellation, its deadline, at `stop`, and for a scoped roundtrip as
        soon as nothing else of it is on the way.
        """
        _, _, delivery = self._current()
        return collect(delivery, count)

    def deadline_remaining(self) -> float | None:
        """Seconds until the trace's deadline, 0 if it has passed, `None` if the trace has none."""
        return None if self._delivery is None else self._delivery.trace.deadline_remaining_s()

    def idempotency_key(self, step: str) -> str:
        """The key for `step` of this trace: the same on every attempt, and again after a restart.

        Raises:
            RuntimeError: the message has no trace id to build a key from.

        """
        trace_id = None if self._delivery is None else self._delivery.trace.trace_id
        if trace_id is None:
            raise RuntimeError(
                "idempotency_key needs a trace id, and this message has none. Send a Message, or build your own key"
            )
        return f"{trace_id}/{step}"

    async def once(self, step: str, func: Callable[[], Awaitable[T]]) -> T:
        """Run `func` at most once for this trace and step; later calls get its first result.

        Raises:
            StepUnknown: an earlier attempt began the step and did not finish it.

        """
        engine, _, _ = self._attached()
        return await engine.once.run(self.idempotency_key(step), func)

    async def effect(
        self,
        name: str,
        func: Callable[[], Awaitable[Any]] | None = None,
        *,
        key: str | None = None,
        args: Any = None,
    ) -> Any:
        """Change the outside world: the one place where a tool call can be seen and broken.

        Args:
            name: the tool or service that is changed.
            func: does it, and gives the result; without one the call itself is the effect.
            key: the idempotency key that the outside world gets.
            args: what it gets besides; only a digest of it stands in events.

        """
        act = func or _nothing
        if self._worker is None or self._delivery is None:
            return await act()
        engine, station, trace = self._worker.engine, self._worker.station, self._delivery.trace
        given = digest(args) if engine.events.wanted("effect") else ""
        if engine.around["tool"]:
            node = station.node.label
            call = Call(
                act="tool", node=node, name=name, trace_id=trace.trace_id, tenant=trace.tenant, attempt=self.attempt,
                occurrence=trace.next_occurrence("tool", node, name), value=args, key=key, args_digest=given,
            )  # fmt: skip
            result = await run_through(engine.around["tool"], call, act)
        else:
            result = await act()
        if given:
            extra = {"effect": name, "key": key, "args_digest": given}
            engine.events.emit("effect", station, trace, attempt=self.attempt, extra=extra)
        return result

    def trace_of(self, trace_id: str | None) -> Trace | None:
        """The record of this message's trace, if that is its id."""
        trace = None if self._delivery is None else self._delivery.trace
        return trace if trace is not None and trace.trace_id == trace_id else None

    def outgoing_count(self) -> int:
        """Number of outgoing edges."""
        return 0 if self._worker is None else self._worker.station.outgoing_count()

    def queue_depth_in(self) -> int:
        """Messages that wait before this node."""
        return 0 if self._worker is None else self._worker.station.depth_in()

    def queue_depth_out(self) -> int:
        """Messages that wait behind this node."""
        return 0 if self._worker is None else self._worker.station.depth_out()

    def _attached(self) -> tuple[Engine, Station, Delivery]:
        if self._worker is None or self._delivery is None:
            raise RuntimeError("Context is not attached to a running flow")
        return self._worker.engine, self._worker.station, self._delivery

    def _current(self) -> tuple[Engine, Station, Delivery]:
        """The same, while the attempt that this context was made for is under way."""
        engine, station, delivery = self._attached()
        worker = self._worker
        if worker is None or worker.delivery is not delivery or worker.over or delivery.attempt != self.attempt:
            raise RuntimeError(
                f"this attempt of node {station.node.label!r} is over; it may not emit or fetch any more. "
                "Let the handler end when it is cancelled"
            )
        return engine, station, delivery


async def _nothing() -> None:
    return None


def _take(station: Station, floe: Floe | None) -> Delivery | None:
    return station.inbox.take() if floe is None else station.inbox.take_from(floe)


def _incoming(station: Station, from_: Node | None) -> Floe | None:
    if not station.incoming:
        raise RuntimeError("context has no incoming floes to fetch from")
    if from_ is None:
        return None
    for floe in station.incoming:
        if floe.source is from_:
            return floe
    raise KeyError(f"Unknown source {from_.name} for {station.node.label}")
