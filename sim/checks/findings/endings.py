"""Runs that stopped moving and requests that got lost (production runbook: the system is stuck)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.describe import describe_time
from sim.checks.findings.scene import FINDINGS_MAX, Evidence
from sim.checks.words import counted
from sim.model.result import Moment

if TYPE_CHECKING:
    from sim.checks.findings.scene import Scene
    from sim.model.recording import Recording, Request, Stuck
    from sim.model.result import Finding

_FIX = (
    "Make sure that an egress node emits or returns a final value for every message, read with fetch(trace_id=...), "
    "give every node that waits for the outside a timeout_s, and watch deadline_skip and cancellation events."
)

_RING_FIX = (
    "Break the ring: give the edges more room (queue_maxsize), send without waiting (ctx.emit_nowait) and handle "
    "QueueFull, take locks in one order everywhere, or give one of the waits a timeout."
)
_IDLE = "waits for a message"

_WAITS_TOLD_MAX = 4


def stuck_evidence(scene: Scene) -> Evidence | None:
    """Why nothing moved any more, or what was still busy at the horizon; `None` when all is well."""
    recording = scene.recording
    if recording.stuck is not None:
        return Evidence("nothing moved any more", (_stuck(scene, recording.stuck),))
    waiting = unanswered(recording)
    if recording.horizon_reached and (recording.unfinished or waiting):
        return Evidence("still busy at the horizon", (_busy(scene, waiting),))
    if recording.never_arrived:
        return Evidence("the horizon comes before the end of the load", (_cut_off(scene),))
    return None


def lost_evidence(scene: Scene) -> Evidence | None:
    """Requests without any outcome although the run went quiet by itself; `None` when there are none."""
    recording = scene.recording
    requests = unanswered(recording)
    if not requests or recording.stuck is not None or recording.horizon_reached:
        return None
    findings = tuple(_lost(scene, request) for request in requests[:FINDINGS_MAX])
    return Evidence("requests were never answered", findings, len(requests))


def unanswered(recording: Recording) -> list[Request]:
    """Requests whose caller never heard anything."""
    return [request for request in recording.requests if request.outcome == "unanswered"]


def _stuck(scene: Scene, stuck: Stuck) -> Finding:
    ring = f"; the ring: {' -> '.join((*stuck.cycle, stuck.cycle[0]))}" if stuck.cycle else ""
    cause = (
        "Tasks wait for each other in a ring."
        if stuck.cycle
        else "Every task waits for something that nobody will do."
        if stuck.waits
        else "A task runs on and on and lets no time pass."
    )
    told = _telling(stuck)[:_WAITS_TOLD_MAX]
    if told:
        cause += f" Waiting: {'; '.join(told)}."
    waiting = unanswered(scene.recording)
    callers = counted(len(waiting), "caller")
    at_s = round(stuck.at_s, 6)
    finding = scene.finding(
        "stuck",
        at_s,
        f"nothing moves from {describe_time(at_s)} on: {stuck.reason}{ring} ({callers} waiting)",
        trace_id=waiting[0].trace_id if waiting else None,
        tenant=waiting[0].tenant if waiting else None,
        cause=cause,
        fix=_RING_FIX if stuck.cycle else _FIX,
    )
    waits = tuple(Moment(kind="waiting", start_s=at_s, end_s=at_s, text=line) for line in stuck.waits)
    return finding.model_copy(update={"story": finding.story + waits})


def _telling(stuck: Stuck) -> list[str]:
    """The waits that explain it: those in the ring first, and no worker that is only idle."""
    waits = [line for line in stuck.waits if not line.endswith(_IDLE)]
    return sorted(waits, key=lambda line: line.split(maxsplit=1)[0] not in stuck.cycle)


def _busy(scene: Scene, waiting: list[Request]) -> Finding:
    recording = scene.recording
    unfinished = recording.unfinished
    first = f"; first {unfinished[0]}" if unfinished else ""
    return scene.finding(
        "stuck",
        recording.end_s,
        f"the run is still busy at its horizon of {describe_time(recording.end_s)}: "
        f"{counted(len(unfinished), 'call')} unfinished, {counted(len(waiting), 'caller')} waiting{first}",
        trace_id=waiting[0].trace_id if waiting else None,
        tenant=waiting[0].tenant if waiting else None,
        cause="Work goes on without an end in sight: a call that hangs, an endless retry, or more load than fits.",
        fix=_FIX,
    )


def _cut_off(scene: Scene) -> Finding:
    recording = scene.recording
    end = describe_time(recording.end_s)
    return scene.finding(
        "stuck",
        recording.end_s,
        f"{counted(recording.never_arrived, 'request')} never arrived: the run ends at its horizon of {end}",
        cause="The load lasts longer than the run.",
        fix="Set a later horizon, or shorten the load.",
    )


def _lost(scene: Scene, request: Request) -> Finding:
    return scene.finding(
        "lost",
        request.arrival_s,
        f"{request.order} of {request.tenant}, which arrived at {describe_time(request.arrival_s)}, never had an "
        f"answer, an error or a deadline, and nothing is running any more (trace {request.trace_id})",
        trace_id=request.trace_id,
        tenant=request.tenant,
        cause="The message was dropped on its way, or its result went to a fetch that was not for this trace.",
        fix=_FIX,
    )
