"""Where results come out: scoped fetches see their own trace only, unscoped ones never see a scoped trace."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from penguiflow.core.traces import Result
from penguiflow.errors import TraceEnded

if TYPE_CHECKING:
    from penguiflow.core.traces import Ledger, Trace
    from penguiflow.node import Node


class Rookery:
    """Results of a flow that wait to be fetched.

    Args:
        ledger: the flow's traces.
        bound: how many results of unscoped traces may wait; 0 is any number.

    """

    def __init__(self, ledger: Ledger, bound: int) -> None:
        self._ledger = ledger
        self._bound = bound
        self._shared: deque[Result] = deque()
        self._readers: deque[asyncio.Future[None]] = deque()
        self._writers: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._shared)

    def full_for(self, trace: Trace) -> bool:
        """Whether a result of `trace` has to wait; a scoped trace never blocks anybody."""
        return not trace.scoped and 0 < self._bound <= len(self._shared)

    async def room_for(self, trace: Trace) -> None:
        """Wait until a result of `trace` may be put."""
        while self.full_for(trace):
            await _wait_in(self._writers)

    def put(self, trace: Trace, source: Node | None, value: Any) -> None:
        """Hand out one result: to its trace's own fetches where there are any, else to everybody's."""
        result = Result(trace, source, value)
        if trace.results is None:
            trace.results = deque()
        trace.results.append(result)
        trace.given += 1
        if trace.waiters:
            trace.wake_waiter()
        elif not trace.scoped:
            self._share(result)

    async def fetch(self, source: Node | None) -> Any:
        """The next result of an unscoped trace (from `source`, if one is given)."""
        while True:
            for result in self._shared:
                if source is None or result.source is source:
                    self._take_shared(result)
                    self._read(result)
                    return result.value
            await _wait_in(self._readers)

    def fetch_nowait(self) -> Any:
        """The next result of an unscoped trace; `asyncio.QueueEmpty` if there is none."""
        if not self._shared:
            raise asyncio.QueueEmpty("no messages available")
        result = self._shared[0]
        self._take_shared(result)
        self._read(result)
        return result.value

    async def fetch_scoped(self, trace_id: str) -> Any:
        """The next result of one trace.

        Raises:
            TraceEnded: the trace has ended and has no result left.

        """
        trace = self._ledger.find(trace_id) or self._ledger.join(trace_id, None)
        while not trace.results:
            if trace.status is not None:
                self._ledger.forget(trace)
                trace.pass_turn()
                raise TraceEnded(trace_id, trace.status, trace.error)
            await self._wait_for(trace)
        result = trace.results[0]
        if not trace.scoped and result in self._shared:
            self._take_shared(result)
        self._read(result)
        return result.value

    def release_readers(self, error: Exception) -> None:
        """Let every unscoped fetch fail with `error`: nothing will come any more."""
        for future in (*self._readers, *self._writers):
            if not future.done():
                future.set_exception(error)
        self._readers.clear()
        self._writers.clear()

    def discard(self, trace: Trace) -> None:
        """Throw away what came out of `trace` and was not fetched."""
        for result in trace.results or ():
            if result in self._shared:
                self._take_shared(result)
        trace.results = None

    def clear(self) -> None:
        """Throw away everything that was not fetched."""
        self._shared.clear()

    def _share(self, result: Result) -> None:
        self._shared.append(result)
        while self._readers:  # each of them may look for another source
            _wake(self._readers)

    def _take_shared(self, result: Result) -> None:
        self._shared.remove(result)
        _wake(self._writers)

    def _read(self, result: Result) -> None:
        trace = result.trace
        if trace.results is not None:
            trace.results.remove(result)
        trace.pass_turn()
        if not trace.results and trace.status is not None:
            self._ledger.forget(trace)
            trace.wake_all()

    async def _wait_for(self, trace: Trace) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if trace.waiters is None:
            trace.waiters = []
        trace.waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            self._leave(trace, waiter)
            raise

    def _leave(self, trace: Trace, waiter: asyncio.Future[None]) -> None:
        """A scoped fetch was given up: what it would have got is for the next one."""
        if trace.waiters and waiter in trace.waiters:
            trace.waiters.remove(waiter)
        elif trace.results and trace.waiters:
            trace.wake_waiter()
        if trace.waiters:
            return
        if trace.results and not trace.scoped:
            for result in trace.results:
                if result not in self._shared:
                    self._share(result)
        trace.pass_turn()
        if not (trace.live or trace.scoped or trace.given or trace.status):
            self._ledger.forget(trace)


async def _wait_in(queue: deque[asyncio.Future[None]]) -> None:
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    queue.append(waiter)
    try:
        await waiter
    except BaseException:
        if waiter in queue:
            queue.remove(waiter)
        else:
            _wake(queue)  # the wake-up was meant for somebody who can still use it
        raise


def _wake(queue: deque[asyncio.Future[None]]) -> None:
    while queue:
        waiter = queue.popleft()
        if not waiter.done():
            waiter.set_result(None)
            return
