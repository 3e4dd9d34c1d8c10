"""One scenario, one seed: build the flow in a world of its own, let load and faults at it, write down what happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penguiflow import InMemoryStateStore, digest
from sim.faults import FaultSeam
from sim.kernel import BudgetExhausted, HorizonReached, Stuck, World
from sim.load.arrivals import Arrival, choose_tenant, planned
from sim.load.payloads import make_payload
from sim.model.recording import FaultCount, Recording, Request
from sim.model.recording import Stuck as StuckStory
from sim.model.scenario import RetryStormFault, TenantProbeFault
from sim.subject import Answer, Envelope
from sim.subject.build import BuildWorld, build_subject
from sim.watch import EffectWatch, LeakWatch, Recorder
from sim.watch.logs import LogCapture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sim.model.scenario import Scenario
    from sim.subject import Subject

GIVE_UP_GRACE_S = 0.001
DRAIN_POLL_S = 1.0
CALLER = "caller:"


@dataclass(frozen=True)
class Prepared:
    """A scenario with everything that it names loaded.

    Args:
        scenario: the file's content.
        builder: the callable under `flow`.
        payload: the callable under `load.payload`.
        rows: recorded arrivals, where the load is a trace.
        errors: exception classes by the text of `error`.

    """

    scenario: Scenario
    builder: Callable[..., Any]
    payload: Callable[..., Any] | None = None
    rows: Any = None
    errors: Mapping[str, Callable[[str], Exception]] = field(default_factory=dict)


def run_seed(prepared: Prepared, seed: int, *, faults: bool = True) -> Recording:
    """Run one seed to its end.

    Args:
        prepared: the scenario.
        seed: the source of every random decision.
        faults: without them this is the baseline twin: the same requests, and nothing goes wrong.

    """
    return _Run(prepared, seed, faults=faults).execute()


class _Run:
    """Everything that one run holds."""

    def __init__(self, prepared: Prepared, seed: int, *, faults: bool) -> None:
        scenario = prepared.scenario
        self._prepared = prepared
        self._scenario = scenario
        self._faults = scenario.faults if faults else ()
        self._world = World(seed, horizon_s=scenario.horizon)
        self._recording = Recording(scenario=scenario.name, seed=seed)
        self._requests: dict[str, Request] = {}
        clock = self._clock
        probes = [fault for fault in self._faults if isinstance(fault, TenantProbeFault)]
        for fault in self._faults:
            self._recording.fault_counts[fault.id] = FaultCount()
        self._recorder = Recorder(self._recording, clock)
        self._leaks = LeakWatch(probes, self._world.draws, self._recording, clock)
        self._effects = EffectWatch(self._recording, self._recorder, clock, self._is_waiting)

    def execute(self) -> Recording:
        """Run, and close the books however it ends."""
        with LogCapture(self._leaks.read_log):
            try:
                self._world.run(self._main())
            except HorizonReached as end:
                self._recording.horizon_reached = True
                self._recorder.finish(end.at_s)
            except Stuck as end:
                self._recording.stuck = _without_callers(end.story)
                self._recorder.finish(end.at_s)
            except BudgetExhausted as end:
                self._recording.stuck = StuckStory(round(end.at_s, 6), str(end))
                self._recorder.finish(end.at_s)
        self._leaks.finish()
        return self._recording

    # -- the run -----------------------------------------------------------------------------

    async def _main(self) -> None:
        subject = self._subject = self._build()
        try:
            await subject.start()
            async with asyncio.TaskGroup() as group:
                arrivals = planned(self._scenario, self._world.draws, self._prepared.rows)
                group.create_task(self._load(group, arrivals))
                self._start_storms(group, arrivals)
            while self._recorder.busy or any(subject.depths().values()):  # noqa: ASYNC110 - no event tells that a subject is idle
                await asyncio.sleep(DRAIN_POLL_S)  # virtual time: polling costs nothing and keeps the end in sight
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        await subject.stop()
        self._recorder.finish(self._clock())

    def _build(self) -> Subject:
        subject = _build(self._prepared, self._world)
        targets = subject.targets()
        self._recording.nodes = targets.nodes
        self._recorder.bounds = targets.bounds
        subject.install(FaultSeam(self._faults, self._world.draws, self._recording, self._prepared.errors))
        if self._leaks.active:
            subject.install(self._leaks)
            subject.listen(self._leaks.observe)
        subject.install(self._effects)
        subject.listen(self._recorder.observe)
        return subject

    async def _load(self, group: asyncio.TaskGroup, arrivals: Sequence[Arrival]) -> None:
        """Let every request arrive at its time, whether or not the flow keeps up."""
        for arrival in arrivals:
            await _sleep_until(arrival.at_s)
            self._recorder.sample_depths(self._subject.depths())
            payload = make_payload(self._prepared.payload, self._world.draws, arrival)
            request = self._request(f"load-{arrival.index}", arrival, "load", 1)
            group.create_task(self._roundtrip(request, payload), name=f"{CALLER}{request.trace_id}")

    def _start_storms(self, group: asyncio.TaskGroup, arrivals: Sequence[Arrival]) -> None:
        index = len(arrivals)
        for fault in self._faults:
            if isinstance(fault, RetryStormFault):
                for client in range(fault.clients):
                    row = arrivals[client % len(arrivals)].row if arrivals else None
                    storm = self._retrying_client(fault, client, index + client, row)
                    group.create_task(storm, name=f"{CALLER}{fault.id}-{client}")
                index += fault.clients

    async def _retrying_client(
        self, fault: RetryStormFault, client: int, index: int, row: Mapping[str, str] | None
    ) -> None:
        """One caller of a storm: asks when the window opens, and again after every failure."""
        draws = self._world.draws
        tenant = choose_tenant(self._scenario.tenants, draws.uniform("storm-tenant", fault.id, client))
        first = Arrival(index, fault.window.from_, tenant, f"{fault.id}-{client}", row)
        payload = make_payload(self._prepared.payload, draws, first)
        await _sleep_until(first.at_s)
        for attempt in range(1, fault.attempts + 1):
            arrival = replace(first, at_s=self._clock())
            request = self._request(f"{fault.id}-{client}.{attempt}", arrival, fault.id, attempt)
            await self._roundtrip(request, payload)
            if request.outcome == "ok":
                return
            share = draws.uniform("storm-jitter", fault.id, client, attempt) if fault.jitter == "full" else 1.0
            await asyncio.sleep(round(fault.backoff * share, 6))

    def _request(self, trace_id: str, arrival: Arrival, origin: str, attempt: int) -> Request:
        deadline_s = self._scenario.load.deadline
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
                await self._subject.send(self._envelope(request, payload))
                answer = await self._subject.outcome(request.trace_id)
        except TimeoutError:
            answer = Answer("deadline", detail="the caller gave up")
        request.ended_s = round(self._clock(), 6)
        request.outcome, request.detail = answer.outcome, answer.detail
        request.results = 1 if answer.outcome == "ok" else 0
        self._leaks.look("egress", answer.value, seen_by=request.tenant, node=None, trace_id=request.trace_id)
        self._recorder.note("answer", request.trace_id, answer.outcome, answer.detail, _fingerprint(answer.value))

    def _envelope(self, request: Request, payload: Any) -> Envelope:
        deadline_s = request.deadline_s
        envelope = Envelope(
            trace_id=request.trace_id,
            tenant=request.tenant,
            payload=payload,
            deadline_unix_s=None if deadline_s is None else self._world.epoch_s + deadline_s,
        )
        return self._leaks.mark(envelope)

    # -- what others ask ---------------------------------------------------------------------

    def _clock(self) -> float:
        return self._world.now_s

    def _is_waiting(self, trace_id: str) -> bool:
        request = self._requests.get(trace_id)
        return request is not None and request.ended_s is None


def nodes_of(prepared: Prepared) -> tuple[str, ...]:
    """The names of the flow's nodes; builds the flow once, in a world of its own."""

    async def build() -> tuple[str, ...]:
        return _build(prepared, world).targets().nodes

    world = World(prepared.scenario.seeds.first)
    with LogCapture(lambda _record: None):
        return world.run(build())


def _build(prepared: Prepared, world: World) -> Subject:
    scenario = prepared.scenario
    surroundings = BuildWorld(
        seed=world.seed, tenants=tuple(scenario.tenants), store=InMemoryStateStore(), draws=world.draws
    )
    return build_subject(prepared.builder, surroundings, scenario.args)


async def _sleep_until(at_s: float) -> None:
    delay_s = at_s - asyncio.get_running_loop().time()
    if delay_s > 0:
        await asyncio.sleep(delay_s)


def _without_callers(story: StuckStory) -> StuckStory:
    """The same story with the harness's own tasks told in one line."""
    waits = [wait for wait in story.waits if not wait.startswith((CALLER, "task-1 "))]
    callers = [wait.split()[0].removeprefix(CALLER) for wait in story.waits if wait.startswith(CALLER)]
    if callers:
        waits.append(f"{len(callers)} callers wait for their answers, the first of them {callers[0]}")
    return replace(story, waits=tuple(waits), reason="nothing is ready and no timer is set, while work waits")


def _fingerprint(value: Any) -> str:
    try:
        return digest(value)
    except (TypeError, ValueError):  # not every answer is JSON-like; its type still tells runs apart
        return type(value).__qualname__
