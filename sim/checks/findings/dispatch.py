"""From a broken check to the builder of its findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    "attempts.per_request": attempts_evidence,
    "recovery.time": recovery_evidence,
    "queue.depth": depth_evidence,
    "effects.duplicates": lambda scene, _: duplicate_evidence(scene),
    "effects.zombies": lambda scene, _: zombie_evidence(scene),
    "effects.unkeyed": lambda scene, _: unkeyed_evidence(scene),
    "leaks.confirmed": lambda scene, _: leak_evidence(scene),
}


def find(scene: Scene, broken: Broken, *, too_low: bool) -> Evidence:
    """Why `broken` fails; a number below its `min` has nothing to show but itself."""
    evidence = None if too_low else _BUILDERS[broken.check.metric](scene, broken)
    return evidence if evidence and evidence.findings else number_evidence(scene, broken)
