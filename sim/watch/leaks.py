"""Looking for planted canaries in everything that a tenant, or everybody, can see."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.model.recording import Sighting
from sim.model.service_call import ServiceCall
from sim.watch.forms import Form, Scanner
from sim.watch.logs import calling_line, extras_of, message_of
from sim.watch.planting import Planter
from sim.watch.streams import Seams, chunk_in
from sim.watch.texts import all_text, texts_in

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable, Sequence

    from penguiflow import Call, FlowEvent, StreamChunk
    from sim.kernel.draws import Draws
    from sim.model.recording import Recording
    from sim.model.scenario import TenantProbeFault
    from sim.subject.protocol import Answer, Envelope


@dataclass(slots=True)
class _Turn:
    """One attempt, for as long as it lasts."""

    call: Call
    over: bool = False


@dataclass(frozen=True, slots=True)
class _Viewer:
    """Who can see an entry of a sink, and where it came about."""

    sink: str
    seen_by: str | None
    node: str | None
    trace_id: str | None


_current_turn: contextvars.ContextVar[_Turn | None] = contextvars.ContextVar("penguiflow_sim_turn", default=None)


class LeakWatch:
    """Plants the canaries of all probes and searches the sinks.

    A sighting by the owner is the positive control; by anybody else it is a leak.
    Every leak is written down, of controls the first in each sink.

    Args:
        probes: the scenario's tenant probes.
        draws: gives the marks.
        recording: where sightings are written down.
        clock: virtual seconds since the start.
        always: whether all tenants are marked in quiet places, also without a probe.

    """

    acts = ("attempt", "tool", "store")

    def __init__(
        self,
        probes: Sequence[TenantProbeFault],
        draws: Draws,
        recording: Recording,
        clock: Callable[[], float],
        *,
        always: bool = False,
    ) -> None:
        self._probes = {probe.id: probe for probe in probes}
        self._recording = recording
        self._clock = clock
        self._scanner = Scanner()
        self._planter = Planter(probes, draws, recording, clock, self._scanner, always=always)
        self._controls: set[tuple[str, str, str, str]] = set()
        self._seams = Seams()
        self.active = always or bool(probes)

    # -- planting ----------------------------------------------------------------------------

    def mark(self, envelope: Envelope) -> Envelope:
        """`envelope` with the canaries that belong in it, and without the places that were meant for others."""
        return self._planter.mark(envelope)

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Look at what goes into tools, services, stores and buses; plant in what is stored and in what tools give."""
        if call.act == "attempt":
            return await self._attributed(call, proceed)
        if call.act == "store":
            self._look_at_stored(call)
            return await proceed()
        entry: dict[str, Any] = {"args": call.value, "key": call.key}
        if isinstance(call, ServiceCall):
            entry["call"] = call.name
        sink = "services" if isinstance(call, ServiceCall) else "tool_args"
        self.look(sink, entry, seen_by=call.tenant, node=call.node, trace_id=call.trace_id)
        result = await proceed()
        return self._planter.in_result(result, call.trace_id, call.tenant)

    @staticmethod
    async def _attributed(call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Log lines belong to this call until it ends; a task that it leaves behind works for nobody in particular."""
        turn = _Turn(call)
        _current_turn.set(turn)
        try:
            return await proceed()
        finally:
            turn.over = True

    def _look_at_stored(self, call: Call) -> None:
        if call.name == "save_event" and (mark := self._planter.in_state(call.trace_id)):
            call.value.payload = {**call.value.payload, "canary": mark}
        sink = "bus" if call.name == "publish" else "state"
        self.look(sink, call.value, seen_by=call.tenant, node=call.node, trace_id=call.trace_id)

    # -- searching ---------------------------------------------------------------------------

    def observe(self, event: FlowEvent) -> None:
        """Look at an event, and at the labels that a metric would get from it."""
        node, trace_id = event.node_name, event.trace_id
        told = [trace_id, dict(event.extra)] if event.extra else trace_id
        marked = self._scanner.is_in(event.event_type, node, event.node_id, event.tenant)
        if marked or self._scanner.find(all_text(told)):
            self.look("events", event.to_payload(), seen_by=event.tenant, node=node, trace_id=trace_id)
            # Labels are made of what stands in the event, so they are clean where it is.
            self.look("metric_labels", event.tag_values(), seen_by=None, node=node, trace_id=trace_id)

    def read_answer(self, answer: Answer, tenant: str, trace_id: str) -> None:
        """Look at what a caller gets: its answer, every chunk of it where it is a stream, or how it was told no."""
        told = answer.value
        sink = "errors" if isinstance(told, BaseException) else "egress"
        self.look(sink, told, seen_by=tenant, node=None, trace_id=trace_id)
        for part in told if isinstance(told, list) else ():
            if (chunk := chunk_in(part)) is not None:
                self._look_across(_Viewer("egress", tenant, None, trace_id), chunk)
        if answer.error is not None:
            self.look("errors", answer.error, seen_by=tenant, node=None, trace_id=trace_id)
        self._seams.close(trace_id)

    def read_log(self, record: logging.LogRecord) -> None:
        """Look at a log record; it belongs to the tenant that it names, or whose message is being handled."""
        if not self.active:
            return
        entry = extras_of(record) | {"message": message_of(record)}
        if record.exc_info and record.exc_info[1] is not None:
            entry["exception"] = record.exc_info[1]
        self.read_entry(entry)

    def read_line(self, line: str) -> None:
        """Look at a line that was printed."""
        self.read_entry({"printed": line})

    def read_entry(self, entry: dict[str, Any]) -> None:
        """Look at what was logged, as named facts."""
        if not self.active:
            return
        turn = _current_turn.get()
        call = turn.call if turn is not None and not turn.over else None
        tenant = entry.get("tenant") or (call.tenant if call is not None else None)
        node = entry.get("node_name") or (call.node if call is not None else None)
        trace_id = entry.get("trace_id") or (call.trace_id if call is not None else None)
        self.look("logs", entry, seen_by=_text(tenant), node=_text(node), trace_id=_text(trace_id))

    def look(self, sink: str, value: Any, *, seen_by: str | None, node: str | None, trace_id: str | None) -> None:
        """Search one entry of a sink that `seen_by` can see (`None`: nobody knows who)."""
        forms, chunk = self._scanner.find(all_text(value)), chunk_in(value)
        if not forms and chunk is None:
            return
        viewer = _Viewer(sink, seen_by, node, trace_id)
        for form in forms:
            self._sight(form, viewer, value)
        if chunk is not None:
            self._look_across(viewer, chunk)

    def _look_across(self, viewer: _Viewer, chunk: StreamChunk) -> None:
        """Search a chunk of a stream together with the end of what came before; a chunk on its own was searched."""
        before, joined = self._seams.join((viewer.sink, viewer.node, viewer.trace_id), chunk)
        inside = {**self._scanner.find(before), **self._scanner.find(chunk.text)}
        for form in self._scanner.find(joined):
            if form not in inside:
                self._write_down(form, viewer, f"chunks of stream {chunk.stream_id}")

    def _sight(self, form: Form, viewer: _Viewer, value: Any) -> None:
        if not self._tells(form, viewer):
            return
        paths = [path for path, text in texts_in(value) if form in self._scanner.find(text)]
        self._write_down(form, viewer, *(paths or [""]))

    def _tells(self, form: Form, viewer: _Viewer) -> bool:
        """Whether this sighting says anything that is not written down yet, and is asked for."""
        canary = form.canary
        if canary.fault and viewer.sink not in self._probes[canary.fault].look_in:
            return False
        return _is_leak(form, viewer) or (canary.fault, canary.place, canary.owner, viewer.sink) not in self._controls

    def _write_down(self, form: Form, viewer: _Viewer, *paths: str) -> None:
        canary, leaked = form.canary, _is_leak(form, viewer)
        if not self._tells(form, viewer):
            return
        if viewer.seen_by == canary.owner:
            self._controls.add((canary.fault, canary.place, canary.owner, viewer.sink))
        line = calling_line() if leaked and viewer.sink == "logs" else ""
        for path in paths:
            self._recording.sightings.append(
                Sighting(
                    fault=canary.fault, place=canary.place, owner=canary.owner, sink=viewer.sink,
                    seen_by=viewer.seen_by, node=viewer.node, trace_id=viewer.trace_id, at_s=self._clock(),
                    path=path, leaked=leaked, form=form.name, line=line,
                )
            )  # fmt: skip

    def finish(self) -> None:
        """Write down which canaries their own tenant never saw: without that, seeing none elsewhere proves nothing."""
        seen = {(fault, place, owner) for fault, place, owner, _ in self._controls}
        for canary in self._planter.planned:
            if (canary.fault, canary.place, canary.owner) not in seen:
                self._recording.controls_missing.append(f"{canary.fault}/{canary.place}")


def _is_leak(form: Form, viewer: _Viewer) -> bool:
    """Labels are for everybody; any other entry whose viewer nobody knows accuses nobody."""
    return viewer.sink == "metric_labels" or viewer.seen_by not in (None, form.canary.owner)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
