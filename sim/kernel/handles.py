"""asyncio's handles, filled in one call: making handles is a large part of what a loop does."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

# The constructors fill exactly the slots that the base classes fill outside of debug mode; a test compares them.


class ReadyHandle(asyncio.Handle):
    """A callback in the ready queue."""

    __slots__ = ()

    _repr: str | None
    _callback: Any
    _args: Any

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], loop: Any, context: Context | None
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


class Timer(asyncio.TimerHandle):
    """A callback with a time."""

    __slots__ = ()

    _repr: str | None
    _callback: Any
    _args: Any

    def __init__(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], loop: Any, context: Context | None
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = True

    def cancel(self) -> None:
        """Give the callback up; every `asyncio.sleep` ends here, mostly after its timer has gone off."""
        if self._cancelled:
            return
        if self._scheduled:
            self._loop._timer_handle_cancelled(self)  # noqa: SLF001 - asyncio's protocol between timer and loop
        if self._loop._debug:  # noqa: SLF001 - as above
            self._repr = repr(self)
        self._cancelled = True
        self._callback = self._args = None
