"""Looking for planted canaries in everything that a tenant, or everybody, can see."""

from __future__ import annotations

import contextvars
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sim.model.recording import FaultCount, Sighting
from sim.watch.canaries import Canary, plant, texts_in, without_marker
from sim.watch.logs import extras_of, message_of

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Callable, Sequence

    from penguiflow import Call, FlowEvent
    from sim.kernel.draws import Draws
    from sim.model.recording import Recording
    from sim.model.scenario import TenantProbeFault
    from sim.subject.protocol import Envelope


@dataclass(slots=True)
class _Turn:
    """One attempt, for as long as it lasts."""

    call: Call
    over: bool = False


_current_turn: contextvars.ContextVar[_Turn | None] = contextvars.ContextVar("penguiflow_sim_turn", default=None)


class LeakWatch:
    """Plants the canaries of all probes and searches the sinks.

    A sighting by the owner is the positive control; by anybody else it is a leak.

    Args:
        probes: the scenario's tenant probes.
        draws: gives the marks.
        recording: where sightings are written down.
        clock: virtual seconds since the start.

    """

    acts = ("attempt", "tool", "store")

    def __init__(
        self, probes: Sequence[TenantProbeFault], draws: Draws, recording: Recording, clock: Callable[[], float]
    ) -> None:
        self._probes = {probe.id: probe for probe in probes}
        self._draws = draws
        self._recording = recording
        self._clock = clock
        self._canaries = [
            Canary(probe.id, place, probe.victim, f"cnry{draws.u64('canary', probe.id, place):016x}")
            for probe in probes
            for place in probe.plant
        ]
        self._forms = [(form, canary) for canary in self._canaries for form in canary.forms()]
        self._marked: dict[tuple[str, str], bool] = {}

    @property
    def active(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._canaries)

    # -- planting ----------------------------------------------------------------------------

    def mark(self, envelope: Envelope) -> Envelope:
        """`envelope` with the canaries that belong in its payload and headers; decides for its whole trace."""
        for probe in self._probes.values():
            if probe.victim == envelope.tenant:
                self._marked[probe.id, envelope.trace_id] = self._fires(probe, envelope.trace_id)
        payload = envelope.payload
        for canary in self._planted(envelope.trace_id, "payload"):
            payload, _ = plant(payload, canary.text)
        topic = next((canary.text for canary in self._planted(envelope.trace_id, "headers")), envelope.topic)
        return replace(envelope, payload=without_marker(payload), topic=topic)

    def _fires(self, probe: TenantProbeFault, trace_id: str) -> bool:
        """Whether a request of the victim is marked: in the window, by chance, and not one too many."""
        count = self._recording.fault_counts.setdefault(probe.id, FaultCount())
        if not probe.window.from_ <= self._clock() < probe.window.end_s:
            return False
        count.matched += 1
        if not self._draws.chance(probe.chance, "chance", probe.id, trace_id):
            return False
        if probe.max_fires is not None and count.fired >= probe.max_fires:
            count.suppressed += 1
            return False
        count.fired += 1
        return True

    def _planted(self, trace_id: str | None, place: str) -> list[Canary]:
        return [
            canary
            for canary in self._canaries
            if canary.place == place and trace_id is not None and self._marked.get((canary.fault, trace_id))
        ]

    # -- searching ---------------------------------------------------------------------------

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Look at what goes into tools and stores; plant canaries in what is stored and in what tools give."""
        if call.act == "store":
            for canary in self._planted(call.trace_id, "state"):
                call.value.payload, _ = plant(dict(call.value.payload), canary.text)
            self.look("state", call.value, seen_by=call.tenant, node=call.node, trace_id=call.trace_id)
            return await proceed()
        if call.act == "attempt":
            return await self._attributed(call, proceed)
        self.look(
            "tool_args",
            {"args": call.value, "key": call.key},
            seen_by=call.tenant,
            node=call.node,
            trace_id=call.trace_id,
        )
        result = await proceed()
        for canary in self._planted(call.trace_id, "tool_result"):
            result, _ = plant(result, canary.text)
        return result

    @staticmethod
    async def _attributed(call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Log lines belong to this call until it ends; a task that it leaves behind works for nobody in particular."""
        turn = _Turn(call)
        _current_turn.set(turn)
        try:
            return await proceed()
        finally:
            turn.over = True

    def observe(self, event: FlowEvent) -> None:
        """Look at an event, and at the labels that a metric would get from it."""
        self.look("events", event.to_payload(), seen_by=event.tenant, node=event.node_name, trace_id=event.trace_id)
        self.look("metric_labels", event.tag_values(), seen_by=None, node=event.node_name, trace_id=event.trace_id)

    def read_log(self, record: logging.LogRecord) -> None:
        """Look at a log record; it belongs to the tenant that it names, or whose message is being handled."""
        if not self.active:
            return
        entry = extras_of(record) | {"message": message_of(record)}
        if record.exc_info and record.exc_info[1] is not None:
            entry["exception"] = "".join(traceback.format_exception(record.exc_info[1]))
        self._look_at_log(entry)

    def read_line(self, line: str) -> None:
        """Look at a line that was printed."""
        if self.active:
            self._look_at_log({"printed": line})

    def _look_at_log(self, entry: dict[str, Any]) -> None:
        turn = _current_turn.get()
        call = turn.call if turn is not None and not turn.over else None
        tenant = entry.get("tenant") or (call.tenant if call is not None else None)
        node = entry.get("node_name") or (call.node if call is not None else None)
        trace_id = entry.get("trace_id") or (call.trace_id if call is not None else None)
        self.look("logs", entry, seen_by=tenant, node=node, trace_id=trace_id)

    def look(self, sink: str, value: Any, *, seen_by: str | None, node: str | None, trace_id: str | None) -> None:
        """Search one entry of a sink that `seen_by` can see (`None`: nobody knows who)."""
        for path, text in texts_in(value):
            for form, canary in self._forms:
                if form in text:
                    self._sight(canary, sink, path, seen_by=seen_by, node=node, trace_id=trace_id)

    def _sight(
        self, canary: Canary, sink: str, path: str, *, seen_by: str | None, node: str | None, trace_id: str | None
    ) -> None:
        probe = self._probes[canary.fault]
        if sink not in probe.look_in:
            return
        self._recording.sightings.append(
            Sighting(
                fault=canary.fault, place=canary.place, owner=canary.owner, sink=sink, seen_by=seen_by, node=node,
                trace_id=trace_id, at_s=self._clock(), path=path,
                leaked=sink == "metric_labels" or seen_by not in (None, canary.owner),
            )
        )  # fmt: skip

    def finish(self) -> None:
        """Write down which canaries their own tenant never saw: without that, seeing none elsewhere proves nothing."""
        seen = {(sighting.fault, sighting.place, sighting.seen_by) for sighting in self._recording.sightings}
        for canary in self._canaries:
            if (canary.fault, canary.place, canary.owner) not in seen:
                self._recording.controls_missing.append(f"{canary.fault}/{canary.place}")
