"""`sim.leaks`: whether one tenant saw what belongs to another, in a test."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sim.face.stage import current_stage
from sim.model.recording import FaultCount
from sim.subject import Envelope
from sim.watch import LeakWatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penguiflow import Message
    from sim.face.stage import Stage
    from sim.model.recording import Sighting
    from sim.model.scenario import TenantProbeFault

__tracebackhide__ = True  # for pytest: an error belongs to the line of the test


class Leaks:
    """Where the canaries of `sim.fault.tenant_probe` were seen, in the test so far."""

    def found(self) -> tuple[Sighting, ...]:
        """Every sight of a canary by somebody else than its owner.

        Raises:
            RuntimeError: outside of a simulated test.

        """
        return tuple(one for one in current_stage("sim.leaks").recording.sightings if one.leaked)

    def assert_none(self) -> None:
        """Fail unless canaries were planted, their owner saw each, and nobody else saw any.

        Raises:
            AssertionError: somebody saw another's, nothing was planted, or the owner did not see its own.
            RuntimeError: outside of a simulated test.

        """
        stage = current_stage("sim.leaks")
        if found := self.found():
            lines = "\n".join(f"  {_line(one)}" for one in found)
            raise AssertionError(f"a tenant could see what belongs to another, {len(found)} times\n{lines}")
        if not stage.probes:
            msg = (
                "no leak was looked for; leaks are found by planted canaries; "
                "send the requests inside `with sim.fault.tenant_probe(victim=..., attacker=...)`"
            )
            raise AssertionError(msg)
        missing = stage.recording.controls_missing
        missing.clear()
        for watch in stage.probes:
            watch.finish()
        if missing:
            msg = (
                f"inconclusive: the owner itself did not see its canary ({', '.join(missing)}), and so it proves "
                "nothing that nobody else did; let the answer to the victim carry its payload, and fetch it"
            )
            raise AssertionError(msg)


leaks = Leaks()


class _Handler(logging.Handler):
    """Reads what is logged; pytest and others go on reading it too."""

    def __init__(self, watch: LeakWatch) -> None:
        super().__init__()
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        self._watch.read_log(record)


@contextmanager
def probing(stage: Stage, probe: TenantProbeFault) -> Iterator[FaultCount]:
    """Mark the requests of the victim that are sent inside, and look for the marks wherever another can see."""
    watch = LeakWatch([probe], stage.world.draws, stage.recording, stage.now_s)

    def mark(message: Message) -> Message:
        headers = message.headers
        plain = Envelope(message.trace_id, headers.tenant, message.payload, message.deadline_s, headers.topic)
        marked = watch.mark(plain)
        changed = headers.model_copy(update={"topic": marked.topic})
        return message.model_copy(update={"payload": marked.payload, "headers": changed})

    def look(result: Any, tenant: str | None, trace_id: str | None) -> None:
        watch.look("egress", result, seen_by=tenant, node=None, trace_id=trace_id)

    handler = _Handler(watch)
    stage.probes.append(watch)
    hooks: list[tuple[list[Any], Any]] = [
        (stage.seams, watch), (stage.observers, watch.observe), (stage.way_in, mark), (stage.way_out, look),
    ]  # fmt: skip
    for row, hook in hooks:
        row.append(hook)
    logging.getLogger().addHandler(handler)
    try:
        yield stage.recording.fault_counts.setdefault(probe.id, FaultCount())
    finally:
        logging.getLogger().removeHandler(handler)
        for row, hook in hooks:
            row.remove(hook)


def _line(one: Sighting) -> str:
    viewer = "everybody" if one.seen_by is None else one.seen_by
    return f"at {one.at_s:g} s: {viewer} in {one.sink}, {one.path}: planted in the {one.place} of {one.owner}"
