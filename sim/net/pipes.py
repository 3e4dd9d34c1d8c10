"""One direction of a connection in memory: bytes arrive in order, each segment as late as its link makes it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextvars import Context

WINDOW_BYTES = 64 * 1024
"""Bytes that can be under way, or arrived and not yet taken; the rest waits in the sender's buffer."""


@dataclass(frozen=True, slots=True)
class Leg:
    """What a link does to one direction of one connection.

    Args:
        delay_s: seconds that the segment of a number, from 1, takes.
        cut_off: tells whether the link is interrupted at the moment.
        gap_s: seconds that lie at least between two segments.
        stalled: whether nothing ever arrives.
        reset_after_bytes: how much arrives before the connection breaks; `None` for all.

    """

    delay_s: Callable[[int], float]
    cut_off: Callable[[], bool]
    gap_s: float = 0.0
    stalled: bool = False
    reset_after_bytes: int | None = None


class End(Protocol):
    """One end of a connection, as its pipes see it."""

    context: Context

    def drained(self) -> None:
        """Called when some of what the end has written is on its way."""

    def received(self, data: bytes) -> None:
        """Called with each segment that arrives."""

    def finished(self) -> None:
        """Called when the other end writes no more."""

    def broken(self) -> None:
        """Called when the connection is reset."""


class Pipe:
    """Carries bytes from one end of a connection to the other.

    Attributes:
        unsent: the sender's buffer.
        paused: whether the receiver takes nothing at the moment.

    """

    def __init__(self, loop: asyncio.AbstractEventLoop, leg: Leg) -> None:
        self.unsent = bytearray()
        self.paused = False
        self._loop, self._leg = loop, leg
        self._left = leg.reset_after_bytes
        self._flight: deque[tuple[float, int, Callable[[], None]]] = deque()  # arrival, bytes, what happens then
        self._window = WINDOW_BYTES
        self._segments = 0
        self._free_s = 0.0
        self._ending = self._ended = False
        self._timer: asyncio.TimerHandle | None = None
        self._sender: End
        self._receiver: End

    def connect(self, sender: End, receiver: End) -> None:
        """Lead from `sender` to `receiver`."""
        self._sender, self._receiver = sender, receiver

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`, as far as there is room in the window, and the rest later."""
        self.unsent += data
        self._fill_window()

    def end(self) -> None:
        """Send nothing more after what is in the buffer."""
        self._ending = True
        self._fill_window()

    def reset(self) -> None:
        """Tell the receiver that its connection is broken, in place of what is in the buffer."""
        self._ending = self._ended = True
        self.unsent.clear()
        self._launch(0, self._receiver.broken)

    def wake(self) -> None:
        """Go on, unless something holds what is under way; for when one of the reasons may be gone."""
        if self._timer is None and self._flight and not self._held():
            arrives_s = self._flight[0][0]
            self._timer = self._loop.call_at(arrives_s, self._arrive, context=self._receiver.context)

    def _held(self) -> bool:
        return self.paused or self._leg.stalled or self._leg.cut_off()

    def _fill_window(self) -> None:
        while self.unsent and self._window:
            segment = bytes(self.unsent[: self._window])
            del self.unsent[: len(segment)]
            self._launch(len(segment), partial(self._pass_on, segment))
        if self._ending and not self.unsent and not self._ended:
            self._ended = True
            self._launch(0, self._receiver.finished)

    def _launch(self, size: int, at_arrival: Callable[[], None]) -> None:
        self._segments += 1
        self._window -= size
        arrives_s = max(self._loop.time() + self._leg.delay_s(self._segments), self._free_s)
        self._free_s = arrives_s + self._leg.gap_s
        self._flight.append((arrives_s, size, at_arrival))
        self.wake()

    def _arrive(self) -> None:
        self._timer = None
        if self._held():
            return
        _, size, happens = self._flight.popleft()
        self._window += size
        happens()
        self._fill_window()
        self._sender.drained()
        self.wake()

    def _pass_on(self, segment: bytes) -> None:
        if self._left is None:
            self._receiver.received(segment)
            return
        passed, self._left = segment[: self._left], max(self._left - len(segment), 0)
        if passed:
            self._receiver.received(passed)
        if not self._left:
            self._receiver.broken()
            self._sender.broken()
