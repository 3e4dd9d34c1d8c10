"""`RetryBudget`: retries are at most a share of the calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penguiflow.resilience.refusal import AttemptRefused, notify, require_not_negative, require_positive
from penguiflow.resilience.window import SlidingWindow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from penguiflow.core.intercept import Call
    from penguiflow.node import Node


class RetryBudgetExhausted(AttemptRefused):
    """Too large a share of the calls of late were retries.

    Args:
        node: the node whose retry is refused.
        snapshot: the budget at that moment.

    """

    def __init__(self, node: str, snapshot: RetryBudgetSnapshot) -> None:
        super().__init__(
            f"retry of node {node!r} is refused: {snapshot.retries} retries for {snapshot.calls} calls "
            f"in the last {snapshot.window_s:g} s use up the flow's retry budget of {snapshot.allowed}"
        )
        self.node = node
        self.snapshot = snapshot


@dataclass(frozen=True, slots=True)
class RetryBudgetSnapshot:
    """A retry budget at one moment.

    Args:
        calls: first attempts in the window.
        retries: further attempts in the window.
        allowed: retries that so many calls allow.
        refused: retries refused since the budget was made.
        exhausted: whether the last retry was refused.
        window_s: length of the window in seconds.

    """

    calls: int
    retries: int
    allowed: int
    refused: int
    exhausted: bool
    window_s: float


class RetryBudget:
    """Lets retries be at most a share of the calls, so that an outage is not multiplied by everybody's retries.

    When the budget is used up, a retry is refused before its handler is called
    and the node fails with `RetryBudgetExhausted`. After "Handling Overload",
    Site Reliability Engineering, chapter 21 (a client-wide budget of 10 %).

    Args:
        ratio: retries allowed for each call (first attempt) in the window.
        min_retries: retries allowed in a window whatever the traffic, so that a quiet flow may retry at all.
        window_s: seconds that are looked back at.
        nodes: the nodes that share the budget; all nodes of the flow if left out.
        on_change: called with a snapshot when the budget turns out exhausted, and when it is available again.

    Raises:
        ValueError: a negative ratio or minimum, or a window that is not positive.

    """

    acts = ("attempt",)

    def __init__(
        self,
        ratio: float = 0.1,
        *,
        min_retries: int = 3,
        window_s: float = 10.0,
        nodes: Iterable[Node] | None = None,
        on_change: Callable[[RetryBudgetSnapshot], None] | None = None,
    ) -> None:
        require_not_negative(ratio=ratio, min_retries=min_retries)
        require_positive(window_s=window_s)
        self._ratio = ratio
        self._min_retries = min_retries
        self._window_s = window_s
        self._window = SlidingWindow(window_s)
        self._nodes = None if nodes is None else tuple(node.label for node in nodes)
        self._on_change = on_change
        self._exhausted = False
        self._refused = 0

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Count the attempt, and refuse it if it is a retry that the budget has no room for."""
        node = call.node or ""
        if self._nodes is None or node in self._nodes:
            self._spend(node, is_retry=call.attempt > 0)
        return await proceed()

    def snapshot(self) -> RetryBudgetSnapshot:
        """The budget now."""
        calls, retries = self._window.counts()
        # 1e-9: ten times 0.1 is one, whatever binary fractions say
        allowed = self._min_retries + math.floor(self._ratio * calls + 1e-9)
        return RetryBudgetSnapshot(
            calls=calls, retries=retries, allowed=allowed, refused=self._refused,
            exhausted=self._exhausted, window_s=self._window_s,
        )  # fmt: skip

    def _spend(self, node: str, *, is_retry: bool) -> None:
        if not is_retry:
            self._window.add(calls=1)
            return
        now = self.snapshot()
        if now.retries >= now.allowed:
            self._refused += 1
            self._turn(exhausted=True)
            raise RetryBudgetExhausted(node, self.snapshot())
        self._window.add(marked=1)
        self._turn(exhausted=False)

    def _turn(self, *, exhausted: bool) -> None:
        if exhausted != self._exhausted:
            self._exhausted = exhausted
            notify(self._on_change, self.snapshot())
