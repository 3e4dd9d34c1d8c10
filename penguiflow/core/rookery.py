"""Where results come out: scoped fetches see their own trace only, unscoped ones never see a scoped trace."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from penguiflow.core.bell import Bell
from penguiflow.core.outcome import Outcome
from penguiflow.core.traces import Result
from penguiflow.errors import TraceEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from penguiflow.core.ledger import Ledger
    from penguiflow.core.traces import Trace
    from penguiflow.node import Node


class Rookery:
    """Results of a flow that wait to be fetched.

    Args:
        ledger: the flow's traces.
        bound: how many results of unscoped traces may wait; 0 is any number.

    """

    def __init__(self, ledger: Ledger, bound: int) -> None:
        self._ledger = ledger
        self.bound = bound
        self._shared: OrderedDict[Result, None] = OrderedDict()
        self._readers = Bell()
        self._writers = Bell()

    def __len__(self) -> int:
        return len(self._shared)

    # -- in ----------------------------------------------------------------------------------

    def full_for(self, trace: Trace) -> bool:
        """Whether a result of `trace` has to wait; a scoped trace never blocks anybody."""
        return 0 < self.bound <= len(self._shared) and not trace.scoped

    async def room_for(self, trace: Trace) -> None:
        """Wait until a result of `trace` may be put."""
        while self.full_for(trace):
            await self._writers.wait()

    def put(self, trace: Trace, source: Node | None, value: Any) -> None:
        """Hand out one result: to its trace's own fetches where there are any, else to everybody's."""
        result = Result(trace, source, value)
        trace.given += 1
        if trace.results is None:
            trace.results = []
        trace.results.append(result)
        if trace.awaited:
            trace.wake()
        elif not trace.scoped:
            self._share(result)

    # -- out ---------------------------------------------------------------------------------

    async def fetch(self, source: Node | None, allow: Callable[[Trace], None]) -> Any:
        """The next result of an unscoped trace (from `source`, if one is given); `allow` may refuse to give it."""
        while True:
            for result in self._shared:
                if source is None or result.source is source:
                    allow(result.trace)
                    return self._read(result)
            await self._readers.wait()

    async def fetch_of(self, tenant: str, source: Node | None) -> Any:
        """The next result of an unscoped trace of `tenant` (from `source`, if one is given)."""
        while True:
            for result in self._shared:
                if result.trace.tenant == tenant and (source is None or result.source is source):
                    return self._read(result)
            await self._readers.wait()

    async def fetch_scoped(self, trace_id: str) -> Any:
        """The next result of one trace.

        Raises:
            TraceEnded: the trace has ended and has no result left.

        """
        trace = self._ledger.find(trace_id)
        if trace is None:
            dropped = self._ledger.dropped(trace_id)
            if dropped is not None:
                raise TraceEnded(trace_id, dropped)
            trace = self._ledger.open(trace_id)
        return await self.take(trace)

    async def take(self, trace: Trace) -> Any:
        """The next result of `trace`; `TraceEnded` if it has ended and has none left."""
        while not trace.results:
            if trace.status is not None:
                self._ledger.forget(trace)
                raise TraceEnded(trace.trace_id, trace.status, trace.error)
            try:
                await trace.wait()
            except BaseException:
                self._give_up(trace)
                raise
        return self._read(trace.results[0])

    async def outcome(self, trace: Trace) -> Outcome:
        """How `trace` ended, as soon as it has; what nobody had fetched by then is in it."""
        while trace.status is None:
            try:
                await trace.wait()
            except BaseException:
                self._give_up(trace)
                raise
        results = tuple(result.value for result in trace.results or ())
        self.discard(trace)
        self._ledger.forget(trace)
        return Outcome(trace.trace_id, trace.tenant, trace.status, trace.error, results)

    def _read(self, result: Result) -> Any:
        """Take a result out of every table that it is in."""
        trace = result.trace
        self._unshare(result)
        if trace.results is not None:
            trace.results.remove(result)
        if trace.claimed:
            trace.pass_turn()
        trace.make_room()
        if not trace.results and trace.status is not None and not trace.has_more_to_tell:
            self._ledger.forget(trace)
            trace.wake()
        return result.value

    def _give_up(self, trace: Trace) -> None:
        """A scoped fetch was given up: the roundtrip is over, and what it would have got is for others."""
        if trace.awaited:
            return
        trace.pass_turn()
        if trace.results and not trace.scoped:
            for result in trace.results:
                self._share(result)
        if not (trace.started or trace.sending or trace.scoped):
            self._ledger.forget(trace)

    def discard(self, trace: Trace) -> None:
        """Throw away what came out of `trace` and was not fetched."""
        for result in trace.results or ():
            self._unshare(result)
        trace.results = None

    def close(self, error: Exception) -> None:
        """Let everybody who waits fail with `error`: nothing will come any more."""
        self._readers.fail(error)
        self._writers.fail(error)

    def clear(self) -> None:
        """Throw away everything that was not fetched."""
        for result in list(self._shared):
            self._unshare(result)

    def _share(self, result: Result) -> None:
        if not result.shared:
            result.shared = True
            self._shared[result] = None
            self._readers.ring()

    def _unshare(self, result: Result) -> None:
        if result.shared:
            result.shared = False
            del self._shared[result]
            self._writers.ring()
