"""The trace ledger: one record for each trace, from its first message to its outcome.

A record is everything that the runtime knows of a trace, so that ending the
record ends all of it. A trace id that is used again after its trace was
cancelled or given up gets a new record: nothing of the old one reaches it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import asyncio

    from penguiflow.core.floe import Delivery
    from penguiflow.errors import FlowError
    from penguiflow.node import Node

Status = Literal["result", "error", "cancelled", "deadline", "no_result"]

UNREAD_OUTCOMES_KEPT = 1024


class Result:
    """One value that left the flow."""

    __slots__ = ("source", "trace", "value")

    def __init__(self, trace: Trace, source: Node | None, value: Any) -> None:
        self.trace = trace
        self.source = source
        self.value = value


class Trace:
    """The record of one trace.

    Args:
        trace_id: its id; `None` for a bare payload, which nobody can address.
        tenant: whom it belongs to.

    Attributes:
        live: deliveries that wait, run or back off.
        results: what came out and was not read yet.
        waiters: scoped fetches that wait for more.
        scoped: opened by `emit(trace_id=...)`: its results are for scoped fetches only.
        claimed: a scoped roundtrip is under way; the next one has to wait.
        closed: cancelled or past its deadline; nothing that comes out later counts.
        status: how it ended; `None` while it is open.

    """

    __slots__ = (
        "claimed", "closed", "deadline_s", "deadline_timer", "error", "given", "live", "occurrences",
        "results", "scoped", "status", "tenant", "trace_id", "turns", "waiters",
    )  # fmt: skip

    def __init__(self, trace_id: str | None, tenant: str | None = None) -> None:
        self.trace_id = trace_id
        self.tenant = tenant
        self.deadline_s: float | None = None
        self.deadline_timer: asyncio.TimerHandle | None = None
        self.live: dict[Delivery, None] = {}
        self.results: deque[Result] | None = None
        self.waiters: list[asyncio.Future[None]] | None = None
        self.turns: list[asyncio.Future[None]] | None = None
        self.occurrences: dict[tuple[str, str | None, str | None], int] | None = None
        self.scoped = False
        self.claimed = False
        self.closed: Status | None = None
        self.status: Status | None = None
        self.error: FlowError | None = None
        self.given = 0

    @property
    def pending(self) -> int:
        """Messages of the trace that wait, run, back off, or wait to be fetched."""
        return len(self.live) + (len(self.results) if self.results else 0)

    @property
    def inflight(self) -> int:
        """Handlers of the trace that run now."""
        return sum(1 for delivery in self.live if delivery.worker is not None)

    def next_occurrence(self, act: str, node: str | None, name: str | None) -> int:
        """How many acts of this kind came before, counted from 0."""
        if self.occurrences is None:
            self.occurrences = {}
        key = (act, node, name)
        count = self.occurrences.get(key, 0)
        self.occurrences[key] = count + 1
        return count

    def wake_waiter(self) -> None:
        """Let one scoped fetch look again."""
        while self.waiters:
            waiter = self.waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return

    def wake_all(self) -> None:
        """Let every scoped fetch look again."""
        while self.waiters:
            self.wake_waiter()

    def pass_turn(self) -> None:
        """End the roundtrip under way; the next scoped emit of this trace may start."""
        self.claimed = False
        for turn in self.turns or ():
            if not turn.done():
                turn.set_result(None)
        self.turns = None


class Ledger:
    """All open traces, and the newest outcomes that nobody has read."""

    def __init__(self) -> None:
        self._open: dict[str, Trace] = {}
        self._unread: dict[str, Trace] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def unread(self) -> int:
        """Ended traces whose outcome nobody has read."""
        return len(self._unread)

    def open_traces(self) -> list[Trace]:
        """All open traces, oldest first."""
        return list(self._open.values())

    def find(self, trace_id: str) -> Trace | None:
        """The open trace with this id, or the ended one with an unread outcome."""
        return self._open.get(trace_id) or self._unread.get(trace_id)

    def join(self, trace_id: str | None, tenant: str | None) -> Trace:
        """The open trace with this id, or a new one; a bare payload gets one of its own."""
        if trace_id is None:
            return Trace(None, tenant)
        trace = self._open.get(trace_id)
        if trace is None:
            trace = self.replace(trace_id, tenant)
        elif trace.tenant is None:
            trace.tenant = tenant
        return trace

    def replace(self, trace_id: str, tenant: str | None) -> Trace:
        """Start a new record for this id; whatever the old one still does no longer counts."""
        self._unread.pop(trace_id, None)
        trace = self._open[trace_id] = Trace(trace_id, tenant)
        return trace

    def end(self, trace: Trace, status: Status) -> None:
        """Close the books on a trace; its outcome is kept until it is read, or 1,024 newer ones are unread."""
        trace.status = status
        if trace.deadline_timer is not None:
            trace.deadline_timer.cancel()
            trace.deadline_timer = None
        trace_id = trace.trace_id
        if trace_id is None:
            return
        if self._open.get(trace_id) is trace:
            del self._open[trace_id]
            self._keep(trace_id, trace)
        trace.wake_all()

    def forget(self, trace: Trace) -> None:
        """Drop a trace that has been read to its end, or that was only ever waited for."""
        for table in (self._open, self._unread):
            if trace.trace_id is not None and table.get(trace.trace_id) is trace:
                del table[trace.trace_id]

    def drop_unused(self, trace: Trace) -> None:
        """Drop a record that was opened for a message which then was not sent."""
        if not (trace.live or trace.given or trace.waiters or trace.status):
            if trace.deadline_timer is not None:
                trace.deadline_timer.cancel()
            trace.pass_turn()
            self.forget(trace)

    def clear(self) -> None:
        """Forget everything."""
        self._open.clear()
        self._unread.clear()

    def _keep(self, trace_id: str, trace: Trace) -> None:
        if trace.status == "result" and not trace.results:
            return  # every result was read: the outcome is known
        self._unread[trace_id] = trace
        if len(self._unread) > UNREAD_OUTCOMES_KEPT:
            oldest = self._unread.pop(next(iter(self._unread)))
            oldest.pass_turn()
