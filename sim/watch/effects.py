"""Effects as the outside world sees them: recorded where they happen, behind every fault."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow import digest
from sim.model.recording import Effect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penguiflow import Call
    from sim.model.recording import Recording
    from sim.watch.recorder import Recorder


class EffectWatch:
    """Stands innermost around tool calls: whatever gets this far did happen.

    Args:
        recording: where effects are written down.
        recorder: gets them into the digest.
        clock: virtual seconds since the start.
        waiting: whether the caller of a trace still waits for its answer.

    """

    acts = ("tool",)

    def __init__(
        self, recording: Recording, recorder: Recorder, clock: Callable[[], float], waiting: Callable[[str], bool]
    ) -> None:
        self._recording = recording
        self._recorder = recorder
        self._clock = clock
        self._waiting = waiting

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Let the effect happen, then write it down; one that is cut off under way has perhaps happened."""
        arguments = digest(call.value)  # before the call: the tool may change what it is given
        try:
            result = await proceed()
        except asyncio.CancelledError:
            self._write_down(call, arguments, certain=False)
            raise
        self._write_down(call, arguments, certain=True)
        return result

    def _write_down(self, call: Call, arguments: str, *, certain: bool) -> None:
        self._recording.effects.append(
            Effect(
                name=call.name or "",
                key=call.key,
                args_digest=arguments,
                trace_id=call.trace_id,
                tenant=call.tenant,
                node=call.node,
                attempt=call.attempt + 1,
                at_s=self._clock(),
                caller_waiting=call.trace_id is not None and self._waiting(call.trace_id),
                certain=certain,
            )
        )
        self._recorder.note("effect", call.name or "", call.key or "", arguments, call.trace_id or "", str(certain))
