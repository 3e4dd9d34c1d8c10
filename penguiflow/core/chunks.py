"""Chunks of a stream on their way: how they are numbered, and how far they may run ahead of their reader."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from penguiflow.types import Message, StreamChunk

if TYPE_CHECKING:
    from penguiflow.core.emissions import Stream
    from penguiflow.core.floe import Delivery
    from penguiflow.core.traces import Trace

OPEN_STREAMS_KEPT = 1024


class Streams:
    """Numbers of the streams that come from outside: those of the newest 1,024 that are not done."""

    def __init__(self) -> None:
        self._next: OrderedDict[tuple[str, str], int] = OrderedDict()

    def next_seq(self, trace_id: str, stream_id: str, *, done: bool) -> int:
        """The number of a stream's next chunk, counted from 0; the last one ends the count."""
        seq = self._next.pop((trace_id, stream_id), 0)
        if not done:
            self._next[trace_id, stream_id] = seq + 1
        if len(self._next) > OPEN_STREAMS_KEPT:
            self._next.popitem(last=False)
        return seq


def next_seq(delivery: Delivery, attempt: int, stream_id: str, *, done: bool) -> int:
    """The number of the next chunk that a node sends: from 0 for each of its streams, and again on each attempt."""
    trace, node = delivery.trace, delivery.floe.target
    if trace.seqs is None:
        trace.seqs = {}
    stream: Stream = (node.label, stream_id)
    seq = trace.seqs.get(stream, 0)
    if node.policy.max_retries:
        seq = delivery.sent_before().first_seq(attempt, stream, seq)
    trace.seqs[stream] = 0 if done else seq + 1
    return seq


async def room_for_chunk(trace: Trace, queue_maxsize: int) -> None:
    """Wait until fewer than `queue_maxsize` messages of `trace` are on their way to a reader (RUNTIME contract 1.13).

    The reader has to fetch a chunk: a node that only handed it on does not count.
    """
    while 0 < queue_maxsize < trace.pending and trace.closed is None:
        await trace.wait_for_room()


def chunk_of(parent: Any, text: str, stream_id: str | None, meta: dict[str, Any] | None, *, done: bool) -> Message:
    """A chunk in an envelope like its parent's, not numbered yet.

    Raises:
        TypeError: the parent is no envelope.

    """
    if not isinstance(parent, Message):
        raise TypeError(f"emit_chunk requires a Message as parent; got {type(parent).__name__}")
    chunk = StreamChunk(stream_id=stream_id or parent.trace_id, seq=0, text=text, done=done, meta=dict(meta or {}))
    return Message(
        payload=chunk,
        headers=parent.headers,
        trace_id=parent.trace_id,
        deadline_s=parent.deadline_s,
        meta=dict(parent.meta),
    )
