"""Effects as the outside world sees them: recorded where they happen, behind every fault."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from penguiflow import digest
from sim.model.recording import Effect
from sim.model.service_call import ServiceCall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from penguiflow import Call
    from sim.model.recording import Gone, Recording
    from sim.watch.recorder import Recorder


class EffectWatch:
    """Stands innermost around tool calls, service calls and declared nodes: whatever gets this far did happen.

    Only calls under way are kept here: what is written down stands in the recording at once, so that no crash of a
    flow loses it, and what the next flow of the same run does again is known to be done again.

    Args:
        recording: where effects are written down.
        recorder: gets them into the digest.
        clock: virtual seconds since the start.
        gone: why the caller of a trace no longer waits for its answer; empty while it does, or where there is none.
        nodes: nodes of which every finished body is an effect, with the trace and the node as its key.

    """

    def __init__(
        self,
        recording: Recording,
        recorder: Recorder,
        clock: Callable[[], float],
        gone: Callable[[str], Gone],
        *,
        nodes: Collection[str] = (),
    ) -> None:
        self.acts = ("tool", "attempt") if nodes else ("tool",)
        self._nodes = nodes
        self._recording = recording
        self._recorder = recorder
        self._clock = clock
        self._gone = gone
        self._under_way: dict[int, tuple[Call, str, Gone]] = {}
        self._numbers = count()

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Let the effect happen, then write it down; one that is cut off under way has perhaps happened.

        One that raises has not: the tool says itself that it failed.
        """
        if not self._is_effect(call):
            return await proceed()
        arguments = call.args_digest or digest(call.value)  # before the call: the tool may change what it is given
        number, gone = next(self._numbers), self._why_gone(call)
        self._under_way[number] = call, arguments, gone
        try:
            result = await proceed()
        except Exception:
            raise
        except BaseException:  # cancelled, or let go at the end of the run
            if number in self._under_way:  # no death has cut it off before
                # If it happened, then before the cut: what a deadline cuts off in time is not late.
                self._write_down(call, arguments, gone, certain=False)
            raise
        finally:
            self._under_way.pop(number, None)
        self._write_down(call, arguments, self._why_gone(call), certain=True)
        return result

    def die(self) -> None:
        """The flow has died: every call that was under way has perhaps happened."""
        for call, arguments, gone in self._under_way.values():
            self._write_down(call, arguments, gone, certain=False)
        self._under_way.clear()

    def _why_gone(self, call: Call) -> Gone:
        return "" if call.trace_id is None else self._gone(call.trace_id)

    def _is_effect(self, call: Call) -> bool:
        if call.act == "attempt":
            return call.node in self._nodes
        return call.is_effect if isinstance(call, ServiceCall) else True

    def _write_down(self, call: Call, arguments: str, gone: Gone, *, certain: bool) -> None:
        declared = call.act == "attempt"
        name = (call.node if declared else call.name) or ""
        key = f"{call.trace_id}/{call.node}" if declared and call.trace_id is not None else call.key
        service = call.service if isinstance(call, ServiceCall) else None
        self._recording.effects.append(
            Effect(
                name=name,
                key=key,
                args_digest=arguments,
                trace_id=call.trace_id,
                tenant=call.tenant,
                node=call.node,
                attempt=call.attempt + 1,
                at_s=round(self._clock(), 9),
                gone=gone,
                certain=certain,
                service=service,
            )
        )
        self._recorder.note("effect", name, key or "", arguments, call.trace_id or "", str(certain))
