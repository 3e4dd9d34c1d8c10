"""One direction of a connection in memory: bytes arrive in order, each segment as late as its link makes it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

WINDOW_BYTES = 64 * 1024
"""Bytes that can be under way, or arrived and not yet taken; the rest waits in the sender's buffer."""


class Sender(Protocol):
    """The end that writes into a pipe."""

    def drained(self) -> None:
        """Called when some of the buffer is on its way."""
        ...


class Receiver(Protocol):
    """The end that a pipe leads to."""

    def received(self, data: bytes) -> None:
        """Called with each segment."""
        ...

    def finished(self) -> None:
        """Called after the last segment."""
        ...

    def broken(self) -> None:
        """Called when the other end has reset the connection."""
        ...


class Pipe:
    """Carries bytes from a sender to a receiver.

    Args:
        loop: the run's loop.
        delay_s: seconds that the segment of a number, from 1, takes.
        gap_s: seconds that lie at least between two segments.
        stalled: whether nothing ever arrives.
        cut_off: tells whether the link is interrupted at the moment.

    Attributes:
        unsent: the sender's buffer.
        paused: whether the receiver takes nothing at the moment.

    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        delay_s: Callable[[int], float],
        *,
        gap_s: float,
        stalled: bool,
        cut_off: Callable[[], bool],
    ) -> None:
        self.unsent = bytearray()
        self.paused = False
        self._loop, self._delay_s, self._gap_s = loop, delay_s, gap_s
        self._stalled, self._cut_off = stalled, cut_off
        self._flight: deque[tuple[float, bytes, Callable[[], None] | None]] = deque()
        self._bytes_in_flight = 0
        self._segments = 0
        self._ending = False
        self._timer: asyncio.TimerHandle | None = None
        self._sender: Sender
        self._receiver: Receiver

    def connect(self, sender: Sender, receiver: Receiver) -> None:
        """Lead from `sender` to `receiver`."""
        self._sender, self._receiver = sender, receiver

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`, as soon as there is room in the window."""
        self.unsent += data
        self._fill_window()

    def end(self) -> None:
        """Send nothing more after what is in the buffer."""
        if not self._ending:
            self._ending = True
            self._fill_window()

    def reset(self) -> None:
        """Forget the buffer, and let the receiver know that its connection is broken."""
        self._ending = True
        self.unsent.clear()
        self._launch(b"", self._receiver.broken)

    def wake(self) -> None:
        """Go on, if nothing holds what is under way; to be called when one of the reasons is gone."""
        if self._timer is None and self._flight and not self._held():
            self._timer = self._loop.call_at(self._flight[0][0], self._arrive)

    def _held(self) -> bool:
        return self.paused or self._stalled or self._cut_off()

    def _fill_window(self) -> None:
        while self.unsent and self._bytes_in_flight < WINDOW_BYTES:
            room = WINDOW_BYTES - self._bytes_in_flight
            segment = bytes(self.unsent[:room])
            del self.unsent[:room]
            self._launch(segment, None)
        if self._ending and not self.unsent:
            self._launch_end()

    def _launch(self, segment: bytes, at_arrival: Callable[[], None] | None) -> None:
        self._segments += 1
        arrives_s = self._loop.time() + self._delay_s(self._segments)
        if self._flight:
            arrives_s = max(arrives_s, self._flight[-1][0] + self._gap_s)
        self._flight.append((arrives_s, segment, at_arrival))
        self._bytes_in_flight += len(segment)
        self.wake()
