"""The record of one trace: everything that the runtime knows of it, so that ending the record ends all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from penguiflow import ambient
from penguiflow.core.bell import Bell

if TYPE_CHECKING:
    import asyncio

    from penguiflow.core.emissions import Stream
    from penguiflow.core.floe import Delivery
    from penguiflow.errors import FlowError
    from penguiflow.node import Node

Status = Literal["result", "error", "cancelled", "deadline", "no_result"]


class Result:
    """One value that left the flow; `shared` while it waits for whoever fetches next."""

    __slots__ = ("shared", "source", "trace", "value")

    def __init__(self, trace: Trace, source: Node | None, value: Any) -> None:
        self.trace = trace
        self.source = source
        self.value = value
        self.shared = False


class Trace:
    """The record of one trace.

    Args:
        trace_id: its id; `None` for a bare payload, which nobody can address.

    Attributes:
        tenant: whom it belongs to: the tenant of its first envelope.
        opened_s: when the record was made, in seconds on the loop's clock.
        live: deliveries that wait, run or back off.
        sending: sends that may still add to them.
        blocked: senders of this trace that wait for room on an edge.
        results: what came out and was not read yet.
        given: how many results came out.
        told: the last of them says how it ended.
        waiters: scoped fetches that wait for more.
        turns: scoped emits that wait for the roundtrip under way to end.
        settled: cancellers that wait until nothing of it runs any more.
        room: senders of chunks that wait for their reader.
        held: by node, deliveries that wait there until enough of the trace have come.
        watched: something is held, or waits for room: look again whenever a delivery is over.
        seqs: the numbers of the next chunks of its streams.
        echoed_hops: the turn of a controller loop that was shown to the reader last.
        ended: tells those who asked that the trace is closed.
        scoped: opened by `emit(trace_id=...)`: its results are for scoped fetches only.
        claimed: a scoped roundtrip is under way; the next one has to wait.
        started: something of it was sent, or came out.
        replaced: its id belongs to a newer trace by now.
        closed: cancelled or past its deadline; nothing that comes out later counts.
        status: how it ended; `None` while it is open.

    """

    __slots__ = (
        "blocked", "claimed", "closed", "deadline_s", "deadline_timer", "echoed_hops", "ended", "error", "given",
        "held", "live", "occurrences", "opened_s", "replaced", "results", "room", "scoped", "sending", "seqs",
        "settled", "started", "status", "tenant", "told", "trace_id", "turns", "waiters", "watched",
    )  # fmt: skip

    def __init__(self, trace_id: str | None) -> None:
        self.trace_id = trace_id
        self.tenant: str | None = None
        self.opened_s = ambient.monotonic()
        self.deadline_s: float | None = None
        self.deadline_timer: asyncio.TimerHandle | None = None
        self.live: dict[Delivery, None] = {}
        self.sending = 0
        self.blocked: dict[asyncio.Future[bool], None] | None = None
        self.results: list[Result] | None = None
        self.given = 0
        self.told = False
        self.started = False
        self.waiters: Bell | None = None
        self.turns: Bell | None = None
        self.settled: Bell | None = None
        self.occurrences: dict[tuple[str, str | None, str | None], int] | None = None
        self.room: Bell | None = None
        self.held: dict[Node, list[Delivery]] | None = None
        self.watched = False
        self.seqs: dict[Stream, int] | None = None
        self.echoed_hops: int | None = None
        self.ended: asyncio.Event | None = None
        self.scoped = False
        self.claimed = False
        self.replaced = False
        self.closed: Status | None = None
        self.status: Status | None = None
        self.error: FlowError | None = None

    @property
    def key(self) -> str | Trace:
        """What the ledger finds it by: its id, or the record itself where the id is not its own."""
        return self if self.trace_id is None or self.replaced else self.trace_id

    @property
    def has_more_to_tell(self) -> bool:
        """Whether somebody who has read its results will want to know how it ended."""
        return self.given > 1 or (self.error is not None and not self.told)

    @property
    def pending(self) -> int:
        """Messages of the trace that wait (to get in, to run, or to be fetched), run, or back off."""
        return len(self.live) + self.sending + (len(self.results) if self.results else 0)

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

    def unblock(self) -> None:
        """Send away everybody who waits for room for this trace."""
        for sender in list(self.blocked or ()):
            if not sender.done():
                sender.set_result(False)
        self.make_room()

    @property
    def holding(self) -> int:
        """Deliveries that wait for others of the trace, and for nothing else."""
        return sum(len(row) for row in self.held.values()) if self.held else 0

    async def wait_for_room(self) -> None:
        """Wait until a delivery is over or a result is fetched."""
        if self.room is None:
            self.room = Bell()
            self.watched = True
        await self.room.wait()

    def make_room(self) -> None:
        """Let the senders of chunks look again."""
        if self.room is not None:
            self.room.ring()

    @property
    def awaited(self) -> bool:
        """Whether a scoped fetch waits for more."""
        return self.waiters is not None and bool(self.waiters.waiting)

    async def wait(self) -> None:
        """Wait, as a scoped fetch, for a result or the end."""
        if self.waiters is None:
            self.waiters = Bell()
        await self.waiters.wait()

    def wake(self) -> None:
        """Let every scoped fetch look again."""
        if self.waiters is not None:
            self.waiters.ring()

    async def wait_for_turn(self) -> None:
        """Wait until the roundtrip under way has ended."""
        if self.turns is None:
            self.turns = Bell()
        await self.turns.wait()

    def pass_turn(self) -> None:
        """End the roundtrip under way; the next scoped emit of this trace may start."""
        self.claimed = False
        if self.turns is not None:
            self.turns.ring()

    def refuse_turns(self) -> None:
        """Let the scoped emits that wait for the roundtrip under way look again, though it is not over."""
        if self.turns is not None:
            self.turns.ring()

    @property
    def accepted(self) -> bool:
        """Whether anything was ever sent under this record, or is about to be; else somebody only waits for it."""
        return self.started or self.sending > 0 or self.status is not None

    @property
    def active(self) -> bool:
        """Whether anything of it waits, runs, or is on its way in."""
        return bool(self.live) or self.sending > 0

    async def settle(self) -> None:
        """Wait until nothing of the trace waits or runs any more."""
        while self.active:
            if self.settled is None:
                self.settled = Bell()
            await self.settled.wait()

    def deadline_remaining_s(self) -> float | None:
        """Seconds until the deadline, 0 if it has passed, `None` if there is none."""
        if self.deadline_s is None:
            return None
        return 0.0 if self.deadline_timer is None else max(self.deadline_timer.when() - ambient.monotonic(), 0.0)

    def stop_timer(self) -> None:
        """Forget the deadline."""
        if self.deadline_timer is not None:
            self.deadline_timer.cancel()
            self.deadline_timer = None
