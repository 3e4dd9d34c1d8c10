"""Secrets of one tenant where another can see them (production runbook: cross-tenant leakage)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.describe import describe_time
from sim.checks.findings.scene import FINDINGS_MAX, Evidence
from sim.checks.selection import sightings_in

if TYPE_CHECKING:
    from sim.checks.findings.scene import Scene
    from sim.model.recording import Sighting
    from sim.model.result import Finding

_WRITTEN = ("logs", "events", "state", "metric_labels")


def leak_evidence(scene: Scene) -> Evidence:
    """Sightings of a planted secret by somebody other than its owner."""
    sightings = [sighting for sighting in sightings_in(scene.recording, scene.where, scene.interval) if sighting.leaked]
    findings = tuple(_leak(scene, sighting) for sighting in sightings[:FINDINGS_MAX])
    return Evidence(_headline(sightings[0]) if sightings else "", findings, len(sightings))


def _headline(sighting: Sighting) -> str:
    return f"{sighting.owner}'s data reached {_viewer(sighting)} through {sighting.sink}"


def _viewer(sighting: Sighting) -> str:
    return sighting.seen_by or "everybody"


def _leak(scene: Scene, sighting: Sighting) -> Finding:
    place = f", at {sighting.path}" if sighting.path else ""
    node = f", node {sighting.node}" if sighting.node else ""
    trace = f" (trace {sighting.trace_id}{node})" if sighting.trace_id else node
    cause, fix = _advice(sighting)
    return scene.finding(
        "leak",
        sighting.at_s,
        f"the canary that {sighting.fault} planted in the {sighting.place} of {sighting.owner} was seen by "
        f"{_viewer(sighting)} in {sighting.sink}{place}, at {describe_time(sighting.at_s)}{trace}",
        trace_id=sighting.trace_id,
        tenant=sighting.owner,
        node=sighting.node,
        cause=cause,
        fix=fix,
    )


def _advice(sighting: Sighting) -> tuple[str, str]:
    node = f" at {sighting.node}" if sighting.node else ""
    if sighting.sink in _WRITTEN:
        place = sighting.place.replace("_", " ")
        return (
            f"Raw data of the {place} is written to {sighting.sink}{node} without regard to its tenant.",
            "Redact what is logged, keep raw tool payloads out of events and stores, and data out of metric labels.",
        )
    return (
        f"Something that both tenants share{node} does not look at the tenant: a cache, a trace, a module variable.",
        "Check Headers.tenant where requests come in, key caches and tools by tenant, use one trace_id a request.",
    )
