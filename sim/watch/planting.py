"""Which requests carry canaries, and where."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sim.model.recording import FaultCount
from sim.watch.canaries import FIELD, Canary, fill, plant, without_marker
from sim.watch.forms import DIGITS, PREFIX
from sim.watch.per_trace import PerTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.kernel.draws import Draws
    from sim.model.recording import Recording
    from sim.model.scenario import TenantProbeFault
    from sim.subject.protocol import Envelope
    from sim.watch.forms import Scanner

ALWAYS = ""
"""Stands where the probe's id would, for canaries that no probe of the file has planted."""

QUIET_PLACES = ("payload", "meta", "tool_result")
"""Where every run of several tenants plants: in `Message.meta`, and in texts that say `{canary}`.

Neither changes what a flow does: nobody counts the keys of meta, and a text that says `{canary}` is there for this.
"""


class Planter:
    """Makes the canaries, and puts them where they belong.

    Args:
        probes: the scenario's tenant probes.
        always: whether tenants that no probe marks are marked too, in quiet places.
        draws: gives the marks.
        recording: where the hits of the probes are counted.
        clock: virtual seconds since the start.
        scanner: has to find every canary.

    """

    def __init__(
        self,
        probes: Sequence[TenantProbeFault],
        draws: Draws,
        recording: Recording,
        clock: Callable[[], float],
        scanner: Scanner,
        *,
        always: bool,
    ) -> None:
        self._probes = tuple(probes)
        self._always = always
        self._draws = draws
        self._recording = recording
        self._clock = clock
        self._scanner = scanner
        self.planned = tuple(self._canary(probe.id, place, probe.victim) for probe in probes for place in probe.plant)
        self._quiet: dict[str, dict[str, Canary]] = {}
        self._marked: PerTrace[tuple[Canary, ...]] = PerTrace()
        self._remembered: set[str] = set()

    def _canary(self, fault: str, place: str, owner: str) -> Canary:
        address = ("canary", fault, place) if fault else ("canary", fault, place, owner)
        canary = Canary(fault, place, owner, f"{PREFIX}{self._draws.u64(*address):0{DIGITS}x}")
        self._scanner.add(canary)
        return canary

    def mark(self, envelope: Envelope) -> Envelope:
        """`envelope` with the canaries that belong in it; decides for its whole trace."""
        trace_id, tenant = envelope.trace_id, envelope.tenant
        probes = [probe for probe in self._probes if probe.victim == tenant and self._fires(probe, trace_id)]
        if probes:
            self._marked.tell(trace_id, self._canaries_of(probes))
        payload, topic, meta = envelope.payload, envelope.topic, dict(envelope.meta)
        loud = _texts(self._loud(trace_id, "payload", "memory"))
        if loud:
            payload, _ = plant(payload, loud)
        quiet = _texts(self._quiet_of(tenant, "payload"))
        payload = fill(payload, quiet)[0] if quiet else without_marker(payload)
        if headers := _texts(self._loud(trace_id, "headers")):
            topic = headers
        if secret := _texts((*self._loud(trace_id, "meta"), *self._quiet_of(tenant, "meta"))):
            meta[FIELD] = secret
        return replace(envelope, payload=payload, topic=topic, meta=meta)

    def in_state(self, trace_id: str | None) -> str:
        """What to plant in a stored event of this trace; empty for nothing."""
        return _texts(self._loud(trace_id, "state"))

    def in_result(self, result: Any, trace_id: str | None, tenant: str | None) -> Any:
        """What a tool gave, with the canaries that belong in it."""
        if loud := _texts(self._loud(trace_id, "tool_result")):
            result, _ = plant(result, loud)
        quiet = _texts(self._quiet_of(tenant, "tool_result"))
        return fill(result, quiet)[0] if quiet else result

    def _canaries_of(self, probes: Sequence[TenantProbeFault]) -> tuple[Canary, ...]:
        """The canaries of a request that these probes mark; `memory` is planted in one request only.

        So whoever sees it later sees what the flow has kept: a module variable, a closure, a cache.
        """
        ids = [probe.id for probe in probes]
        first = [fault for fault in ids if fault not in self._remembered]
        self._remembered.update(ids)
        return tuple(
            canary
            for canary in self.planned
            if canary.fault in ids and (canary.place != "memory" or canary.fault in first)
        )

    def _loud(self, trace_id: str | None, *places: str) -> tuple[Canary, ...]:
        marked = self._marked.about(trace_id) if trace_id is not None else None
        return tuple([canary for canary in marked if canary.place in places]) if marked else ()

    def _quiet_of(self, tenant: str | None, place: str) -> tuple[Canary, ...]:
        if not self._always or tenant is None:
            return ()
        known = self._quiet.get(tenant)
        if known is None:
            probed = [place for probe in self._probes if probe.victim == tenant for place in probe.plant]
            wanted = [place for place in QUIET_PLACES if place not in probed]
            known = self._quiet[tenant] = {place: self._canary(ALWAYS, place, tenant) for place in wanted}
        return (known[place],) if place in known else ()

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


def _texts(canaries: Sequence[Canary]) -> str:
    return " ".join(canary.text for canary in canaries)
