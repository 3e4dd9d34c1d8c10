"""A mark that is split over the chunks of one stream: each chunk is searched with the end of the chunk before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penguiflow import Message, StreamChunk
from penguiflow.bus import BusEnvelope
from sim.watch.forms import LONGEST_FORM

if TYPE_CHECKING:
    from collections.abc import Hashable

_ESCAPED_WIDTH = 6
_KEPT = LONGEST_FORM * _ESCAPED_WIDTH
"""Characters of a stream that are kept: the longest form, each of its characters escaped."""


def chunk_in(value: Any) -> StreamChunk | None:
    """The chunk that an answer, or a message on a bus, consists of."""
    if isinstance(value, BusEnvelope):
        value = value.payload
    if isinstance(value, Message):
        value = value.payload
    return value if isinstance(value, StreamChunk) else None


class Seams:
    """The ends of all open streams."""

    def __init__(self) -> None:
        self._ends: dict[str | None, dict[Hashable, str]] = {}

    def join(self, place: tuple[str, str | None, str | None], chunk: StreamChunk) -> tuple[str, str]:
        """The end of what came before in this stream at this place (sink, node, trace), and that with the chunk."""
        ends = self._ends.setdefault(place[-1], {})
        key = (place, chunk.stream_id)
        before = ends.pop(key, "")
        text = before + chunk.text
        if not chunk.done:
            ends[key] = text[-_KEPT:]
        elif not ends:
            self.close(place[-1])
        return before, text

    def close(self, trace_id: str | None) -> None:
        """Forget the streams of a trace that has ended."""
        self._ends.pop(trace_id, None)
