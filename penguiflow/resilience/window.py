"""Counts over the last seconds, in memory that does not grow with the traffic."""

from __future__ import annotations

import math
from collections import deque

from penguiflow import ambient

_SLOTS = 20
"""A window forgets in steps of a twentieth, however many calls it saw."""


class SlidingWindow:
    """Counts calls, and those of them that are marked, over the last `window_s` seconds.

    Args:
        window_s: seconds that are remembered; they are forgotten in steps of a twentieth.

    """

    def __init__(self, window_s: float) -> None:
        self._slot_s = window_s / _SLOTS
        self._slots: deque[list[int]] = deque()
        self._calls = 0
        self._marked = 0

    def add(self, *, calls: int = 0, marked: int = 0) -> None:
        """Count something that happens now."""
        self._forget()
        current = math.floor(ambient.monotonic() / self._slot_s)
        if not self._slots or self._slots[-1][0] != current:
            self._slots.append([current, 0, 0])
        self._slots[-1][1] += calls
        self._slots[-1][2] += marked
        self._calls += calls
        self._marked += marked

    def counts(self) -> tuple[int, int]:
        """Calls, and marked ones, of late."""
        self._forget()
        return self._calls, self._marked

    def clear(self) -> None:
        """Start anew."""
        self._slots.clear()
        self._calls = self._marked = 0

    def _forget(self) -> None:
        oldest = math.floor(ambient.monotonic() / self._slot_s) - _SLOTS
        while self._slots and self._slots[0][0] <= oldest:
            _, calls, marked = self._slots.popleft()
            self._calls -= calls
            self._marked -= marked
