"""A bounded edge, and the inbox into which all edges of one node lead.

Order within an edge is first in, first out, and a blocked sender keeps its
place: a freed slot goes to the sender that has waited longest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

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

    """

    __slots__ = ("adopted", "attempt", "backoff", "floe", "message", "queued", "since_s", "trace", "worker")

    def __init__(self, message: Any, trace: Trace, floe: Floe) -> None:
        self.message = message
        self.trace = trace
        self.floe = floe
        self.attempt = 0
        self.queued = False
        self.since_s = 0.0
        self.worker: Worker | None = None
        self.backoff: asyncio.TimerHandle | None = None
        self.adopted: list[Delivery] | None = None


class Inbox:
    """Everything that waits before one node, over all of its edges, in order of arrival."""

    __slots__ = ("_getters", "_items", "_tombstones")

    def __init__(self) -> None:
        self._items: deque[Delivery] = deque()
        self._getters: deque[asyncio.Future[None]] = deque()
        self._tombstones = 0

    def push(self, delivery: Delivery) -> None:
        """Add at the end, and wake one worker that waits."""
        delivery.queued = True
        self._items.append(delivery)
        if self._getters:
            self._wake()

    def push_front(self, delivery: Delivery) -> None:
        """Add at the front: a retry whose backoff is over is next."""
        delivery.queued = True
        self._items.appendleft(delivery)
        self._wake()

    def take(self, floe: Floe | None = None) -> Delivery | None:
        """The next delivery (over `floe`, if one is given), or `None`."""
        if floe is not None:
            return self._take_from(floe)
        items = self._items
        while items:
            delivery = items.popleft()
            if delivery.queued:
                delivery.queued = False
                delivery.floe.release()
                return delivery
            self._tombstones -= 1
        return None

    def discard(self, delivery: Delivery) -> None:
        """Take out one delivery wherever it waits, at a cost that does not depend on the others."""
        delivery.queued = False
        delivery.floe.release()
        self._tombstones += 1
        if self._tombstones > _TOMBSTONES_TOLERATED and self._tombstones * 2 > len(self._items):
            self._items = deque(item for item in self._items if item.queued)
            self._tombstones = 0

    async def wait(self) -> None:
        """Return when there may be something to take."""
        getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        except BaseException:
            if getter in self._getters:
                self._getters.remove(getter)
            elif self._items:
                self._wake()  # the wake-up was meant for somebody who can still use it
            raise

    def clear(self) -> None:
        """Forget everything that waits, and let every blocked sender go."""
        for delivery in self.waiting():
            self.discard(delivery)

    def waiting(self) -> list[Delivery]:
        """All deliveries that wait, oldest first."""
        return [item for item in self._items if item.queued]

    def _take_from(self, floe: Floe) -> Delivery | None:
        for delivery in self._items:
            if delivery.queued and delivery.floe is floe:
                self.discard(delivery)
                return delivery
        return None

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
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

    def __init__(self, source: Node | Endpoint, target: Node | Endpoint, maxsize: int, inbox: Inbox) -> None:
        self.source = source
        self.target = target
        # A node that feeds itself must not wait for a slot that only it can free.
        self.maxsize = 0 if source is target else max(maxsize, 0)
        self._inbox = inbox
        self._depth = 0
        self._senders: deque[asyncio.Future[None]] = deque()

    @property
    def queue(self) -> Floe:
        """The edge's queue: the edge itself, which answers `qsize`, `full` and `empty`."""
        return self

    def qsize(self) -> int:
        """Messages that wait on this edge."""
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
        """Queue `delivery` now, in a slot that is free or was reserved by `room`."""
        self._depth += 1
        self._inbox.push(delivery)

    async def room(self) -> None:
        """Wait for a slot; the caller must `put` before it yields to the loop again."""
        if not self.full():
            return
        sender: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._senders.append(sender)
        try:
            await sender
        except BaseException:
            if sender in self._senders:
                self._senders.remove(sender)
            else:
                self.release()  # the slot was handed over to a sender that is gone
            raise
        self._depth -= 1  # the slot was held for us under its old owner's count

    def discard(self, delivery: Delivery) -> None:
        """Take back a delivery that waits on this edge."""
        self._inbox.discard(delivery)

    def put_back(self, delivery: Delivery) -> None:
        """Queue a retry at the front; its slot was kept by `occupy`."""
        self._inbox.push_front(delivery)

    def occupy(self) -> None:
        """Count one more message as waiting here: a retry in backoff keeps its slot."""
        self._depth += 1

    def release(self) -> None:
        """Give one slot back, to the sender that has waited longest if there is one."""
        while self._senders and self._depth <= max(self.maxsize, 1):
            sender = self._senders.popleft()
            if not sender.done():
                sender.set_result(None)
                return
        self._depth -= 1
