"""What the attempts of one delivery have sent already, so that a retry sends nothing twice (row W18).

An emission is known again by its place in the order, its target and its
content. A handler that does the same on each attempt is heard once; one that
does something else is heard out.
"""

from __future__ import annotations

from typing import Any

from penguiflow.fingerprint import digest
from penguiflow.types import Message, StreamChunk

Stream = tuple[str, str]
"""The place that a stream comes from, and its id."""


class Emissions:
    """What the attempts of one delivery have sent."""

    __slots__ = ("_attempt", "_count", "_resumed", "_sent", "_starts")

    def __init__(self) -> None:
        self._attempt = 0
        self._count = 0
        self._sent: dict[tuple[int, str], str] = {}
        self._starts: dict[Stream, int] = {}
        self._resumed: dict[Stream, None] = {}

    def next(self, attempt: int, message: Any) -> Emission:
        """The next emission of `attempt`."""
        self._turn_to(attempt)
        self._count += 1
        return Emission(self._sent, self._count, _content(message))

    def first_seq(self, attempt: int, stream: Stream, seq: int) -> int:
        """What `attempt` numbers the next chunk of `stream`: as the attempts before it did, else `seq`."""
        self._turn_to(attempt)
        if stream in self._resumed:
            return seq
        self._resumed[stream] = None
        return self._starts.setdefault(stream, seq)

    def _turn_to(self, attempt: int) -> None:
        if attempt != self._attempt:
            self._attempt, self._count = attempt, 0
            self._resumed.clear()


class Emission:
    """One emission, which may go to several targets.

    Args:
        sent: what was sent, by place in the order and target.
        place: this one's place in the order.
        content: a digest of what is sent.

    """

    __slots__ = ("_content", "_place", "_sent")

    def __init__(self, sent: dict[tuple[int, str], str], place: int, content: str) -> None:
        self._sent = sent
        self._place = place
        self._content = content

    def arrived(self, target: str) -> bool:
        """Whether an earlier attempt sent the same to `target`."""
        return self._sent.get((self._place, target)) == self._content

    def note(self, target: str) -> None:
        """`target` has it now."""
        self._sent[self._place, target] = self._content


def _content(message: Any) -> str:
    """A digest of what the receiver is told; times and notes of the sender do not count."""
    payload, trace_id = (message.payload, message.trace_id) if isinstance(message, Message) else (message, None)
    if isinstance(payload, StreamChunk):
        payload = (payload.stream_id, payload.seq, payload.text, payload.done)
    return digest((trace_id, payload))
