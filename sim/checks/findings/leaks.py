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

_WRITTEN = ("logs", "events", "state", "bus", "metric_labels")


def leak_evidence(scene: Scene) -> Evidence:
    """Sightings of a planted secret by somebody other than its owner; each way that it took is told once."""
    ways: dict[tuple[str | None, ...], Sighting] = {}
    for sighting in sightings_in(scene.recording, scene.where, scene.interval):
        if sighting.leaked:
            ways.setdefault(_way(sighting), sighting)
    firsts = list(ways.values())
    findings = tuple(_leak(scene, sighting) for sighting in firsts[:FINDINGS_MAX])
    return Evidence(_headline(firsts[0]) if firsts else "", findings, len(firsts))


def _way(sighting: Sighting) -> tuple[str | None, ...]:
    """What one correction would end: from where, to where, by which line."""
    return sighting.place, sighting.sink, sighting.node, sighting.path, sighting.line


def _headline(sighting: Sighting) -> str:
    return f"{sighting.owner}'s data reached {_viewer(sighting)} through {sighting.sink}"


def _viewer(sighting: Sighting) -> str:
    return sighting.seen_by or "everybody"


def _leak(scene: Scene, sighting: Sighting) -> Finding:
    cause, fix = _advice(sighting)
    return scene.finding(
        "leak",
        sighting.at_s,
        f"the canary {_planted(sighting)} was seen by {_viewer(sighting)} in {sighting.sink}{_where(sighting)}, "
        f"at {describe_time(sighting.at_s)}{_whose(sighting)}",
        trace_id=sighting.trace_id,
        tenant=sighting.owner,
        node=sighting.node,
        cause=cause,
        fix=fix,
    )


def _planted(sighting: Sighting) -> str:
    place = sighting.place.replace("_", " ")
    if sighting.fault:
        return f"that {sighting.fault} planted in the {place} of {sighting.owner}"
    return f"planted in the {place} of {sighting.owner}"


def _where(sighting: Sighting) -> str:
    """How it was written, the path to it, and the line that logged it."""
    form = "" if sighting.form == "plain" else f" as {sighting.form}"
    path = f", at {sighting.path}" if sighting.path else ""
    line = f", logged by {sighting.line}" if sighting.line else ""
    return f"{form}{path}{line}"


def _whose(sighting: Sighting) -> str:
    node = f", node {sighting.node}" if sighting.node else ""
    return f" (trace {sighting.trace_id}{node})" if sighting.trace_id else node


def _advice(sighting: Sighting) -> tuple[str, str]:
    node = f" at {sighting.node}" if sighting.node else ""
    place = sighting.place.replace("_", " ")
    if sighting.place == "memory":
        return (
            f"What one request brought is kept{node} for other tenants too: a module variable, a closure, a cache.",
            "Keep nothing between requests that is not keyed by Headers.tenant, and let it end with its trace.",
        )
    if sighting.sink in _WRITTEN:
        return (
            f"Raw data of the {place} is written to {sighting.sink}{node} without regard to its tenant.",
            _at_line(sighting)
            + "Redact what is logged, keep raw tool payloads out of events and stores, and data out of metric labels.",
        )
    if sighting.sink == "errors":
        return (
            f"The text or an attribute of an exception{node} carries data of another tenant.",
            "Put codes and ids into exceptions, never values, and do not keep an exception for later requests.",
        )
    return (
        f"Something that both tenants share{node} does not look at the tenant: a cache, a trace, a module variable.",
        "Check Headers.tenant where requests come in, key caches and tools by tenant, use one trace_id a request.",
    )


def _at_line(sighting: Sighting) -> str:
    return f"Begin at {sighting.line}. " if sighting.line else ""
