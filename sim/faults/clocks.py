"""A wall clock that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.kernel import World
    from sim.model.faults import ClockSkewFault
    from sim.model.recording import FaultCount


class ClockSkew:
    """Makes what the flow reads of the wall clock wrong, while its monotonic clock stays right.

    It counts as fired each time that somebody reads the wrong time.

    Args:
        fault: how wrong, and when.
        world: whose clock.
        count: where readings are counted.

    """

    def __init__(self, fault: ClockSkewFault, world: World, count: FaultCount) -> None:
        self._fault = fault
        self._count = count
        world.skews.append(self.ahead_s)

    def ahead_s(self, now_s: float) -> float:
        """How many seconds the wall clock is ahead at `now_s`."""
        window = self._fault.window
        if not window.from_ <= now_s < window.end_s:
            return 0.0
        self._count.matched += 1
        self._count.fired += 1
        return self._fault.offset + self._fault.drift * (now_s - window.from_)
