"""Other orders than the usual one: of timers that are due at one instant, and, for a lint only, of what is ready."""
# ruff: noqa: SLF001 - the loop's queues are ours

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.kernel.draws import Draws
    from sim.kernel.loop import SimLoop

_PLACES = 1 << 64


def shuffle_ties(loop: SimLoop, draws: Draws, salt: int) -> None:
    """Let timers of exactly one time go off in an order drawn from `salt`; asyncio promises none for them."""
    loop._timer_order = _shuffled(draws, salt)


def _shuffled(draws: Draws, salt: int) -> Iterator[int]:
    """A number for each timer, no two of them equal."""
    for index in count():
        yield draws.u64("tie", salt, index) * _PLACES + index


def shuffle_ready(loop: SimLoop, draws: Draws) -> None:
    """Run what is ready in a drawn order. asyncio promises first in, first out: this is a lint, and finds no bugs."""
    loop._ready = _Drawn(draws)


class _Drawn(deque[Any]):
    """A queue that hands out any of its members."""

    def __init__(self, draws: Draws) -> None:
        super().__init__()
        self._draws = draws
        self._taken = count()

    def popleft(self) -> Any:
        """Take a member at a drawn place."""
        place = self._draws.u64("ready", next(self._taken)) % len(self)
        self.rotate(-place)
        chosen = super().popleft()
        self.rotate(place)
        return chosen
