"""Queue depths as stretches of time: a depth holds until the next one of its node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.checks.windows import Interval
    from sim.model.recording import Depth


@dataclass(frozen=True, slots=True)
class Held:
    """A depth before a node, and for how long it held; no time at all for a passing peak."""

    node: str
    depth: int
    start_s: float
    end_s: float

    def within(self, interval: Interval) -> float | None:
        """Seconds of it that lie in `interval`; `None` where it lies outside."""
        overlap_s = min(self.end_s, interval.end_s) - max(self.start_s, interval.start_s)
        if overlap_s > 0:
            return overlap_s
        return 0.0 if self.start_s == self.end_s and self.start_s in interval else None


def held_depths(depths: Sequence[Depth], end_s: float) -> Iterator[Held]:
    """Every depth with the time that it held, from the start of the run, where queues are empty, to `end_s`."""
    current: dict[str, tuple[int, float]] = {}
    for sample in depths:
        depth, since_s = current.get(sample.node, (0, 0.0))
        if sample.at_s > since_s or sample.node in current:
            yield Held(sample.node, depth, since_s, sample.at_s)
        current[sample.node] = (sample.depth, sample.at_s)
    for node, (depth, since_s) in current.items():
        yield Held(node, depth, since_s, max(end_s, since_s))
