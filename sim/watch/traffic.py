"""Counts what passes the seam where a check asks for it: tool calls, messages that arrive, events that are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.model.recording import ToolCall
from sim.model.service_call import ServiceCall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from penguiflow import Call, FlowEvent
    from sim.model.recording import Recording
    from sim.model.scenario import Check


def wants_tool_calls(checks: Sequence[Check]) -> bool:
    """Whether a check counts calls of a tool or a service."""
    wheres = [check.where for check in checks if check.metric == "attempts.per_request"]
    return any(where.tool is not None or where.service is not None for where in wheres)


def wants_sends(checks: Sequence[Check]) -> bool:
    """Whether a check holds what arrives at a node against what becomes of it."""
    return any(check.metric == "invariants.conservation" for check in checks)


def wants_histories(checks: Sequence[Check]) -> bool:
    """Whether a check holds what is stored of a request against what the flow told about it."""
    return any(check.metric == "invariants.history" for check in checks)


class CallWatch:
    """Stands outside of every fault: a call counts when it is made, whatever becomes of it.

    Args:
        recording: where calls are written down.
        clock: virtual seconds since the start.

    """

    acts = ("tool",)

    def __init__(self, recording: Recording, clock: Callable[[], float]) -> None:
        self._recording = recording
        self._clock = clock

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Write the call down, and let it happen."""
        service = call.service if isinstance(call, ServiceCall) else None
        at_s = round(self._clock(), 9)
        self._recording.tool_calls.append(ToolCall(call.name or "", call.trace_id, call.node, at_s, service))
        return await proceed()


class SendWatch:
    """Stands inside of every fault: a message counts when there is room for it and it is in.

    Args:
        recording: where messages are counted.

    """

    acts = ("send",)

    def __init__(self, recording: Recording) -> None:
        self._counts = recording.messages_in = {}

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Let the message in, and count it."""
        result = await proceed()
        node = call.name or ""
        self._counts[node] = self._counts.get(node, 0) + 1
        return result


class HistoryWatch:
    """Stands outside of every fault: an event is stored once its store has said so.

    Args:
        recording: where gaps are written down, once anything is stored at all.

    """

    acts = ("store",)

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._missing: dict[str, int] = {}

    def observe(self, event: FlowEvent) -> None:
        """Expect the event in the store."""
        if event.trace_id is not None:
            self._count(event.trace_id, 1)

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Take the event off the list once it is stored."""
        if call.name == "save_event":
            self._recording.unstored = self._missing
        result = await proceed()
        if call.name == "save_event" and call.trace_id is not None:
            self._count(call.trace_id, -1)
        return result

    def _count(self, trace_id: str, number: int) -> None:
        missing = self._missing.get(trace_id, 0) + number
        if missing:
            self._missing[trace_id] = missing
        else:
            del self._missing[trace_id]
