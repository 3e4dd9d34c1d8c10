"""Faults that hit messages on their way: lost, doubled, overtaken, and streams that come slowly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow import Message, StreamChunk
from sim.faults.base import CallFault
from sim.faults.matching import address_of
from sim.model.faults import DropFault, DuplicateFault, ReorderFault, SlowStreamFault
from sim.model.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penguiflow import Call


class Drop(CallFault[DropFault]):
    """The message is lost, and its sender does not notice."""

    act = "send"

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every hit of this fault is alike
        """What becomes of it."""
        return "lost"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ARG002 - it goes nowhere
        """Do nothing."""
        return


class Duplicate(CallFault[DuplicateFault]):
    """The message arrives more than once."""

    act = "send"

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every hit of this fault is alike
        """How often it arrives."""
        return f"arrives {1 + self.fault.copies} times"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ARG002 - as above
        """Send it again."""
        for _ in range(1 + self.fault.copies):
            await proceed()


class Reorder(CallFault[ReorderFault]):
    """The message is held back on its way, and its sender goes on: what comes after it may come before it."""

    act = "send"

    def describe(self, call: Call) -> str:
        """For how long."""
        return f"held back for {format_duration(self._delay_s(call))}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Let it go on in a task of its own: the runtime takes it as in transit."""
        return asyncio.create_task(self._later(call, proceed))

    async def _later(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> None:
        await asyncio.sleep(self._delay_s(call))
        await proceed()

    def _delay_s(self, call: Call) -> float:
        return round(self.fault.within * self.draws.uniform("delay", self.id, *address_of(call)), 6)


class SlowStream(CallFault[SlowStreamFault]):
    """The chunks of a stream come slowly, one after the other, or break off."""

    act = "send"

    def fires(self, call: Call, now_s: float) -> bool:
        """Whether it is a chunk of a stream that is hit."""
        return _chunk(call) is not None and super().fires(call, now_s)

    def describe(self, call: Call) -> str:
        """What becomes of this chunk."""
        return "cut off" if self._is_cut(call) else f"late by {format_duration(self._delay_s(call))}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Hold the chunk up, and with it the node that sends it; or lose it."""
        if self._is_cut(call):
            return
        await asyncio.sleep(self._delay_s(call))
        await proceed()

    def _is_cut(self, call: Call) -> bool:
        chunk = _chunk(call)
        return chunk is not None and self.fault.cut_after is not None and chunk.seq >= self.fault.cut_after

    def _delay_s(self, call: Call) -> float:
        chunk = _chunk(call)
        return self.fault.gap if chunk is not None and chunk.seq else self.fault.first_chunk


def _chunk(call: Call) -> StreamChunk | None:
    payload = call.value.payload if isinstance(call.value, Message) else call.value
    return payload if isinstance(payload, StreamChunk) else None
