"""The line before a node where several tenants wait: each is served in turn, and in order within itself."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penguiflow.core.floe import Delivery


class FairLine:
    """Deliveries, one lane for each tenant; used like the `deque` that serves where only one tenant waits.

    Args:
        deliveries: those that wait already, in their order.

    """

    __slots__ = ("_lanes",)

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self._lanes: dict[str | None, deque[Delivery]] = {}  # in the order of their turns
        for delivery in deliveries:
            self.append(delivery)

    def __len__(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def __iter__(self) -> Iterator[Delivery]:
        return (delivery for lane in self._lanes.values() for delivery in lane)

    def append(self, delivery: Delivery) -> None:
        """Add at the end of the tenant's lane."""
        self._lane(delivery).append(delivery)

    def appendleft(self, delivery: Delivery) -> None:
        """Add at the front of the tenant's lane."""
        self._lane(delivery).appendleft(delivery)

    def popleft(self) -> Delivery:
        """Take the first of the tenant whose turn it is."""
        tenant, lane = next(iter(self._lanes.items()))
        delivery = lane.popleft()
        del self._lanes[tenant]
        if lane:
            self._lanes[tenant] = lane
        return delivery

    def remove(self, delivery: Delivery) -> None:
        """Take out one delivery, wherever it waits."""
        tenant, lane = next(item for item in self._lanes.items() if delivery in item[1])
        lane.remove(delivery)
        if not lane:
            del self._lanes[tenant]

    def _lane(self, delivery: Delivery) -> deque[Delivery]:
        return self._lanes.setdefault(delivery.trace.tenant, deque())
