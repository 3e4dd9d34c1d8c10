"""The trace ledger: one record for each trace, from its first message to its outcome.

A trace id that is used again after its trace was cancelled, given up or
answered gets a new record: nothing of the old one reaches it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from penguiflow.core.bell import Bell
from penguiflow.core.traces import Trace

if TYPE_CHECKING:
    from penguiflow.core.traces import Status

UNREAD_OUTCOMES_KEPT = 1024
DROPPED_IDS_KEPT = 65_536


class Ledger:
    """All open traces, and the newest outcomes that nobody has read."""

    def __init__(self) -> None:
        self._open: dict[str | Trace, Trace] = {}
        self._unread: dict[str, Trace] = {}
        self._dropped: OrderedDict[str, Status] = OrderedDict()
        self._ends = Bell()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def unread(self) -> int:
        """Ended traces whose outcome nobody has read."""
        return len(self._unread)

    def open_traces(self) -> list[Trace]:
        """All open traces, oldest first: also those without an id, and those whose id belongs to a newer one."""
        return list(self._open.values())

    async def wait_until_idle(self) -> None:
        """Return when every trace of which anything was accepted has ended."""
        while any(trace.accepted for trace in self._open.values()):
            await self._ends.wait()

    def refuse_turns(self) -> None:
        """Let every scoped emit that waits for an earlier roundtrip look again."""
        for trace in [*self._open.values(), *self._unread.values()]:
            trace.refuse_turns()

    def find(self, trace_id: str) -> Trace | None:
        """The open trace with this id, or the ended one with an unread outcome."""
        return self._open.get(trace_id) or self._unread.get(trace_id)

    def dropped(self, trace_id: str) -> Status | None:
        """How a roundtrip ended whose result was dropped unfetched, to make room for newer ones; it is told once."""
        return self._dropped.pop(trace_id, None)

    def join(self, trace_id: str) -> Trace:
        """The open trace with this id, or a new one."""
        return self._open.get(trace_id) or self.open(trace_id)

    def open(self, trace_id: str | None) -> Trace:
        """Start a new record; what an old one of the same id still does no longer counts."""
        if trace_id is not None:
            self._replace(trace_id)
        trace = Trace(trace_id)
        self._open[trace.key] = trace
        return trace

    def end(self, trace: Trace, status: Status) -> None:
        """Close the books on a trace; its outcome is kept until it is read, or 1,024 newer ones are unread."""
        trace.status = status
        trace.stop_timer()
        self._open.pop(trace.key, None)
        if trace.trace_id is not None and not trace.replaced and (trace.results or status != "result"):
            self._keep(trace.trace_id, trace)
        trace.wake()
        self._ends.ring()

    def forget(self, trace: Trace) -> None:
        """Drop a trace that has been read to its end, or that was only ever waited for."""
        trace.stop_timer()
        trace.pass_turn()
        if self._open.get(trace.key) is trace:  # a newer trace may have the id by now
            del self._open[trace.key]
        if trace.trace_id is not None and self._unread.get(trace.trace_id) is trace:
            del self._unread[trace.trace_id]
        self._ends.ring()

    def clear(self) -> None:
        """Forget every outcome that was not read."""
        for trace in list(self._unread.values()):
            self.forget(trace)
        self._dropped.clear()

    def _replace(self, trace_id: str) -> None:
        self._dropped.pop(trace_id, None)
        old = self._unread.pop(trace_id, None) or self._open.pop(trace_id, None)
        if old is None:
            return
        old.replaced = True
        old.pass_turn()
        if old.status is None:
            self._open[old] = old

    def _keep(self, trace_id: str, trace: Trace) -> None:
        self._unread[trace_id] = trace
        if len(self._unread) > UNREAD_OUTCOMES_KEPT:
            self._drop(next(iter(self._unread.values())))

    def _drop(self, trace: Trace) -> None:
        owed = trace.claimed  # whoever sent it has not fetched yet
        self.forget(trace)
        if owed and trace.trace_id is not None and trace.status is not None:
            self._dropped[trace.trace_id] = trace.status
        if len(self._dropped) > DROPPED_IDS_KEPT:
            self._dropped.popitem(last=False)
