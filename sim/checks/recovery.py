"""How long after a fault's window the backlog is gone."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.checks.windows import Interval
    from sim.model.recording import Recording, Request
    from sim.model.scenario import Where


@dataclass(frozen=True, slots=True)
class Recovery:
    """What happened after a window closed.

    Args:
        took_s: seconds from the window's end to the recovery, or to the end of the run.
        open_before: requests open just before the window opened: the level to fall back to.
        open_after: requests open at the recovery, or at the end of the run.

    """

    took_s: float
    open_before: int
    open_after: int

    @property
    def drained(self) -> bool:
        """Whether the number of open requests fell back to its level before the window."""
        return self.open_after <= self.open_before


def recovery_after(window: Interval, recording: Recording, where: Where) -> Recovery | None:
    """The first moment from the end of `window` on at which no more requests are open than just before it.

    A request is open from its arrival until its caller had an answer or was told no. A system
    whose backlog never falls back although the fault is gone is called metastable (Bronson and
    others, HotOS 2021). `None` when the run ended before the window did.
    """
    if window.end_s > recording.end_s:
        return None
    requests = [request for request in recording.requests if where.tenant in (None, request.tenant)]
    open_before = sum(request.arrival_s < window.start_s <= _end_s(request) for request in requests)
    open_now = sum(request.arrival_s <= window.end_s < _end_s(request) for request in requests)
    if open_now <= open_before:
        return Recovery(0.0, open_before, open_now)
    for at_s, change in _changes(requests, window.end_s, recording.end_s):
        open_now += change
        if open_now <= open_before:
            return Recovery(at_s - window.end_s, open_before, open_now)
    return Recovery(recording.end_s - window.end_s, open_before, open_now)


def _changes(requests: list[Request], after_s: float, until_s: float) -> list[tuple[float, int]]:
    """Ends (-1) and arrivals (+1) after `after_s`; at one instant, ends come first."""
    ends = [(_end_s(request), -1) for request in requests]
    arrivals = [(request.arrival_s, 1) for request in requests]
    return sorted(change for change in ends + arrivals if after_s < change[0] <= until_s)


def _end_s(request: Request) -> float:
    return inf if request.ended_s is None else request.ended_s
