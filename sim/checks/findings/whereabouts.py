"""One sentence on where a request was when its time ran out, and whose work stood before it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from sim.checks.describe import describe_time
from sim.checks.whereabouts import ahead_of, life_of, stay_at
from sim.checks.words import counted
from sim.model.recording import INGRESS

if TYPE_CHECKING:
    from sim.checks.findings.scene import Scene
    from sim.checks.whereabouts import Stay
    from sim.model.recording import Request, Span

_DOES = {"running": "running", "backoff": "backing off", "blocked": "blocked", "waiting": "queued"}
_HOLDS = {"waiting": ("running", "blocked"), "blocked": ("running", "blocked", "backoff", "waiting")}
"""What occupies a node for those that wait before it, and what takes up the room for those that do not get in."""


class _Ahead(NamedTuple):
    """The work before a request that took longest."""

    tenant: str
    trace_id: str
    kind: str
    seconds: float
    node: str
    others: int


def time_ran_out(scene: Scene, request: Request) -> str:
    """Such as `It expired while queued at charge, behind t1 of globex (running there for 1.20 s) and 3 others.`."""
    life = life_of(request, scene.stories.spans(request.trace_id), scene.recording.end_s)
    end_s = scene.recording.end_s if request.ended_s is None else request.ended_s
    stay = stay_at(life, end_s if request.deadline_s is None else min(request.deadline_s, end_s))
    if stay is None:
        return "It ended as it arrived."
    return f"It {_verb(request, end_s)} {_place(scene, stay)}{_behind(scene, request, stay)}{_window(scene, stay)}."


def _window(scene: Scene, stay: Stay) -> str:
    """The faults whose windows were open when the stretch ended."""
    windows = scene.recording.windows.items()
    open_ones = [fault for fault, (from_s, to_s) in windows if from_s <= stay.end_s < to_s]
    return f", in the window of {' and '.join(open_ones)}" if open_ones else ""


def _verb(request: Request, end_s: float) -> str:
    if request.outcome == "unanswered":
        return "waited"
    return "expired" if request.deadline_s is not None and end_s >= request.deadline_s else "was given up"


def longest_wait(scene: Scene, request: Request) -> str:
    """The longest time that the request was held up by others, such as `It was longest queued at charge, ...`."""
    life = life_of(request, scene.stories.spans(request.trace_id), scene.recording.end_s)
    waits = [stay for stay in life if stay.kind in _HOLDS]
    if not waits:
        return ""
    stay = max(waits, key=lambda one: one.seconds)
    place = _place(scene, stay).removeprefix("while ")
    return f"It was longest {place}{_behind(scene, request, stay)}."


def _place(scene: Scene, stay: Stay) -> str:
    since = f"since {describe_time(stay.start_s)}"
    match stay.kind:
        case "waiting":
            return f"while queued at {stay.node}, for {describe_time(stay.seconds)}"
        case "running":
            limits = scene.recording.limits.get(stay.node)
            attempts = "" if limits is None else f" of {limits.max_retries + 1}"
            return f"while running in {stay.node}, attempt {stay.attempt}{attempts}, {since}"
        case "backoff":
            return f"in backoff before attempt {stay.attempt + 1} of {stay.node}, {since}"
        case "blocked" if stay.node == INGRESS:
            return f"while blocked before the flow, which had no room for it, for {describe_time(stay.seconds)}"
        case "blocked":
            return f"while blocked at {stay.node}, which found no room downstream, for {describe_time(stay.seconds)}"
        case _:
            return (
                f"where no node had it, {stay.node}, {since}: held by a join, or taken over by work outside its trace"
            )


def _behind(scene: Scene, request: Request, stay: Stay) -> str:
    ahead = _longest_ahead(scene, request, stay)
    if ahead is None:
        return ""
    hits = scene.stories.hits(ahead.trace_id)
    under = f", hit by {', '.join(hits)}" if hits else ""
    others = f" and {counted(ahead.others, 'other')}" if ahead.others else ""
    place = "there" if ahead.node == stay.node else f"at {ahead.node}"
    did = f"{_DOES[ahead.kind]} {place} for {describe_time(ahead.seconds)}{under}"
    return f", behind {ahead.trace_id} of {ahead.tenant} ({did}){others}"


def _longest_ahead(scene: Scene, request: Request, stay: Stay) -> _Ahead | None:
    """Whose work took longest before `stay` meanwhile; `None` where nothing did."""
    spent: Counter[tuple[str, str, str]] = Counter()
    for node in ahead_of(scene.recording, stay.kind, stay.node):
        for span in scene.stories.at_node(node):
            overlap_s = _overlap_s(span, stay)
            if span.kind in _HOLDS[stay.kind] and span.trace_id != request.trace_id and overlap_s > 0:
                spent[span.trace_id, span.kind, node] += overlap_s  # type: ignore[assignment]
    if not spent:
        return None
    (trace_id, kind, node), seconds = max(spent.items(), key=lambda item: item[1])
    owner = scene.stories.request(trace_id)
    others = len(dict.fromkeys(trace for trace, _, _ in spent)) - 1
    return _Ahead("nobody known" if owner is None else owner.tenant, trace_id, kind, seconds, node, others)


def _overlap_s(span: Span, stay: Stay) -> float:
    return min(span.end_s, stay.end_s) - max(span.start_s, stay.start_s)
