"""Hooks off the hot path: stores and middlewares are fed in order, and a slow one holds up nobody.

A hook that never waits runs in line, as if it were called directly. As soon
as it waits, the rest of its work moves to a writer task of its own.
"""

from __future__ import annotations

import asyncio
import logging
import types
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

HOOK_BACKLOG_MAX = 10_000

_logger = logging.getLogger("penguiflow.core")


class Hook:
    """One listener and the writer that feeds it.

    Args:
        call: the async function to feed.
        failure: the log message for an exception in it.

    """

    def __init__(self, call: Callable[[Any], Awaitable[Any]], failure: str) -> None:
        self._call = call
        self._failure = failure
        self._backlog: deque[Any] = deque()
        self._started: tuple[Coroutine[Any, Any, Any], Any] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._asleep: asyncio.Future[None] | None = None
        self._flushed: list[asyncio.Future[None]] = []
        self.dropped = 0

    @property
    def backlog(self) -> int:
        """Items given to the hook and not yet taken in."""
        return len(self._backlog) + (self._started is not None)

    def feed(self, item: Any) -> None:
        """Give `item` to the listener: now if it is free, else in its turn.

        The oldest item is dropped when 10,000 wait: a hook that hangs must not eat the memory.
        """
        if self._started is None and not self._backlog:
            self._begin(item)
            return
        if len(self._backlog) >= HOOK_BACKLOG_MAX:
            self._backlog.popleft()
            self.dropped += 1
        self._backlog.append(item)

    async def flush(self) -> None:
        """Return when everything fed so far has been taken in."""
        if self.backlog:
            flushed = asyncio.get_running_loop().create_future()
            self._flushed.append(flushed)
            await flushed

    async def close(self, timeout_s: float) -> None:
        """Flush for at most `timeout_s` seconds, then stop the writer."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            await asyncio.wait_for(self.flush(), timeout_s)
        except TimeoutError:
            _logger.warning("hook_not_flushed", extra={"hook": self._failure, "backlog": self.backlog})
        writer.cancel()
        await asyncio.wait([writer], timeout=timeout_s)
        self._started = None
        self._backlog.clear()

    def _begin(self, item: Any) -> None:
        """Take the first step as the writer, so that a timeout or a task group in the hook is the writer's own."""
        loop = asyncio.get_running_loop()
        if self._writer is None or self._writer.done():
            self._writer = loop.create_task(self._write(), name=f"penguiflow:{self._failure}")
        current = asyncio.current_task()
        if current is not None:
            asyncio._leave_task(loop, current)  # noqa: SLF001 - documented in asyncio's "Extending"
        asyncio._enter_task(loop, self._writer)  # noqa: SLF001 - as above
        try:
            self._started = self._step(item)
        finally:
            asyncio._leave_task(loop, self._writer)  # noqa: SLF001 - as above
            if current is not None:
                asyncio._enter_task(loop, current)  # noqa: SLF001 - as above
        if self._started is not None and self._asleep is not None and not self._asleep.done():
            self._asleep.set_result(None)

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
        while True:
            if self._started is None and self._backlog:
                self._started = self._step(self._backlog.popleft())
            if self._started is not None:
                await self._finish(*self._started)
                self._started = None
            elif not self._backlog:
                await self._sleep()

    async def _finish(self, coroutine: Coroutine[Any, Any, Any], awaited: Any) -> None:
        try:
            await _resume(coroutine, awaited)
        except asyncio.CancelledError as error:
            if self._writer is not asyncio.current_task():
                raise  # the flow stops
            self._report(error)
        except Exception as error:  # noqa: BLE001 - a hook's failure is not the flow's
            self._report(error)

    async def _sleep(self) -> None:
        for flushed in self._flushed:
            if not flushed.done():
                flushed.set_result(None)
        self._flushed.clear()
        self._asleep = asyncio.get_running_loop().create_future()
        await self._asleep

    def _report(self, error: BaseException) -> None:
        _logger.error(self._failure, exc_info=error, extra={"event": self._failure})


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
