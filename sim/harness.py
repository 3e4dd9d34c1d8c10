"""One scenario, one seed: build the flow in a world of its own, let load and faults at it, write down what happens."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penguiflow import InMemoryStateStore
from sim.callers import CALLER, Callers
from sim.faults import FaultSeam, PlanSeam, Setting
from sim.kernel import BudgetExhausted, HorizonReached, Spinning, Stuck, World
from sim.kernel.crash import stand_outside
from sim.kernel.digest import Event
from sim.kernel.orders import shuffle_ties
from sim.kernel.reach import reachable_from
from sim.model.plan import Plan
from sim.model.recording import Blocking, FaultCount, Recording
from sim.model.recording import Stuck as StuckStory
from sim.model.scenario import CrashFault, TenantProbeFault
from sim.services import Services
from sim.subject import Accountable, RestartingSubject
from sim.subject.build import BuildWorld, build_subject
from sim.subject.limits import under_limits
from sim.watch import EffectWatch, LeakWatch, Recorder
from sim.watch.logs import LogCapture
from sim.watch.properties import watched_properties
from sim.watch.traffic import CallWatch, HistoryWatch, SendWatch, wants_histories, wants_sends, wants_tool_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from penguiflow import Interceptor
    from sim.kernel.digest import Digest
    from sim.model.plan import CallPoint
    from sim.model.prepared import Prepared
    from sim.model.scenario import Scenario
    from sim.model.targets import Targets
    from sim.subject import Subject

DRAIN_POLL_S = 1.0
BACKGROUND_GRACE_S = 60.0
NOTHING_LATE = Plan()


def run_seed(
    prepared: Prepared,
    seed: int,
    *,
    faults: bool = True,
    plan: Plan = NOTHING_LATE,
    trail: list[str] | None = None,
) -> Recording:
    """Run one seed to its end.

    Args:
        prepared: the scenario.
        seed: the source of every random decision.
        faults: without them this is the baseline twin: the same requests, and nothing goes wrong.
        plan: what is late besides what the faults do.
        trail: gets one line for each step of a task and each thing that is noted, in their order.

    """
    run = _Run(prepared, seed, plan, faults=faults, keep_events=trail is not None)
    recording = run.execute()
    if trail is not None:
        trail.extend(map(str, run.events))
    vars(run).clear()  # its parts hold each other: without this, what a run leaves would wait for the garbage collector
    return recording


def probe_calls(prepared: Prepared, seed: int) -> tuple[CallPoint, ...]:
    """The calls that a run makes when nothing is late but by the file's own faults, in the order of their ends."""
    run = _Run(prepared, seed, NOTHING_LATE, probing=True)
    run.execute()
    return tuple(run.calls)


def targets_of(prepared: Prepared) -> Targets:
    """What a scenario can point at; builds the flow once, in a world of its own."""

    async def build() -> Targets:
        subject = build_subject(prepared.builder, _surroundings(prepared, world), prepared.scenario.args)
        with under_limits(subject, prepared.scenario.override):
            return subject.targets()

    world = World(prepared.scenario.seeds.first, env=prepared.scenario.env)
    with LogCapture(_ignore, _ignore), _services(prepared, world).installed():
        return world.run(build())


class _Run:
    """Everything that one run holds."""

    def __init__(
        self,
        prepared: Prepared,
        seed: int,
        plan: Plan,
        *,
        faults: bool = True,
        probing: bool = False,
        keep_events: bool = False,
    ) -> None:
        scenario = prepared.scenario
        self._prepared = prepared
        self._faults = tuple(fault for fault in scenario.faults if fault.id not in plan.off) if faults else ()
        self._world = _planned_world(prepared, seed, plan)
        self._world.digest.keep_events = keep_events
        self._clock: Callable[[], float] = self._world.loop.time
        self._services = _services(prepared, self._world)
        self._plan = plan
        self._surroundings = _surroundings(prepared, self._world)
        self._subject: Subject | None = None
        self._limits = ExitStack()
        self._known: Collection[asyncio.Task[object]] = ()
        self._fault_seam: FaultSeam | None = None
        self._plan_seam = PlanSeam(plan, self._world, self._die) if probing or plan != NOTHING_LATE else None
        self._recording = Recording(scenario=scenario.name, seed=seed)
        probes = [fault for fault in self._faults if isinstance(fault, TenantProbeFault)]
        for fault in self._faults:
            self._recording.fault_counts[fault.id] = FaultCount()
        self._recorder = Recorder(self._recording, self._clock)
        if keep_events:
            self._recorder = _TellingRecorder(self._recording, self._clock, self._world.digest)
        self._leaks = LeakWatch(
            probes, self._world.draws, self._recording, self._clock, always=_several_tenants(scenario)
        )
        self._callers = Callers(
            prepared,
            faults=self._faults,
            world=self._world,
            recording=self._recording,
            recorder=self._recorder,
            leaks=self._leaks,
        )
        declared = [effect.node for effect in scenario.world.effects]
        self._effects = EffectWatch(self._recording, self._recorder, self._clock, self._callers.gone, nodes=declared)

    @property
    def calls(self) -> list[CallPoint]:
        """The calls that were made, where the run was a probe or had a plan."""
        return self._plan_seam.calls if self._plan_seam is not None else []

    @property
    def events(self) -> list[Event]:
        """Every step and every note of the run, where they are kept."""
        self._world.digest.flush()
        return self._world.digest.events

    def execute(self) -> Recording:
        """Run, and close the books however it ends."""
        leaks, while_open = self._leaks, self._while_open
        with (
            LogCapture(while_open(leaks.read_log), while_open(leaks.read_line), while_open(leaks.read_entry)),
            self._services.installed(),
            watched_properties(self._recording.properties, self._clock),
        ):
            try:
                self._world.run(self._main())
            except HorizonReached as end:
                self._recording.horizon_reached = True
                self._recorder.finish(end.at_s)
            except Stuck as end:
                self._recording.stuck = _without_callers(end.story)
                self._recorder.finish(end.at_s)
            except (BudgetExhausted, Spinning) as end:
                self._recording.stuck = StuckStory(round(end.at_s, 6), str(end))
                self._recorder.finish(end.at_s)
        self._leaks.finish()
        self._recording.steps_digest = str(self._world.digest)
        if self._plan_seam is not None:
            self._recording.plan_unmet = self._plan_seam.unmet
        self._note_surroundings()
        return self._recording

    def _while_open(self, read: Callable[[Any], None]) -> Callable[[Any], None]:
        """What is said when the loop is closed, the dead have said: that is when they are let go."""

        def read_while_open(said: Any) -> None:
            if not self._world.loop.is_closed():
                read(said)

        return read_while_open

    def _note_surroundings(self) -> None:
        world, recording = self._world, self._recording
        recording.blocked = tuple(
            Blocking(one.call, f"{one.file}:{one.line}", one.duration_s, one.actor, one.at_s) for one in world.blocked
        )
        recording.refused, recording.withheld = world.refused, world.withheld
        if world.uncontrolled:
            # What other code of this process keeps depends on who ran here before, and concerns nobody.
            known = reachable_from(self._prepared.builder.__module__)
            recording.uncontrolled = tuple(str(one) for one in world.uncontrolled if one.module in known)

    async def _main(self) -> None:
        stand_outside()
        await self._services.start()
        with self._limits:
            subject = self._subject = self._made()
            await self._run(subject)

    async def _run(self, subject: Subject) -> None:
        self._watch(subject)
        await subject.start()
        self._known = asyncio.all_tasks()
        await self._callers.run(subject)
        # Nothing tells that a subject is idle; under virtual time, looking every second costs nothing.
        while self._is_busy(subject):  # noqa: ASYNC110 - see above
            await asyncio.sleep(DRAIN_POLL_S)
        await self._leave_background_time()
        if isinstance(subject, Accountable):
            self._recording.residue = dict(subject.residue())
        await subject.stop()
        await self._services.stop()
        self._recorder.finish(self._clock())

    def _made(self) -> Subject:
        """What is under test; where it may die, with somebody who starts it again."""
        if not (self._plan.crash or any(isinstance(fault, CrashFault) for fault in self._faults)):
            return self._built()
        return RestartingSubject(
            self._built, self._world.loop, on_death=self._note_death, on_redelivery=self._recorder.blocked_outside
        )

    def _built(self) -> Subject:
        """One more subject, under the scenario's limits; all lives have one world, and so one store."""
        scenario = self._prepared.scenario
        subject = build_subject(self._prepared.builder, self._surroundings, scenario.args)
        self._limits.enter_context(under_limits(subject, scenario.override))
        return subject

    async def _die(self, restart_after_s: float) -> None:
        """Let the flow die, as a fault or a plan says."""
        assert isinstance(self._subject, RestartingSubject)  # noqa: S101 - it is one where anything says so
        await self._subject.die(restart_after_s)

    def _note_death(self) -> None:
        self._recorder.die()
        self._effects.die()
        if self._fault_seam is not None:
            self._fault_seam.forget()

    def _is_busy(self, subject: Subject) -> bool:
        is_down = isinstance(subject, RestartingSubject) and subject.down
        at_work = self._recorder.busy or self._world.threads_at_work or any(subject.depths().values())
        return is_down or bool(at_work)

    async def _leave_background_time(self) -> None:
        """Let tasks that handlers left behind go on for a while: what they do counts, but they may run for ever."""
        for _ in range(int(BACKGROUND_GRACE_S / DRAIN_POLL_S)):
            if not any(map(self._is_left_behind, asyncio.all_tasks())):
                return
            await asyncio.sleep(DRAIN_POLL_S)

    def _is_left_behind(self, task: asyncio.Task[object]) -> bool:
        standing = self._subject.standing if isinstance(self._subject, RestartingSubject) else ()
        return task not in self._known and task not in standing and not task.get_name().startswith("penguiflow:")

    def _watch(self, subject: Subject) -> None:
        """Faults stand outermost, so that the watchers behind them see what really happened."""
        targets = subject.targets()
        self._recording.nodes, self._recording.edges = targets.nodes, targets.edges
        self._recording.limits = targets.limits
        self._recording.windows = {
            fault.id: (fault.window.from_, fault.window.end_s)
            for fault in self._faults
            if fault.window.for_ is not None and not isinstance(fault, TenantProbeFault)
        }
        self._recorder.bounds = targets.bounds
        self._services.watch(subject)
        if self._plan_seam is not None:
            self._plan_seam.timeouts_s = targets.timeouts_s
            self._install(subject, self._plan_seam)
        checks = self._prepared.scenario.checks
        if wants_tool_calls(checks):
            self._install(subject, CallWatch(self._recording, self._clock))
        if wants_histories(checks):
            histories = HistoryWatch(self._recording)
            subject.install(histories)
            subject.listen(histories.observe)
        self._fault_seam = FaultSeam(self._faults, self._setting(subject), self._recording)
        self._install(subject, self._fault_seam)
        if self._leaks.active:
            self._install(subject, self._leaks)
            subject.listen(self._leaks.observe)
        if wants_sends(checks):
            subject.install(SendWatch(self._recording))
        subject.install(self._effects)
        self._services.install(self._effects, inside=True)
        subject.listen(self._recorder.observe)

    def _setting(self, subject: Subject) -> Setting:
        return Setting(self._world, subject, self._prepared.errors, self._prepared.factories, self._die)

    def _install(self, subject: Subject, interceptor: Interceptor) -> None:
        """Stand `interceptor` around what the subject does, and around what it asks of services."""
        subject.install(interceptor)
        self._services.install(interceptor)


class _TellingRecorder(Recorder):
    """Puts what it notes among the events that the world keeps, so that both stand in one order."""

    def __init__(self, recording: Recording, clock: Callable[[], float], digest: Digest) -> None:
        super().__init__(recording, clock)
        self._now_s = clock
        self._digest = digest

    def note(self, *facts: str) -> None:
        """Add something that happened now to the digest, and keep it; the world's own digest stays as it is."""
        super().note(*facts)
        self._digest.flush()
        self._digest.events.append(Event(self._now_s(), "run", " ".join(facts)))


def _planned_world(prepared: Prepared, seed: int, plan: Plan) -> World:
    """The world of a run; what a plan makes late gets the time that it takes."""
    scenario = prepared.scenario
    planned_s = sum(plan.takes_us.values()) / 1e6 + sum(plan.stall_ms.values()) / 1e3
    # After a death, whatever was done before may be done once more.
    horizon_s = scenario.horizon * (1 + sum(plan.late.values()) + len(plan.crash)) + planned_s
    world = World(seed, horizon_s=horizon_s, env=scenario.env)
    if plan.ties:
        shuffle_ties(world.loop, world.draws, plan.ties)
    return world


def _services(prepared: Prepared, world: World) -> Services:
    return Services(prepared.scenario.world.services, prepared.services, world)


def _several_tenants(scenario: Scenario) -> bool:
    """Whether there is anybody from whom a tenant's data has to be kept."""
    recorded = scenario.load.trace is not None and scenario.load.trace.tenant is not None
    return recorded or len(scenario.tenants) > 1


def _surroundings(prepared: Prepared, world: World) -> BuildWorld:
    tenants = tuple(prepared.scenario.tenants)
    return BuildWorld(seed=world.seed, tenants=tenants, store=InMemoryStateStore(), draws=world.draws)


def _ignore(_what: object) -> None:
    """What a flow says while it is only looked at."""


def _without_callers(story: StuckStory) -> StuckStory:
    """The same story with the harness's own tasks told in one line."""
    waits = [wait for wait in story.waits if not wait.startswith((CALLER, "service:", "task-1 "))]
    callers = [wait.split()[0].removeprefix(CALLER) for wait in story.waits if wait.startswith(CALLER)]
    if callers:
        waits.append(f"{len(callers)} callers wait for their answers, the first of them {callers[0]}")
    reason = story.reason if story.cycle else "nothing is ready and no timer is set, while work waits"
    return replace(story, waits=tuple(waits), reason=reason)
