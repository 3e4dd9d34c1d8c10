"""A bounded edge, and the inbox into which all edges of one node lead.

Order within an edge is first in, first out, and a blocked sender keeps its
place: a freed slot goes to the sender that has waited longest.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from penguiflow.core.bell import Bell
from penguiflow.core.emissions import Emissions
from penguiflow.core.line import FairLine

if TYPE_CHECKING:
    from penguiflow.core.graph import Endpoint
    from penguiflow.core.traces import Trace
    from penguiflow.core.worker import Worker
    from penguiflow.node import Node

_TOMBSTONES_TOLERATED = 64


class Delivery:
    """One message on its way through one node: queued, running, backing off, or done.

    Args:
        message: what is delivered.
        trace: the record of the trace that it belongs to.
        floe: the edge that it came over.
        since_s: when it was queued, in seconds on the loop's clock; `None` where nobody listens.

    Attributes:
        adopted: further messages that its handler has in hand; they end with it.
        held: how many messages of its trace it waits for at its node, itself included; 0 unless it does.
        hops: the turns of its controller loop before this one.

    """

    __slots__ = (
        "adopted", "attempt", "backoff", "emissions", "floe", "held", "hops", "message", "queued", "since_s", "trace",
        "worker",
    )  # fmt: skip

    def __init__(self, message: Any, trace: Trace, floe: Floe, since_s: float | None) -> None:
        self.message = message
        self.trace = trace
        self.floe = floe
        self.since_s = since_s
        self.attempt = 0
        self.queued = False
        self.worker: Worker | None = None
        self.backoff: asyncio.TimerHandle | None = None
        self.adopted: list[Delivery] | None = None
        self.emissions: Emissions | None = None
        self.held = 0
        self.hops = 0

    def sent_before(self) -> Emissions:
        """What its attempts have sent."""
        if self.emissions is None:
            self.emissions = Emissions()
        return self.emissions

    def waited_ms(self, now_s: float) -> float | None:
        """How long it has waited by `now_s`, in milliseconds; `None` if nobody listened when it was queued."""
        return None if self.since_s is None else (now_s - self.since_s) * 1000


class Inbox:
    """Everything that waits before one node, over all of its edges.

    First come, first served, and in turn where several tenants wait.
    """

    __slots__ = ("_bell", "_idle", "_items", "_tenant", "_tombstones")

    def __init__(self) -> None:
        self._items: deque[Delivery] | FairLine = deque()
        self._tenant: str | None = None
        self._idle: deque[asyncio.Future[None]] = deque()
        self._bell = Bell()
        self._tombstones = 0

    def push(self, delivery: Delivery) -> None:
        """Add at the end, and wake a worker."""
        delivery.queued = True
        if delivery.trace.tenant != self._tenant:
            self._let_in(delivery.trace.tenant)
        self._items.append(delivery)
        if self._idle or self._bell.waiting:
            self._wake()

    def push_front(self, delivery: Delivery) -> None:
        """Add at the front: a retry whose backoff is over is next."""
        delivery.queued = True
        if delivery.trace.tenant != self._tenant:
            self._let_in(delivery.trace.tenant)
        self._items.appendleft(delivery)
        self._wake()

    def _let_in(self, tenant: str | None) -> None:
        """Another tenant joins the line: it becomes a fair one, unless nobody waits in it."""
        if not self._items:
            self._tenant = tenant
            self._items = deque()
        elif type(self._items) is deque:
            self._items = FairLine(self._items)

    def take(self) -> Delivery | None:
        """The next delivery, or `None`."""
        items = self._items
        while items:
            delivery = items.popleft()
            if delivery.queued:
                delivery.queued = False
                delivery.floe.release()
                return delivery
            self._tombstones -= 1
        return None

    def take_from(self, floe: Floe) -> Delivery | None:
        """The next delivery that came over `floe`, or `None`."""
        for delivery in self._items:
            if delivery.queued and delivery.floe is floe:
                self._items.remove(delivery)
                delivery.queued = False
                floe.release()
                return delivery
        return None

    def discard(self, delivery: Delivery) -> None:
        """Take out one delivery for good wherever it waits, at a cost that does not depend on the others."""
        delivery.queued = False
        delivery.floe.release()
        self._tombstones += 1
        if self._tombstones > _TOMBSTONES_TOLERATED and self._tombstones * 2 > len(self._items):
            self._items = type(self._items)(item for item in self._items if item.queued)
            self._tombstones = 0

    async def wait(self) -> None:
        """Return when something has come; for handlers that fetch."""
        await self._bell.wait()

    async def wait_idle(self) -> None:
        """Return when something has come for a worker; one message wakes one worker."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter in self._idle:
                self._idle.remove(waiter)
            raise

    def _wake(self) -> None:
        if self._bell.waiting:
            self._bell.ring()
        while self._idle:
            waiter = self._idle.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


class Floe:
    """One edge: at most `maxsize` messages wait on it (0 or less: any number).

    Args:
        source: where messages come from.
        target: the node that they go to.
        maxsize: the bound.
        inbox: the target's inbox.

    """

    __slots__ = ("_depth", "_inbox", "_senders", "maxsize", "source", "target")

    def __init__(self, source: Node | Endpoint, target: Node, maxsize: int, inbox: Inbox) -> None:
        self.source = source
        self.target = target
        self.limit(maxsize)
        self._inbox = inbox
        self._depth = 0
        self._senders: OrderedDict[asyncio.Future[bool], None] = OrderedDict()

    def limit(self, maxsize: int) -> None:
        """Let at most `maxsize` messages wait; a node that feeds itself must not wait for a slot only it can free."""
        self.maxsize = 0 if self.source is self.target else max(maxsize, 0)

    @property
    def queue(self) -> Floe:
        """The edge's queue: the edge itself, which answers `qsize`, `full` and `empty`."""
        return self

    def qsize(self) -> int:
        """Messages that wait on this edge, those that back off before a retry included."""
        return self._depth

    def empty(self) -> bool:
        """Whether nothing waits on this edge."""
        return self._depth == 0

    def full(self) -> bool:
        """Whether a new sender has to wait."""
        return bool(self._senders) or 0 < self.maxsize <= self._depth

    @property
    def blocked_senders(self) -> int:
        """Senders that wait for a slot."""
        return len(self._senders)

    def put(self, delivery: Delivery) -> None:
        """Queue `delivery` now, in a slot that is free or was granted by `room`."""
        self._depth += 1
        self._inbox.push(delivery)

    async def room(self, trace: Trace) -> bool:
        """Wait for a slot for a message of `trace`.

        Returns whether there is one: a trace that is closed needs none. The
        caller must `put` before it yields to the loop again.
        """
        if not self.full():
            return trace.closed is None
        sender: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._senders[sender] = None
        blocked = trace.blocked = {} if trace.blocked is None else trace.blocked
        blocked[sender] = None
        try:
            granted = await sender
        except BaseException:
            self._leave(sender)
            raise
        finally:
            del blocked[sender]
        if not granted or trace.closed is not None:
            self._leave(sender)
            return False
        self._depth -= 1  # the slot was counted for us since it was handed over
        return True

    def _leave(self, sender: asyncio.Future[bool]) -> None:
        """A sender is gone: its place in the line goes, or the slot that it was given goes to the next."""
        if sender.done() and not sender.cancelled() and sender.result():
            self.release()
        else:
            self._senders.pop(sender, None)

    def discard(self, delivery: Delivery) -> None:
        """Take back a delivery that waits on this edge."""
        self._inbox.discard(delivery)

    def put_back(self, delivery: Delivery) -> None:
        """Queue a delivery at the front again, in a slot that `occupy` has counted."""
        self._inbox.push_front(delivery)

    def occupy(self) -> None:
        """Count one more message as waiting here: a retry in backoff keeps its slot."""
        self._depth += 1

    def release(self) -> None:
        """Give one slot back, to the sender that has waited longest if there is one."""
        while self._senders and self._depth <= self.maxsize:
            sender, _ = self._senders.popitem(last=False)
            if not sender.done():
                sender.set_result(True)
                return
        self._depth -= 1
