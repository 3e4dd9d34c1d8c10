"""For any asyncio program, with no flow around it: run it in a world of its own, and explore what may be late."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sim.kernel import World
from sim.kernel.digest import first_difference, same
from sim.kernel.orders import shuffle_ready, shuffle_ties
from sim.kernel.outside import Outside
from sim.model.exploration import Exploration, Failure, Portability
from sim.model.plan import Plan, plan_from
from sim.search import DEFAULT_KINDS, plan_for, single_delays
from sim.watch.properties import watched_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence

    from sim.model.plan import CallPoint, PlanKind
    from sim.model.properties import PropertyTally

T = TypeVar("T")
HORIZON_S = 3600.0
"""Virtual seconds that a program may take."""


class PropertyError(AssertionError):
    """A `sim.always` or `sim.unreachable` of the program did not hold."""


class NondeterminismError(Exception):
    """A program did two different things with one seed and one plan."""


def run(
    main: Callable[[], Coroutine[Any, Any, T]],
    *,
    seed: int = 0,
    plan: Plan | Mapping[str, object] | None = None,
    horizon_s: float = HORIZON_S,
) -> T:
    """Run a program under virtual time, as `asyncio.run(main())` does under real time.

    Args:
        main: called without arguments, inside the run's world; the program is the coroutine that it returns.
        seed: where `random`, `uuid`, `secrets` and their like take their values from.
        plan: which calls of `sim.latency` are late or fail: a plan, or a dict such as `{"late": {"charge#1": 8}}`.
        horizon_s: virtual seconds that the program may take.

    Raises:
        SimulationEnd: the program can never go on (`Stuck`), or is still busy at the horizon.
        PlanError: the plan says something that no plan can say.
        Exception: whatever the program raises.

    """
    return _attempt(main, seed, plan_from(plan), horizon_s).answer()


def explore(
    main: Callable[[], Coroutine[Any, Any, object]],
    *,
    seeds: Sequence[int] = range(1000),
    kinds: Sequence[PlanKind] = DEFAULT_KINDS,
    keep_going: bool = False,
    horizon_s: float = HORIZON_S,
) -> Exploration:
    """Run a program once for each seed, every time with something else late, until a run fails.

    A run fails when the program raises (a plain `assert` is a check), breaks
    a `sim.always`, gets stuck, or is still busy at the horizon. What is different in each run is
    its plan, and every plan is legal on stock asyncio.

    Args:
        main: the program; it must start afresh each time, as `run` calls it.
        seeds: 0 or more each; seed 0 changes nothing.
        kinds: kinds of plans that the seeds take turns with.
        keep_going: run all seeds, also after a failure.
        horizon_s: virtual seconds that each run may take.

    Raises:
        NondeterminismError: a failing run does something else when it is repeated.
        ValueError: there are no seeds or no kinds.

    """
    if not seeds or not kinds:
        missing = "kinds" if seeds else "seeds"
        raise ValueError(
            f"{missing}={kinds if seeds else seeds!r} is empty; exploring needs one at least; leave it out"
        )
    probe = _attempt(main, seeds[0], Plan(), horizon_s)
    plans = [(seed, plan_for(seed, probe.calls, kinds)) for seed in seeds]
    failures, done = [], []
    held: dict[str, bool] = {}
    for attempt in _attempts(main, probe, plans, horizon_s):
        done.append(str(attempt.plan))
        for tally in attempt.properties.values():
            if tally.kind in ("sometimes", "reachable"):
                held[tally.name] = held.get(tally.name, False) or tally.held > 0
        if attempt.error is not None:
            verify(main, seed=attempt.seed, plan=attempt.plan, horizon_s=horizon_s)
            failures.append(_failure(main, attempt))
            if not keep_going:
                break
    singles = single_delays(probe.calls)
    tried = frozenset(done)
    singles_tried = sum(str(single) in tried for single in singles)
    never = tuple(name for name, did in held.items() if not did)
    return Exploration(_name(main), len(done), probe.calls, len(singles), singles_tried, tuple(failures), never)


def verify(
    main: Callable[[], Coroutine[Any, Any, object]],
    *,
    seed: int = 0,
    plan: Plan | Mapping[str, object] | None = None,
    horizon_s: float = HORIZON_S,
) -> str:
    """Run a program twice and compare every step; returns the digest of both runs.

    Raises:
        NondeterminismError: they differ; the message shows the first different events of both side by side.

    """
    settled = plan_from(plan)
    first, second = (_attempt(main, seed, settled, horizon_s, keep_events=True) for _ in range(2))
    if same(first.digest, second.digest):
        return first.digest
    ours, theirs = first_difference(first.world.digest.events, second.world.digest.events) or (None, None)
    raise NondeterminismError(
        f"{_name(main)} differs from itself with seed {seed} and plan {settled}; the first different events:\n"
        f"  first run:  {ours or 'is over'}\n"
        f"  second run: {theirs or 'is over'}\n"
        "one seed and one plan give one run; look for state that outlives a run, or for a set that is walked"
    )


def portability(
    main: Callable[[], Coroutine[Any, Any, object]], *, seeds: Iterable[int] = range(100), horizon_s: float = HORIZON_S
) -> Portability:
    """A lint: which seeds fail when what is ready runs in any order, which no asyncio loop does.

    What fails here leans on the order that asyncio promises. That is no bug;
    it matters to somebody who moves the program to another library.
    """
    attempts = [_attempt(main, seed, Plan(), horizon_s, shuffled=True) for seed in seeds]
    fragile = {attempt.seed: repr(attempt.error) for attempt in attempts if attempt.error is not None}
    return Portability(_name(main), len(attempts), fragile)


@dataclass(frozen=True)
class _Attempt(Generic[T]):
    """One run, and how it ended."""

    seed: int
    plan: Plan
    world: World
    calls: tuple[CallPoint, ...]
    digest: str
    results: tuple[T, ...]
    error: BaseException | None
    properties: Mapping[str, PropertyTally]

    def answer(self) -> T:
        if self.error is not None:
            raise self.error
        return self.results[0]


def _attempt(
    main: Callable[[], Coroutine[Any, Any, T]],
    seed: int,
    plan: Plan,
    horizon_s: float,
    *,
    keep_events: bool = False,
    shuffled: bool = False,
) -> _Attempt[T]:
    world = World(seed, horizon_s=horizon_s)
    world.digest.keep_events = keep_events
    if plan.ties:
        shuffle_ties(world.loop, world.draws, plan.ties)
    if shuffled:
        shuffle_ready(world.loop, world.draws)
    outside = Outside(world, plan)
    properties: dict[str, PropertyTally] = {}
    results: tuple[T, ...] = ()
    error: BaseException | None = None
    try:
        with watched_properties(properties, world.loop.time):
            results = (world.run(outside.run(main)),)
        world.digest.add(world.now_s, "main", "result", *results)
    except (Exception, asyncio.CancelledError) as raised:  # noqa: BLE001 - whatever it is, it is the run's outcome
        error = raised
        world.digest.add(world.now_s, "main", "error", type(raised).__qualname__)
    error = error or _broken(properties)
    return _Attempt(seed, plan, world, tuple(outside.calls), str(world.digest), results, error, properties)


def _broken(properties: Mapping[str, PropertyTally]) -> PropertyError | None:
    """What the program stated about itself and did not keep."""
    broken = [tally for tally in properties.values() if tally.broken]
    if not broken:
        return None
    first = broken[0]
    return PropertyError(f"{first.kind} '{first.name}' did not hold at {first.first_failure_s:g} s in {first.actor}")


def _attempts(
    main: Callable[[], Coroutine[Any, Any, object]],
    probe: _Attempt[object],
    plans: Sequence[tuple[int, Plan]],
    horizon_s: float,
) -> Iterator[_Attempt[object]]:
    """The probe, and then every run that is not the probe again."""
    yield probe
    for seed, plan in plans:
        if (seed, plan) != (probe.seed, probe.plan):
            yield _attempt(main, seed, plan, horizon_s)


def _failure(main: Callable[..., object], attempt: _Attempt[object]) -> Failure:
    error = attempt.error or RuntimeError()
    return Failure(_name(main), attempt.seed, attempt.plan, error, attempt.digest, attempt.calls, attempt.world.now_s)


def _name(main: Callable[..., object]) -> str:
    return getattr(main, "__name__", type(main).__name__)
