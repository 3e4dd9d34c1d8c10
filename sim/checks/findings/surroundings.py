"""What held up the loop of a run, or went past the simulated world (production runbook: high latency)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.describe import describe_time
from sim.checks.findings.scene import FINDINGS_MAX, Evidence

if TYPE_CHECKING:
    from sim.checks.findings.scene import Scene
    from sim.model.recording import Blocking
    from sim.model.result import Finding


def surroundings_evidence(scene: Scene) -> Evidence | None:
    """What blocked the loop, reached out, or was left uncontrolled; `None` when nothing did."""
    recording = scene.recording
    found = [
        *(_blocked(scene, blocking) for blocking in recording.blocked[:FINDINGS_MAX]),
        *(_refused(scene, text) for text in recording.refused[:FINDINGS_MAX]),
        *(_withheld(scene, name) for name in recording.withheld[:FINDINGS_MAX]),
        *(_uncontrolled(scene, text) for text in recording.uncontrolled[:FINDINGS_MAX]),
    ]
    return Evidence(_headline(scene), tuple(found[:FINDINGS_MAX]), recording.beyond) if found else None


def _headline(scene: Scene) -> str:
    recording = scene.recording
    if recording.blocked:
        first = recording.blocked[0]
        return f"{first.call} blocks the event loop for {describe_time(first.duration_s)} at {first.place}"
    if recording.refused:
        return "the flow tried to leave the process"
    return "the flow asked for a variable that is not listed" if recording.withheld else "a source is not controlled"


def _blocked(scene: Scene, blocking: Blocking) -> Finding:
    return scene.finding(
        "blocked_loop",
        blocking.at_s,
        f"{blocking.call} blocks the event loop for {describe_time(blocking.duration_s)} at {blocking.place}, "
        f"called by {blocking.actor}",
        cause="Nothing else of the process runs meanwhile: every other request waits, and no timeout can fire.",
        fix="Await what waits (asyncio.sleep, an async client), or call it through asyncio.to_thread.",
    )


def _refused(scene: Scene, text: str) -> Finding:
    return scene.finding(
        "reached_out",
        scene.recording.end_s,
        f"refused: {text}",
        cause="In a run no byte leaves the process; the code has perhaps swallowed the error.",
        fix="Hand the flow a client that is simulated, through the builder's arguments.",
    )


def _withheld(scene: Scene, name: str) -> Finding:
    return scene.finding(
        "reached_out",
        scene.recording.end_s,
        f"the flow asked for the environment variable {name}, which is set and not listed",
        cause="A run sees only the variables that its scenario lists, so that it is the same on every machine.",
        fix=f"Add it to the file, env: [{name}], or give the value in args.",
    )


def _uncontrolled(scene: Scene, text: str) -> Finding:
    return scene.finding(
        "uncontrolled",
        scene.recording.end_s,
        text,
        cause="Its values come from the machine, so that another run may differ.",
        fix="Call it by its name where it is needed, instead of keeping it.",
    )
