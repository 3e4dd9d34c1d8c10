"""A watchdog for callbacks that never come back: code that computes without end would hang its run silently."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sim.kernel.ends import Unyielding
from sim.kernel.frames import place
from sim.kernel.whereabouts import user_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from sim.kernel.loop import SimLoop

LIMIT_S = 10.0
"""Seconds of the processor's time between two looks; a callback that is still the same one ends its run."""

_c: Any = sys.modules["_signal"]  # `signal` puts names to numbers, which takes longer than the rest
_set_handler, _handler_of = _c.signal, _c.getsignal
_set_timer: Any = getattr(_c, "setitimer", None)  # Windows has none


class _Halt(KeyboardInterrupt):
    """What the callback is left with: asyncio passes on no other error, and `except Exception` does not keep it."""


class _Watchdog:
    """Looks at a loop from within a signal.

    Args:
        loop: the loop.

    """

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._seen: tuple[int, Any] = (-1, None)
        self._task: asyncio.Task[Any] | None = None
        self._place = ""

    def look(self, _number: int, frame: FrameType | None) -> None:
        """Raise out of a callback that ran at the last look too; a simulated thread has a limit of its own."""
        loop = self._loop
        ready: Any = loop._ready  # noqa: SLF001 - who is next in line tells one callback of a round from another
        seen, self._seen = self._seen, (loop.events, ready[0] if ready else None)
        in_callback = loop.is_running() and not loop.threads.busy
        if seen == self._seen and in_callback and frame is not None:
            self._place = place(user_frame(frame))
            self._task = asyncio.current_task(loop)
            raise _Halt

    def end(self) -> Unyielding:
        """What to tell of the callback that was given up."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.exception()  # or else asyncio would complain that nobody has asked for it
        return Unyielding(self._loop.time(), self._place)


@contextmanager
def watched(loop: SimLoop) -> Iterator[None]:
    """End a run in which one callback computes for twice `LIMIT_S`, where the system has a timer for that.

    Only the main thread gets signals, and only between two steps of Python: one
    call into C that never returns is out of reach. Timer and handler of the
    signal SIGVTALRM are put back as they were.

    Raises:
        Unyielding: naming the line that the callback was at.

    """
    if _set_timer is None or not _may_handle_signals():
        yield
        return
    watchdog = _Watchdog(loop)
    handler = _set_handler(signal.SIGVTALRM, watchdog.look)
    timer = _set_timer(signal.ITIMER_VIRTUAL, LIMIT_S, LIMIT_S)
    try:
        yield
    except _Halt:
        raise watchdog.end() from None
    finally:
        _set_timer(signal.ITIMER_VIRTUAL, 0)
        _set_handler(signal.SIGVTALRM, handler)
        _set_timer(signal.ITIMER_VIRTUAL, *timer)


def _may_handle_signals() -> bool:
    """Whether this is the main thread, and the signal's handler is one that Python can put back."""
    return threading.current_thread() is threading.main_thread() and _handler_of(signal.SIGVTALRM) is not None
