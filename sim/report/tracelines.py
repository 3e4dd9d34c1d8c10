"""The traces of one run as lines of JSON: what each request waited for, ran, caused, and met.

One object a line, in order of virtual time. Names, numbers and outcomes stand
there; payloads, arguments, exception texts and header values do not.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from sim.checks.describe import describe_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.model.recording import Recording

TRACE_SCHEMA_ID = "penguiflow.sim.trace/1"
Line = dict[str, Any]


def render(recording: Recording) -> bytes:
    """The lines, after one that says which run they are of; compressed by gzip, without a time or a name in it."""
    head = {
        "schema": TRACE_SCHEMA_ID,
        "scenario": recording.scenario,
        "seed": recording.seed,
        "digest": recording.digest,
        "end_s": recording.end_s,
    }
    lines = [head, *sorted(_lines(recording), key=_moment)]
    text = "".join(f"{json.dumps(_told(line), ensure_ascii=False)}\n" for line in lines)
    return gzip.compress(text.encode(errors="backslashreplace"), mtime=0)


def _moment(line: Line) -> float:
    at_s: float = line["at_s"]
    return at_s


def _told(line: Line) -> Line:
    """The line without what is not known of it, and with times to the microsecond."""
    told = {key: round(value, 6) if isinstance(value, float) else value for key, value in line.items()}
    return {key: value for key, value in told.items() if value not in (None, "")}


def _lines(recording: Recording) -> Iterator[Line]:
    """What happened, kind by kind; of several things at one moment, an arrival comes first and an answer last."""
    yield from _arrivals(recording)
    yield from _spans(recording)
    yield from _effects(recording)
    yield from _faults(recording)
    for depth in recording.depths:
        yield {"at_s": depth.at_s, "kind": "depth", "node": depth.node, "depth": depth.depth, "bound": depth.bound}
    for death_s in recording.deaths_s:
        yield {"at_s": death_s, "kind": "death"}
    yield from _answers(recording)


def _arrivals(recording: Recording) -> Iterator[Line]:
    for request in recording.requests:
        yield {
            "at_s": request.arrival_s, "kind": "arrival", "trace": request.trace_id, "tenant": request.tenant,
            "order": request.order, "origin": request.origin, "client_attempt": request.client_attempt,
            "deadline_s": request.deadline_s,
        }  # fmt: skip


def _answers(recording: Recording) -> Iterator[Line]:
    for request in recording.requests:
        if request.ended_s is not None:
            yield {
                "at_s": request.ended_s, "kind": "answer", "trace": request.trace_id, "tenant": request.tenant,
                "outcome": request.outcome, "detail": request.detail, "latency_s": request.latency_s,
            }  # fmt: skip


def _spans(recording: Recording) -> Iterator[Line]:
    for span in recording.spans:
        yield {
            "at_s": span.start_s, "kind": span.kind, "trace": span.trace_id, "node": span.node,
            "attempt": span.attempt, "end_s": span.end_s, "result": span.result,
        }  # fmt: skip


def _effects(recording: Recording) -> Iterator[Line]:
    for effect in recording.effects:
        yield {
            "at_s": effect.at_s, "kind": "effect", "trace": effect.trace_id, "tenant": effect.tenant,
            "node": effect.node, "attempt": effect.attempt, "effect": effect.name, "service": effect.service,
            "key": describe_key(effect), "args_digest": effect.args_digest, "gone": effect.gone,
            "certain": effect.certain,
        }  # fmt: skip


def _faults(recording: Recording) -> Iterator[Line]:
    for fire in recording.fires:
        yield {"at_s": fire.at_s, "kind": "fault", "fault": fire.fault, "hits": fire.address, "does": fire.effect}
    for seen in recording.sightings:
        yield {
            "at_s": seen.at_s, "kind": "sighting", "fault": seen.fault, "place": seen.place, "owner": seen.owner,
            "sink": seen.sink, "seen_by": seen.seen_by, "node": seen.node, "trace": seen.trace_id, "path": seen.path,
            "leaked": seen.leaked,
        }  # fmt: skip
