"""Who sends requests: the load, which never waits for answers, and the callers of a storm, who ask again in step."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penguiflow import digest
from sim.load.arrivals import Arrival, choose_tenant, planned
from sim.load.payloads import make_payload
from sim.model.recording import Request
from sim.model.scenario import RetryStormFault
from sim.subject import Answer, Envelope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.kernel import World
    from sim.model.prepared import Prepared
    from sim.model.recording import Recording
    from sim.model.scenario import Fault
    from sim.subject import Subject
    from sim.watch import LeakWatch, Recorder

# The runtime ends a trace at its deadline; a caller that hears nothing by then gives up just after it.
GIVE_UP_GRACE_S = 0.001
CALLER = "caller:"


class Callers:
    """Sends every request of a run, and writes down how it ended.

    Args:
        prepared: the scenario.
        faults: those that are on; storms bring callers of their own.
        world: the run's clock and chance.
        recording: where requests are written down.
        recorder: gets arrivals and answers into the digest.
        leaks: marks what goes in, and looks at what comes out.

    """

    def __init__(
        self,
        prepared: Prepared,
        *,
        faults: Sequence[Fault],
        world: World,
        recording: Recording,
        recorder: Recorder,
        leaks: LeakWatch,
    ) -> None:
        self._prepared = prepared
        self._storms = [fault for fault in faults if isinstance(fault, RetryStormFault)]
        self._world = world
        self._recording = recording
        self._recorder = recorder
        self._leaks = leaks
        self._requests: dict[str, Request] = {}

    async def run(self, subject: Subject) -> None:
        """Let every request arrive at its time, and return when each has ended."""
        self._subject = subject
        arrivals = planned(self._prepared.scenario, self._world.draws, self._prepared.rows)
        self._recording.never_arrived = len(arrivals)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._load(group, arrivals))
                self._start_storms(group, arrivals)
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def is_waiting(self, trace_id: str) -> bool:
        """Whether the caller of this trace still waits for its answer; at its deadline it no longer does."""
        request = self._requests.get(trace_id)
        if request is None or request.ended_s is not None:
            return False
        return request.deadline_s is None or round(self._world.now_s, 6) < round(request.deadline_s, 6)

    async def _load(self, group: asyncio.TaskGroup, arrivals: Sequence[Arrival]) -> None:
        """Let every request arrive at its time, whether or not the flow keeps up."""
        for arrival in arrivals:
            await _sleep_until(arrival.at_s)
            self._recorder.sample_depths(self._subject.depths())
            payload = make_payload(self._prepared.payload, self._world.draws, arrival)
            request = self._request(f"load-{arrival.index}", arrival, "load", 1)
            self._recording.never_arrived -= 1
            group.create_task(self._roundtrip(request, payload), name=f"{CALLER}{request.trace_id}")

    def _start_storms(self, group: asyncio.TaskGroup, arrivals: Sequence[Arrival]) -> None:
        index = len(arrivals)
        for fault in self._storms:
            for client in range(fault.clients):
                row = arrivals[client % len(arrivals)].row if arrivals else None
                caller = self._retrying_caller(fault, client, index + client, row)
                group.create_task(caller, name=f"{CALLER}{fault.id}-{client}")
            index += fault.clients

    async def _retrying_caller(
        self, fault: RetryStormFault, client: int, index: int, row: Mapping[str, str] | None
    ) -> None:
        """One caller of a storm: asks when the window opens, and again after every failure."""
        draws = self._world.draws
        tenant = choose_tenant(self._prepared.scenario.tenants, draws.uniform("storm-tenant", fault.id, client))
        first = Arrival(index, fault.window.from_, tenant, f"{fault.id}-{client}", row)
        payload = make_payload(self._prepared.payload, draws, first)
        await _sleep_until(first.at_s)
        for attempt in range(1, fault.attempts + 1):
            arrival = replace(first, at_s=self._world.now_s)
            request = self._request(f"{fault.id}-{client}.{attempt}", arrival, fault.id, attempt)
            await self._roundtrip(request, payload)
            if request.outcome == "ok":
                return
            share = draws.uniform("storm-jitter", fault.id, client, attempt) if fault.jitter == "full" else 1.0
            await asyncio.sleep(round(fault.backoff * share, 6))

    def _request(self, trace_id: str, arrival: Arrival, origin: str, attempt: int) -> Request:
        deadline_s = self._prepared.scenario.load.deadline
        request = Request(
            index=len(self._recording.requests),
            trace_id=trace_id,
            tenant=arrival.tenant,
            order=arrival.order,
            origin=origin,
            client_attempt=attempt,
            arrival_s=arrival.at_s,
            deadline_s=None if deadline_s is None else round(arrival.at_s + deadline_s, 9),
        )
        self._recording.requests.append(request)
        self._requests[trace_id] = request
        self._recorder.note("arrival", trace_id, arrival.tenant)
        return request

    async def _roundtrip(self, request: Request, payload: Any) -> None:
        """Send one request and wait for its end, or give up just after its deadline."""
        limit_s = None if request.deadline_s is None else request.deadline_s + GIVE_UP_GRACE_S
        try:
            async with asyncio.timeout_at(limit_s):
                await self._send(request, payload)
                answer = await self._subject.outcome(request.trace_id)
        except TimeoutError:
            answer = Answer("deadline", detail="the caller gave up")
        request.ended_s = round(self._world.now_s, 6)
        request.outcome, request.detail = answer.outcome, answer.detail
        self._leaks.look("egress", answer.value, seen_by=request.tenant, node=None, trace_id=request.trace_id)
        self._recorder.note("answer", request.trace_id, answer.outcome, answer.detail, _fingerprint(answer.value))

    async def _send(self, request: Request, payload: Any) -> None:
        """Hand the request in; the time that it waits to be let in is blocked time."""
        start_s = self._world.now_s
        try:
            await self._subject.send(self._envelope(request, payload))
        finally:
            self._recorder.blocked_outside(request.trace_id, start_s)

    def _envelope(self, request: Request, payload: Any) -> Envelope:
        deadline_s = request.deadline_s
        envelope = Envelope(
            trace_id=request.trace_id,
            tenant=request.tenant,
            payload=payload,
            deadline_unix_s=None if deadline_s is None else self._world.epoch_s + deadline_s,
        )
        return self._leaks.mark(envelope)


async def _sleep_until(at_s: float) -> None:
    delay_s = at_s - asyncio.get_running_loop().time()
    if delay_s > 0:
        await asyncio.sleep(delay_s)


def _fingerprint(value: Any) -> str:
    try:
        return digest(value)
    except (TypeError, ValueError):  # not every answer is JSON-like; its type still tells runs apart
        return type(value).__qualname__
