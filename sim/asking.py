"""One caller and its order: it asks, waits as long as it is willing to, and perhaps asks again."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penguiflow import digest
from sim.model.recording import Request
from sim.subject import Answer, Envelope
from sim.watch.per_trace import PerTrace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.kernel import World
    from sim.load import Arrival
    from sim.model.clients import Cancel
    from sim.model.prepared import Prepared
    from sim.model.recording import Gone, Outcome, Recording
    from sim.subject import Subject
    from sim.watch import LeakWatch, Recorder

# The runtime ends a trace at its deadline; a caller that hears nothing by then gives up just after it.
GIVE_UP_GRACE_S = 0.001
_GAVE_UP = Answer("deadline", detail="the caller gave up")
_CANCELLED = Answer("cancelled", detail="the caller cancelled")
_GONE: Mapping[Outcome, Gone] = {
    "ok": "answered",
    "error": "refused",
    "no_result": "refused",
    "deadline": "deadline",
    "cancelled": "cancelled",
    "unanswered": "",
}


@dataclass(frozen=True, slots=True)
class Again:
    """When a caller asks again after a failure.

    Args:
        times: how often in all.
        after_s: the wait before the first time, in seconds.
        factor: how many times longer each further wait is.
        jitter: whether each wait is drawn evenly from 0 to its length.
        address: where its draws are made; the number of the request that failed is added.

    """

    times: int = 0
    after_s: float = 0.0
    factor: float = 1.0
    jitter: bool = False
    address: tuple[str | int, ...] = ()


class Asking:
    """Sends requests of callers, and writes down how each ended.

    Args:
        prepared: the scenario.
        world: the run's clock and chance.
        recording: where requests are written down.
        recorder: gets arrivals and answers into the digest.
        leaks: marks what goes in, and looks at what comes out.

    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        world: World,
        recording: Recording,
        recorder: Recorder,
        leaks: LeakWatch,
    ) -> None:
        self._scenario = prepared.scenario
        self._world = world
        self._recording = recording
        self._recorder = recorder
        self._leaks = leaks
        self._open: dict[str, Request] = {}
        self._ended: PerTrace[Gone] = PerTrace()

    def gone(self, trace_id: str) -> Gone:
        """Why the caller of this trace no longer waits; empty while it does, or where no caller sent it."""
        request = self._open.get(trace_id)
        if request is None:
            return self._ended.about(trace_id) or ""
        now_s = round(self._world.now_s, 6)
        for end_s in (request.deadline_s, request.gives_up_s):
            if end_s is not None and now_s >= round(end_s, 6):
                return _out_of_patience(request)
        return ""

    async def ask(
        self, subject: Subject, first: Arrival, payload: Any, *, trace: str, origin: str, again: Again
    ) -> None:
        """Send the request of one order, and send it again after each failure, as often as its caller does.

        The order and its payload stay the same; each request is a trace of its own.

        Args:
            subject: what is asked.
            first: when the order arrives, from whom.
            payload: what is asked; handlers get copies, so that what one changes does not reach the next.
            trace: the trace of the first request; later ones get their number added.
            origin: `load`, or the fault whose callers these are.
            again: when the caller asks again.

        """
        arrival, sent = first, payload
        kept = _copied(payload) if again.times else None
        for attempt in range(1, again.times + 2):
            name = trace if attempt == 1 else f"{trace.removesuffix('.1')}.{attempt}"
            request = self._request(name, arrival, origin, attempt)
            await self._roundtrip(subject, request, sent)
            if request.outcome in ("ok", "cancelled") or attempt > again.times:
                return
            await asyncio.sleep(self._wait_s(again, attempt))
            arrival, sent = replace(first, at_s=round(self._world.now_s, 6)), _copied(kept)

    def _wait_s(self, again: Again, attempt: int) -> float:
        share = self._world.draws.uniform(*again.address, attempt) if again.jitter else 1.0
        return round(again.after_s * again.factor ** (attempt - 1) * share, 6)

    def _request(self, trace_id: str, arrival: Arrival, origin: str, attempt: int) -> Request:
        load, tenant = self._scenario.load, self._scenario.tenants.get(arrival.tenant)
        deadline_s = load.deadline if tenant is None or tenant.deadline is None else tenant.deadline
        patience_s = load.client.give_up_after
        request = Request(
            index=len(self._recording.requests),
            trace_id=trace_id,
            tenant=arrival.tenant,
            order=arrival.order,
            origin=origin,
            client_attempt=attempt,
            arrival_s=arrival.at_s,
            deadline_s=None if deadline_s is None else round(arrival.at_s + deadline_s, 9),
            gives_up_s=None if patience_s is None else round(arrival.at_s + patience_s, 9),
        )
        self._recording.requests.append(request)
        self._open[trace_id] = request
        self._recorder.note("arrival", trace_id, arrival.tenant)
        return request

    async def _roundtrip(self, subject: Subject, request: Request, payload: Any) -> None:
        """Send one request and wait for its end, or until the caller has waited long enough."""
        cancel = self._called_off(request)
        limits_s = [request.gives_up_s, None if request.deadline_s is None else request.deadline_s + GIVE_UP_GRACE_S]
        if cancel is not None:
            limits_s.append(request.arrival_s + cancel.after)
        limit_s = min((limit_s for limit_s in limits_s if limit_s is not None), default=None)
        calls_off = cancel is not None and limit_s == limits_s[-1]
        try:
            async with asyncio.timeout_at(limit_s):
                await self._send(subject, request, payload)
                answer = await subject.outcome(request.trace_id)
        except TimeoutError:
            answer = _CANCELLED if calls_off else _GAVE_UP
        request.ended_s = round(self._world.now_s, 6)
        request.outcome, request.detail = answer.outcome, answer.detail
        gone = _out_of_patience(request) if request.outcome == "deadline" else _GONE[request.outcome]
        self._ended.tell(request.trace_id, gone)
        self._open.pop(request.trace_id, None)
        if self._leaks.active:
            self._leaks.read_answer(answer, request.tenant, request.trace_id)
        self._recorder.note("answer", request.trace_id, answer.outcome, answer.detail, _fingerprint(answer.value))
        if answer is _CANCELLED:
            await subject.cancel(request.trace_id)

    def _called_off(self, request: Request) -> Cancel | None:
        cancel = self._scenario.load.client.cancel
        if cancel is None or not self._world.draws.chance(cancel.chance, "cancel", request.trace_id):
            return None
        return cancel

    async def _send(self, subject: Subject, request: Request, payload: Any) -> None:
        """Hand the request in; the time that it waits to be let in is blocked time."""
        start_s = self._world.now_s
        try:
            await subject.send(self._envelope(request, payload))
        finally:
            self._recorder.blocked_outside(request.trace_id, start_s)

    def _envelope(self, request: Request, payload: Any) -> Envelope:
        deadline_s = request.deadline_s
        envelope = Envelope(
            trace_id=request.trace_id,
            tenant=request.tenant,
            payload=payload,
            deadline_unix_s=None if deadline_s is None else self._world.start_unix_s + deadline_s,
        )
        return self._leaks.mark(envelope)


def _out_of_patience(request: Request) -> Gone:
    """Whether a caller that got no answer in time left before the request's own deadline, or at it."""
    patience_s, deadline_s = request.gives_up_s, request.deadline_s
    return "gave_up" if patience_s is not None and (deadline_s is None or patience_s < deadline_s) else "deadline"


def _copied(payload: Any) -> Any:
    """The payload once more; one that cannot be copied is sent as it is."""
    try:
        return deepcopy(payload)
    except Exception:  # noqa: BLE001 - whatever an object of the user's raises, its request is to be sent
        return payload


def _fingerprint(value: Any) -> str:
    try:
        return digest(value)
    except (TypeError, ValueError):  # not every answer is JSON-like; its type still tells runs apart
        return type(value).__qualname__
