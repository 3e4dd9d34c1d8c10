"""Hooks off the hot path: stores and middlewares are fed in order, and a slow one holds up nobody.

A hook that never waits runs in line, as if it were called directly. As soon
as it waits, the rest of its work moves to a writer task of its own.
"""

from __future__ import annotations

import asyncio
import logging
import types
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from penguiflow.core.bell import Bell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

HookPolicy = Literal["block", "drop-oldest", "fail"]
HOOK_BACKLOG_MAX = 10_000

_logger = logging.getLogger("penguiflow.core")


class Hook:
    """One listener and the writer that feeds it.

    Args:
        call: the async function to feed.
        name: what people know it by.
        failure: the log message for an exception in it.
        backlog_max: how many items may wait for it.
        drop: drop the oldest beyond that; else whoever feeds it looks at `full`.

    Attributes:
        dropped: items that were dropped since it was opened.

    """

    def __init__(
        self, call: Callable[[Any], Awaitable[Any]], name: str, failure: str, *, backlog_max: int, drop: bool
    ) -> None:
        self._call = call
        self._backlog_max = backlog_max
        self._drop = drop
        self.name = name
        self._failure = failure
        self._backlog: deque[Any] = deque()
        self._started: tuple[Coroutine[Any, Any, Any], Any] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._work = Bell()
        self._idle = Bell()
        self._closed = False
        self._room = Bell()
        self.dropped = 0

    @property
    def backlog(self) -> int:
        """Items given to the hook and not yet taken in."""
        return len(self._backlog) + (self._started is not None)

    @property
    def full(self) -> bool:
        """Whether as many items wait as may."""
        return len(self._backlog) >= self._backlog_max

    async def room(self) -> None:
        """Wait until the backlog is no longer full."""
        while self.full:
            await self._room.wait()

    def feed(self, item: Any) -> None:
        """Give `item` to the listener: now if it is free, else in its turn.

        With `drop` the oldest item is dropped when too many wait: a hook that
        hangs must not eat the memory. After `close` nothing is taken in until `open`.
        """
        if self._closed:
            return
        if self._started is None and not self._backlog:
            self._begin(item)
            return
        if self._drop and self.full:
            self._backlog.popleft()
            self.dropped += 1
        self._backlog.append(item)

    def open(self) -> None:
        """Take in items again."""
        self._closed = False
        self.dropped = 0

    async def flush(self, timeout_s: float) -> None:
        """Wait until everything fed so far has been taken in, for at most `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.backlog:
                    await self._idle.wait()
        except TimeoutError:
            _logger.warning("hook_not_flushed", extra={"hook": self._failure, "backlog": self.backlog})

    async def close(self, timeout_s: float) -> None:
        """Flush for at most `timeout_s` seconds, then stop the writer."""
        try:
            await self.flush(timeout_s)
        finally:
            self._closed = True
            writer = self._stop_writer()
        if self.dropped:
            _logger.warning("hook_items_dropped", extra={"hook": self._failure, "dropped": self.dropped})
        if writer is not None:
            await asyncio.wait([writer], timeout=timeout_s)

    def _stop_writer(self) -> asyncio.Task[None] | None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.cancel()
        self._started = None
        self._backlog.clear()
        self._room.ring()
        return writer

    # -- inside ------------------------------------------------------------------------------

    def _begin(self, item: Any) -> None:
        """Take the first step as the writer, so that a timeout or a task group in the hook is the writer's own."""
        loop = asyncio.get_running_loop()
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write(), name=f"penguiflow:{self._failure}")
        writer, current = self._writer, asyncio.current_task()
        _switch_task(loop, current, writer)
        try:
            self._started = self._step(item)
        finally:
            _switch_task(loop, writer, current)
        if self._started is not None:
            self._work.ring()

    def _step(self, item: Any) -> tuple[Coroutine[Any, Any, Any], Any] | None:
        """Call the hook up to its first wait; `None` if it never waited."""
        try:
            coroutine: Any = self._call(item).__await__()
            return coroutine, coroutine.send(None)
        except StopIteration:
            return None
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - a hook's failure is not the flow's
            self._report(error)
            return None

    async def _write(self) -> None:
        writer = asyncio.current_task()
        while self._writer is writer:
            if self._started is None and self._backlog:
                item = self._backlog.popleft()
                self._room.ring()
                self._started = self._step(item)
            if self._started is not None:
                await self._finish(*self._started)
                if self._writer is writer:
                    self._started = None
            elif not self._backlog:
                self._idle.ring()
                await self._work.wait()

    async def _finish(self, coroutine: Coroutine[Any, Any, Any], awaited: Any) -> None:
        try:
            await _resume(coroutine, awaited)
        except asyncio.CancelledError as error:
            if self._writer_is_cancelled():
                raise
            self._report(error)
        except Exception as error:  # noqa: BLE001 - a hook's failure is not the flow's
            self._report(error)

    @staticmethod
    def _writer_is_cancelled() -> bool:
        """Whether the flow stops; else the hook raised `CancelledError` by itself."""
        writer = asyncio.current_task()
        return writer is not None and writer.cancelling() > 0

    def _report(self, error: BaseException) -> None:
        _logger.error(self._failure, exc_info=error, extra={"event": self._failure})


def _switch_task(loop: asyncio.AbstractEventLoop, old: asyncio.Task[Any] | None, new: asyncio.Task[Any] | None) -> None:
    """Make `new` what `asyncio.current_task()` gives; both functions are documented in asyncio's "Extending"."""
    if old is not None:
        asyncio._leave_task(loop, old)  # noqa: SLF001 - see above
    if new is not None:
        asyncio._enter_task(loop, new)  # noqa: SLF001 - see above


@types.coroutine
def _resume(coroutine: Coroutine[Any, Any, Any], awaited: Any) -> Generator[Any, Any, None]:
    """Drive on a coroutine that was stepped once and waits for `awaited`."""
    while True:
        step: Callable[[Any], Any]
        argument: Any
        try:
            yield awaited
        except BaseException as error:  # noqa: BLE001 - whatever reaches the writer is the hook's to handle
            step, argument = coroutine.throw, error
        else:
            step, argument = coroutine.send, None
        try:
            awaited = step(argument)
        except StopIteration:
            return
