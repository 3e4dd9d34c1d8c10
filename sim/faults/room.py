"""Faults of too little room: rates that are limited, pools and queues that shrank."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from sim.faults.base import CallFault
from sim.faults.errors import ToolRateLimited
from sim.model.faults import RateLimitFault, SqueezeFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penguiflow import Call, FlowEvent
    from sim.faults.base import Setting
    from sim.model.recording import FaultCount

_TOKEN_GRAIN = 1e-9  # what rounding may take from a token that has come


class RateLimit(CallFault[RateLimitFault]):
    """A token bucket over all matching calls: those that find no token are refused (RFC 6585, status 429)."""

    def __init__(self, fault: RateLimitFault, setting: Setting, count: FaultCount) -> None:
        super().__init__(fault, setting, count)
        self._tokens = float(fault.burst)
        self._filled_s = fault.window.from_

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every hit of this fault is alike
        """That it is looked at; most calls pass."""
        return "held against the limit"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Let the call pass with a token, or refuse it."""
        now_s = self.world.now_s
        self._tokens = min(self.fault.burst, self._tokens + (now_s - self._filled_s) * self.fault.rate)
        self._filled_s = now_s
        if self._tokens >= 1 - _TOKEN_GRAIN:
            self._tokens -= 1
            return await proceed()
        raise ToolRateLimited(f"refused by fault {self.id} at {call.name or call.node}", self.fault.retry_after)


class Squeeze(CallFault[SqueezeFault]):
    """So many matching calls go on at once; the others wait for their turn, on their own time."""

    def __init__(self, fault: SqueezeFault, setting: Setting, count: FaultCount) -> None:
        super().__init__(fault, setting, count)
        self._going_on = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every hit of this fault is alike
        """How many may go on."""
        return f"at most {self.fault.concurrency} at once"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ARG002 - as above
        """Carry the call out when it is its turn."""
        await self._enter()
        try:
            return await proceed()
        finally:
            self._leave()

    def forget(self) -> None:
        """Nobody goes on, and nobody waits."""
        self._going_on = 0
        self._waiting.clear()

    async def _enter(self) -> None:
        if self._going_on < (self.fault.concurrency or 1):
            self._going_on += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._leave()  # it was given the turn, and cannot take it
            raise

    def _leave(self) -> None:
        """Hand the turn to whoever has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._going_on -= 1


class QueueSqueeze(CallFault[SqueezeFault]):
    """Senders wait while so many messages wait before the node, as with a smaller `queue_maxsize`."""

    act = "send"

    def __init__(self, fault: SqueezeFault, setting: Setting, count: FaultCount) -> None:
        super().__init__(fault, setting, count)
        self._depths = setting.subject.depths
        self._line: deque[_Place] = deque()
        setting.subject.listen(self._look)

    def describe(self, call: Call) -> str:
        """How many may wait there."""
        return f"at most {self.fault.queue_maxsize} wait before {call.name}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Wait for room, at the longest to the end of the window, and in the order of coming."""
        place = _Place()
        self._line.append(place)
        try:
            async with asyncio.timeout_at(None if self.fault.window.for_ is None else self.fault.window.end_s):
                while self._line[0] is not place or self._is_full(call.name):
                    place.told = asyncio.get_running_loop().create_future()
                    await place.told
        except TimeoutError:
            pass
        finally:
            self._line.remove(place)
            self._look()
        await proceed()

    def forget(self) -> None:
        """Nobody stands in line."""
        self._line.clear()

    def _is_full(self, node: str | None) -> bool:
        return self._depths().get(node or "", 0) >= (self.fault.queue_maxsize or 0)

    def _look(self, _event: FlowEvent | None = None) -> None:
        """Something happened in the flow: whoever stands first looks again."""
        told = self._line[0].told if self._line else None
        if told is not None and not told.done():
            told.set_result(None)


class _Place:
    """A place in the line of those who wait."""

    def __init__(self) -> None:
        self.told: asyncio.Future[None] | None = None
