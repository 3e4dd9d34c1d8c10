"""From a broken check to the builder of its findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.findings import books, crowding
from sim.checks.findings.custom import custom_evidence
from sim.checks.findings.effects import duplicate_evidence, unkeyed_evidence, zombie_evidence
from sim.checks.findings.leaks import leak_evidence
from sim.checks.findings.requests import deadline_evidence, error_evidence, latency_evidence, timeout_evidence
from sim.checks.findings.thresholds import attempts_evidence, depth_evidence, number_evidence, recovery_evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.checks.findings.scene import Broken, Evidence, Scene
    from sim.model.scenario import Metric

_BUILDERS: Mapping[Metric, Callable[[Scene, Broken], Evidence]] = {
    "trace.latency": lambda scene, broken: latency_evidence(scene, broken.check),
    "trace.timeouts": lambda scene, _: timeout_evidence(scene),
    "trace.deadline_exceeded": lambda scene, _: deadline_evidence(scene),
    "trace.errors": lambda scene, _: error_evidence(scene),
    "traces.stuck": lambda scene, _: books.stuck_requests_evidence(scene),
    "traces.lost": lambda scene, _: books.lost_requests_evidence(scene),
    "attempts.per_request": attempts_evidence,
    "retries.synchronised": crowding.synchronised_evidence,
    "recovery.time": recovery_evidence,
    "queue.depth": depth_evidence,
    "queue.growth": crowding.growth_evidence,
    "head_of_line": crowding.head_of_line_evidence,
    "fairness": crowding.fairness_evidence,
    "effects.duplicates": lambda scene, _: duplicate_evidence(scene),
    "effects.zombies": lambda scene, _: zombie_evidence(scene),
    "effects.unkeyed": lambda scene, _: unkeyed_evidence(scene),
    "leaks.confirmed": lambda scene, _: leak_evidence(scene),
    "state.residue": lambda scene, _: books.residue_evidence(scene),
    "invariants.executions": lambda scene, _: books.executions_evidence(scene),
    "invariants.conservation": lambda scene, _: books.conservation_evidence(scene),
    "invariants.history": lambda scene, _: books.history_evidence(scene),
    "invariants.deadline_bound": lambda scene, _: books.deadline_bound_evidence(scene),
    "invariants.timeout_bound": lambda scene, _: books.timeout_bound_evidence(scene),
    "custom": lambda scene, broken: custom_evidence(scene, broken.seen),
}
_SHOWS_WHAT_IS_TOO_LOW = ("fairness", "custom")


def find(scene: Scene, broken: Broken, *, too_low: bool) -> Evidence:
    """Why `broken` fails; a number below its `min` has nothing to show but itself."""
    told = not too_low or broken.check.metric in _SHOWS_WHAT_IS_TOO_LOW
    evidence = None if not told else _BUILDERS[broken.check.metric](scene, broken)
    return evidence if evidence and evidence.findings else number_evidence(scene, broken)
