"""Requests that were slow, late or failed, and where their time went (production runbook: high latency, timeouts)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.describe import describe_limit, describe_time
from sim.checks.findings.scene import FINDINGS_MAX, Evidence
from sim.checks.findings.whereabouts import time_ran_out
from sim.checks.metrics import is_error, is_past_deadline, is_timeout, waited_s
from sim.checks.selection import requests_in
from sim.model.recording import INGRESS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.checks.findings.scene import Scene
    from sim.checks.whereabouts import StayKind
    from sim.model.recording import Recording, Request
    from sim.model.result import Finding
    from sim.model.scenario import Check, FindingKind

    TimeSpent = Sequence[tuple[StayKind, str, float]]

_PARTS_MAX = 3
_DID = {
    "waiting": "waited",
    "running": "ran",
    "backoff": "backed off",
    "blocked": "was blocked",
    "unseen": "was unseen",
}
_STATE = {"waiting": "queued", "running": "running", "backoff": "backing off", "blocked": "blocked", "unseen": "unseen"}


def timeout_evidence(scene: Scene) -> Evidence:
    """Requests without an answer in time."""
    requests = [request for request in _requests(scene) if is_timeout(request)]
    return _evidence(scene, "timeout", requests, "requests got no answer in time")


def deadline_evidence(scene: Scene) -> Evidence:
    """Requests whose deadline passed first."""
    requests = [request for request in _requests(scene) if is_past_deadline(request)]
    return _evidence(scene, "deadline", requests, "requests passed their deadline")


def error_evidence(scene: Scene) -> Evidence:
    """Requests that failed."""
    requests = [request for request in _requests(scene) if is_error(request)]
    return _evidence(scene, "error", requests, "requests failed")


def latency_evidence(scene: Scene, check: Check) -> Evidence:
    """The slowest requests: those that make the number."""
    slowest = sorted(_requests(scene), key=lambda request: -waited_s(request, scene.recording))[:FINDINGS_MAX]
    slowest.sort(key=lambda request: request.arrival_s)
    promise = f"; the promise is {check.stat} {describe_limit(check)}"
    return _evidence(scene, "threshold", slowest, "requests were slow", promise)


def where_time_went(spent: TimeSpent) -> str:
    """The longest stretches in words: `waited 1.90 s at charge, ran 0.10 s at price; most: queued at charge`."""
    if not spent:
        return "no node ever worked on it"
    told = [(_DID[kind], seconds, _place(kind, node)) for kind, node, seconds in spent[:_PARTS_MAX]]
    parts = ", ".join(f"{did} {describe_time(seconds)} {place}" for did, seconds, place in told)
    return f"{parts}; most: {_state(spent)}" if len(spent) > 1 else parts


def _requests(scene: Scene) -> list[Request]:
    return list(requests_in(scene.recording, scene.where, scene.interval))


def _evidence(
    scene: Scene, kind: FindingKind, requests: Sequence[Request], headline: str, promise: str = ""
) -> Evidence:
    if not requests:
        return Evidence("", ())
    findings = tuple(_finding(scene, kind, request, promise) for request in requests[:FINDINGS_MAX])
    spent = scene.stories.time_spent(requests[0])
    return Evidence(f"{headline} (mostly {_state(spent)})" if spent else headline, findings, len(requests))


def _finding(scene: Scene, kind: FindingKind, request: Request, promise: str) -> Finding:
    spent = scene.stories.time_spent(request)
    at_node = bool(spent) and spent[0][0] != "unseen"
    cause, fix = _join_advice(scene, request) or _advice(scene, request, spent)
    if kind in ("timeout", "deadline"):
        cause = f"{time_ran_out(scene, request)} {cause}".lstrip()
    return scene.finding(
        kind,
        request.arrival_s if request.ended_s is None else request.ended_s,
        f"{request.order} of {request.tenant} {_end_in_words(request, scene.recording)}: "
        f"{where_time_went(spent)}{promise} (trace {request.trace_id})",
        trace_id=request.trace_id,
        tenant=request.tenant,
        node=spent[0][1] if at_node else None,
        cause=cause,
        fix=fix,
    )


def _end_in_words(request: Request, recording: Recording) -> str:
    after = describe_time(waited_s(request, recording))
    match request.outcome:
        case "ok":
            return f"had its answer after {after}"
        case "error":
            return f"failed after {after}{f' with {request.detail}' if request.detail else ''}"
        case "no_result":
            return f"ended without a result after {after}"
        case "cancelled":
            return f"was cancelled after {after}"
        case "deadline":
            return f"got no answer within {after}"
        case _:
            return f"was still waiting after {after}, at the end of the run"


def _state(spent: TimeSpent) -> str:
    kind, node, _ = spent[0]
    return f"{_STATE[kind]} {_place(kind, node)}"


def _place(kind: StayKind, node: str) -> str:
    return node if kind == "unseen" else f"at {node}"


def _join_advice(scene: Scene, request: Request) -> tuple[str, str] | None:
    joins = [join for join in scene.recording.joins_incomplete if join.trace_id == request.trace_id]
    if request.outcome != "no_result" or not joins:
        return None
    first = joins[0]
    return (
        f"Join {first.node} holds {first.held} of {first.needed}, and nothing else of the trace is on its way.",
        "Let every branch send the join something, also when it has nothing to say, or join fewer (k).",
    )


def _advice(scene: Scene, request: Request, spent: TimeSpent) -> tuple[str, str]:
    if not spent:
        return (
            "The request was dropped, or its answer was read elsewhere, before any node worked on it.",
            "Send it with emit(..., trace_id=...), read it with fetch(trace_id=...), and watch deadline_skip events.",
        )
    kind, node, _ = spent[0]
    attempts = scene.stories.attempts(request.trace_id, node)
    if request.outcome == "error" and kind == "running":
        return (
            f"{node} gave up: it ran {_times(attempts)}, the last time into {request.detail or 'an error'}.",
            f"Let {node} retry what passes by itself (max_retries, retry_on), and answer what does not.",
        )
    return _advice_on_time(kind, node, attempts, _peak(scene.recording, node))


def _advice_on_time(kind: StayKind, node: str, attempts: int, peak: str) -> tuple[str, str]:
    """What to do about the kind of time that took longest."""
    match kind:
        case "waiting":
            return (
                f"{node} is saturated: messages queue before it{peak}.",
                f"Give {node} a tighter timeout_s and fewer retries, and let less work in at once; then add workers.",
            )
        case "running":
            return (
                f"What {node} depends on answers late; it ran {_times(attempts)} for this request.",
                f"Tighten timeout_s of {node} so that all its attempts fit into the deadline, and retry little.",
            )
        case "backoff":
            return (
                f"Retries use up the time: {node} ran {_times(attempts)} and backed off in between.",
                f"Lower max_retries of {node} and bound its wait with max_backoff.",
            )
        case "unseen":
            return (
                f"No node had the request {node}: a join held it, or work outside its trace took it over.",
                "See that a join gets all its parts, and hand the trace on (Message.model_copy) when work is split.",
            )
        case "blocked" if node == INGRESS:
            return (
                "The flow takes in less than arrives: the first node has no room, so the request waited to be let in.",
                "Let less work in at once, or give the first node a tighter timeout_s; then look at queue_maxsize.",
            )
        case _:
            return (
                f"{node} has its result but finds no room downstream: the queue behind it is full.",
                f"Relieve the node behind {node}: tighter timeout_s, fewer retries; then look at queue_maxsize.",
            )


def _peak(recording: Recording, node: str) -> str:
    depths = [sample for sample in recording.depths if sample.node == node]
    if not depths:
        return ""
    highest = max(depths, key=lambda sample: sample.depth)
    bound = f" of at most {highest.bound}" if highest.bound else ", without a bound"
    return f" (up to {highest.depth}{bound})"


def _times(attempts: int) -> str:
    return "once" if attempts == 1 else f"{attempts} times"
