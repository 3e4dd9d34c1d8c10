"""Which properties of the code itself did not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.findings.scene import FINDINGS_MAX, Evidence
from sim.checks.words import counted

if TYPE_CHECKING:
    from sim.checks.findings.scene import Scene
    from sim.model.properties import PropertyTally
    from sim.model.result import Finding


def properties_evidence(scene: Scene) -> Evidence | None:
    """The properties that were broken in this run; `None` when all held that have to hold in each run."""
    broken = [tally for tally in scene.recording.properties.values() if tally.broken]
    if not broken:
        return None
    broken.sort(key=lambda tally: (tally.first_failure_s or 0.0, tally.name))
    first = broken[0]
    headline = f"{first.kind} '{first.name}' does not hold"
    findings = tuple(_finding(scene, tally) for tally in broken[:FINDINGS_MAX])
    return Evidence(headline, findings, len(broken))


def _finding(scene: Scene, tally: PropertyTally) -> Finding:
    told = f"{tally.kind} '{tally.name}' did not hold {counted(tally.failed, 'time')}, first in {tally.actor}"
    return scene.finding(
        "property_broken",
        tally.first_failure_s or 0.0,
        told if tally.kind == "always" else f"{told}: the line was reached",
        cause="The code states this about itself, and the run shows otherwise.",
        fix="Correct the code, or the statement.",
    )
