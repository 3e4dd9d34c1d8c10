"""Requests and messages that are unaccounted for, and limits of a policy that did not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks import books
from sim.checks.describe import describe_time
from sim.checks.findings.scene import FINDINGS_MAX, Evidence
from sim.checks.selection import requests_in
from sim.checks.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.checks.findings.scene import Scene
    from sim.model.recording import Request, Span
    from sim.model.result import Finding
    from sim.model.scenario import FindingKind

_ENGINE_FIX = "This is a promise of the runtime, not of your flow: keep the seed, and report it with its capsule."
_STUCK = (
    "A call hangs, a wait is ended by nobody, or there is more work than fits before the horizon.",
    "Give every node that waits for the outside a timeout_s, and requests a deadline_s.",
)
_LOST = (
    "The message was dropped on its way, or its result went to a fetch that was not for this trace.",
    "Emit or return a final value at an egress node for every message, read with fetch(trace_id=...), "  # noqa: ISC004 - one text
    "and watch deadline_skip and cancellation events.",
)


def stuck_requests_evidence(scene: Scene) -> Evidence:
    """Requests that were open when nothing moved any more, or at the horizon."""
    requests = [one for one in _requests(scene) if books.is_stuck(one, scene.recording)]
    return _open_requests(scene, "stuck", requests, "was still open when the run was cut off", _STUCK)


def lost_requests_evidence(scene: Scene) -> Evidence:
    """Requests that never ended although everything came to rest."""
    requests = [one for one in _requests(scene) if books.is_lost(one, scene.recording)]
    return _open_requests(scene, "lost", requests, "never ended, and nothing is running any more", _LOST)


def _requests(scene: Scene) -> list[Request]:
    return list(requests_in(scene.recording, scene.where, scene.interval))


def _open_requests(
    scene: Scene, kind: FindingKind, requests: Sequence[Request], what: str, advice: tuple[str, str]
) -> Evidence:
    findings = tuple(
        scene.finding(
            kind,
            request.arrival_s,
            f"{request.order} of {request.tenant}, which arrived at {describe_time(request.arrival_s)}, {what} "
            f"(trace {request.trace_id})",
            trace_id=request.trace_id,
            tenant=request.tenant,
            cause=advice[0],
            fix=advice[1],
        )
        for request in requests[:FINDINGS_MAX]
    )
    return Evidence(f"{counted(len(requests), 'request')} {kind}", findings, len(requests))


def residue_evidence(scene: Scene) -> Evidence:
    """What a subject still held when everything had come to rest."""
    left = {name: number for name, number in (scene.recording.residue or {}).items() if number}
    findings = tuple(
        scene.finding(
            "residue",
            scene.recording.end_s,
            f"{number} {name} when every request had ended and everything had come to rest",
            cause="Work of a finished request goes on, or its record was never closed: memory grows with each.",
            fix="End what a handler starts before it returns, let joins get all their parts, and heed cancellation.",
        )
        for name, number in left.items()
    )
    first = next(iter(left.items()), ("", 0))
    return Evidence(f"{first[1]} {first[0]} at the end", findings[:FINDINGS_MAX], len(findings))


def conservation_evidence(scene: Scene) -> Evidence:
    """Nodes whose messages do not add up."""
    off = [one for one in books.balances(scene.recording, scene.where) if books.is_off(one, scene.recording)]
    findings = tuple(
        scene.finding(
            "conservation",
            scene.recording.end_s,
            f"{counted(one.came_in, 'message')} came in before {one.node}, it began {one.began} and dropped "
            f"{one.dropped}: {abs(one.missing)} {'vanished' if one.missing > 0 else 'too many'}",
            node=one.node,
            cause=f"Messages before {one.node} are lost, or are worked on more often than they arrive.",
            fix=_ENGINE_FIX,
        )
        for one in off
    )
    headline = f"the messages of {off[0].node} do not add up" if off else ""
    return Evidence(headline, findings[:FINDINGS_MAX], len(findings))


def history_evidence(scene: Scene) -> Evidence:
    """Requests of which the store does not know everything."""
    unstored = scene.recording.unstored or {}
    requests = [one for one in _requests(scene) if one.trace_id in unstored]
    findings = tuple(
        scene.finding(
            "history",
            request.ended_s or scene.recording.end_s,
            f"{counted(unstored[request.trace_id], 'event')} of {request.order} of {request.tenant} never reached the "
            f"store; its caller saw {request.outcome} (trace {request.trace_id})",
            trace_id=request.trace_id,
            tenant=request.tenant,
            cause="A write to the store failed, or the store fell so far behind that events were dropped.",
            fix="Make save_event idempotent and let it try again by itself, or make the store faster than the traffic.",
        )
        for request in requests[:FINDINGS_MAX]
    )
    headline = f"{counted(len(requests), 'request')} with a gap in the stored history"
    return Evidence(headline if requests else "", findings, len(requests))


def executions_evidence(scene: Scene) -> Evidence:
    """Attempts that the policy of their node does not allow."""
    recording = scene.recording
    attempts = books.attempts_in(recording, scene.where, scene.interval)
    spans = [span for span in attempts if books.is_one_too_many(recording, span)]
    findings = [
        _of_span(
            scene,
            "executions",
            span,
            f"attempt {span.attempt} of {span.node} began, and max_retries={recording.limits[span.node].max_retries} "
            f"allows {recording.limits[span.node].max_retries + 1}",
        )
        for span in spans[:FINDINGS_MAX]
    ]
    return Evidence("a node ran more often than its policy allows" if spans else "", tuple(findings), len(spans))


def timeout_bound_evidence(scene: Scene) -> Evidence:
    """Attempts that ran past their timeout and their grace."""
    recording = scene.recording
    attempts = books.bounded_attempts(recording, scene.where, scene.interval)
    spans = [span for span in attempts if books.is_overlong(recording, span)]
    findings = [
        _of_span(
            scene,
            "timeout_bound",
            span,
            f"attempt {span.attempt} of {span.node} ran for {describe_time(span.end_s - span.start_s)}, past "
            f"timeout_s={recording.limits[span.node].timeout_s:g} and "
            f"cancel_grace_s={recording.limits[span.node].cancel_grace_s:g}",
        )
        for span in spans[:FINDINGS_MAX]
    ]
    return Evidence(f"{spans[0].node} ran past its timeout" if spans else "", tuple(findings), len(spans))


def _of_span(scene: Scene, kind: FindingKind, span: Span, summary: str) -> Finding:
    request = scene.stories.request(span.trace_id)
    blocking = "A handler that blocks the event loop cannot be interrupted." if kind == "timeout_bound" else ""
    return scene.finding(
        kind,
        span.end_s,
        f"{summary} (trace {span.trace_id})",
        trace_id=span.trace_id,
        tenant=None if request is None else request.tenant,
        node=span.node,
        cause=blocking or f"A delivery of {span.node} was carried out more often than its policy says.",
        fix="Await what waits, or wrap the handler with blocking()." if blocking else _ENGINE_FIX,
    )


def deadline_bound_evidence(scene: Scene) -> Evidence:
    """Requests whose deadline passed without an end."""
    requests = [one for one in _requests(scene) if books.is_left_open(one)]
    findings = tuple(
        scene.finding(
            "deadline_bound",
            request.deadline_s or 0.0,
            f"{request.order} of {request.tenant} was still open after its deadline at "
            f"{describe_time(request.deadline_s or 0.0)} (trace {request.trace_id})",
            trace_id=request.trace_id,
            tenant=request.tenant,
            cause="What is tested does not end a request at its deadline: its caller learns nothing, its work goes on.",
            fix="Hand the deadline on (Message.deadline_s), and bound every wait by what is left of it.",
        )
        for request in requests[:FINDINGS_MAX]
    )
    headline = f"{counted(len(requests), 'request')} open past the deadline"
    return Evidence(headline if requests else "", findings, len(requests))
