"""The concrete things that broke a promise, each with its story, its cause and a way out."""

from sim.checks.findings.dispatch import find
from sim.checks.findings.endings import lost_evidence, stuck_evidence
from sim.checks.findings.leaks import leak_evidence
from sim.checks.findings.properties import properties_evidence
from sim.checks.findings.scene import Broken, Evidence, Scene
from sim.checks.findings.surroundings import surroundings_evidence

__all__ = [
    "Broken",
    "Evidence",
    "Scene",
    "find",
    "leak_evidence",
    "lost_evidence",
    "properties_evidence",
    "stuck_evidence",
    "surroundings_evidence",
]
