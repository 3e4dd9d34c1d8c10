"""The sweeps of one command: all scenarios are handed out, then gathered one after the other."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import click

from penguiflow import ambient
from sim.capsules import capsules_of
from sim.cli.events import tell_result, told_as_events
from sim.cli.progress import progress
from sim.loader import ScenarioError
from sim.search.scenarios import plans_of, wanted
from sim.sweep import Cluster, Here, Limits, Processes, result_of, start_sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from sim.loader import LoadedScenario
    from sim.model.capsule import Capsule
    from sim.model.plan import Plans
    from sim.model.prepared import Prepared
    from sim.model.result import ScenarioResult
    from sim.model.scenario import Seeds
    from sim.sweep import Crew, Part, Swept

SEEDS_OF_A_WORKER = 24
"""A worker takes a second to start; with fewer seeds than these for it, it is not worth that."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which seeds to run; without any wish, those of the file."""

    seeds: tuple[int, ...]
    count: int | None
    first: int | None

    def among(self, planned: Seeds) -> list[int]:
        """The seeds to run of a file that plans these."""
        if self.seeds:
            return list(dict.fromkeys(self.seeds))
        if self.count is None and self.first is None:
            return planned.all()
        start = planned.first if self.first is None else self.first
        return list(range(start, start + (planned.count if self.count is None else self.count)))


@dataclass(frozen=True, slots=True)
class Manner:
    """How to sweep.

    Args:
        explore: whether to explore also where the file does not.
        verify: how many seeds run twice.
        failures: after how many failing seeds a scenario ends.
        time_limit_s: after how many seconds everything ends.
        jobs: how many processes; `None` for one a core, and none besides this one where there are few seeds.
        cluster: the address of the cluster whose workers do it instead.
        as_events: whether each step is told on standard output as it comes, instead of progress on standard error.
        today: the day to hold the dates of known failures against.
        part: which shard of the sweep to run; `None` for all of it.

    """

    explore: bool = False
    verify: int = 1
    failures: int | None = None
    time_limit_s: float | None = None
    jobs: int | None = None
    cluster: str | None = None
    as_events: bool = False
    today: date | None = None
    part: Part | None = None


Ready = tuple["LoadedScenario", "Prepared"]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A scenario, its seeds (all, and those to run here), and the plan of each."""

    loaded: LoadedScenario
    prepared: Prepared
    all_seeds: Sequence[int]
    seeds: Sequence[int]
    plans: Plans | None


_Made = TypeVar("_Made")


def sweep_all(
    ready: Sequence[Ready],
    choice: Choice,
    manner: Manner,
    make: Callable[[Swept, Sequence[int]], _Made | None],
) -> tuple[list[_Made], list[BaseException]]:
    """What was made of the scenarios, and what kept others from giving anything: one's own errors stop no other.

    Args:
        ready: what to run.
        choice: which seeds.
        manner: how.
        make: makes something of what was gathered of one scenario, and of the seeds of its whole sweep.

    """
    results: list[_Made] = []
    done: list[str] = []
    errors: list[BaseException] = []
    limits = Limits(manner.failures, _until(manner.time_limit_s))
    try:
        # All plans come first: they need runs here, and in a run nothing else of the process can reach a cluster.
        planned = list(_all_planned(ready, choice, manner, errors))
        with _crew(manner, sum(len(one.seeds) for one in planned)) as crew:
            for one, swept in _gathered(planned, crew, manner, limits, errors):
                done.append(one.loaded.scenario.name)
                made = make(swept, one.all_seeds)
                if made is not None:
                    results.append(made)
        if not limits.goes_on():
            _tell_time_is_up(ready, done)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told, with its code, below what is finished
        errors.append(error)
    return results, errors


def _all_planned(
    ready: Sequence[Ready], choice: Choice, manner: Manner, errors: list[BaseException]
) -> Iterator[_Planned]:
    for loaded, prepared in ready:
        all_seeds = choice.among(loaded.scenario.seeds)
        seeds = all_seeds if manner.part is None else manner.part.seeds(all_seeds)
        exploration = wanted(loaded.scenario, asked=manner.explore)
        try:
            plans = None if exploration is None else plans_of(loaded, prepared, seeds, exploration)
        except ScenarioError as error:
            errors.append(error)
        else:
            yield _Planned(loaded, prepared, all_seeds, seeds, plans)


def _crew(manner: Manner, seeds: int) -> AbstractContextManager[Crew]:
    if manner.cluster is not None:
        return Cluster(manner.cluster)
    cores = min(len(os.sched_getaffinity(0)), seeds // SEEDS_OF_A_WORKER)
    workers = cores if manner.jobs is None else manner.jobs
    return Processes(workers) if workers > 1 else nullcontext(Here())


def _gathered(
    planned: Sequence[_Planned],
    crew: Crew,
    manner: Manner,
    limits: Limits,
    errors: list[BaseException],
) -> Iterator[tuple[_Planned, Swept]]:
    """Hand everything out, then gather scenario by scenario, until all are done or somebody has had enough."""
    verify = manner.verify if manner.part is None else manner.part.verify(manner.verify)
    sweeps = [
        start_sweep(
            one.loaded,
            one.prepared,
            one.seeds,
            plans=one.plans,
            crew=crew,
            verify=verify,
            today=manner.today,
        )
        for one in planned
    ]
    for one, sweep in zip(planned, sweeps, strict=True):
        try:
            with (told_as_events if manner.as_events else progress)(one.loaded.scenario.name, len(one.seeds)) as done:
                swept = sweep.gather(limits, progress=done)
        except ScenarioError as error:
            errors.append(error)
            continue
        yield one, swept
        if sweep.interrupted:
            errors.append(KeyboardInterrupt())
        if sweep.interrupted or not limits.goes_on():
            return


@dataclass(frozen=True, slots=True)
class Ended:
    """A scenario that has run: what was gathered, its result, and its failing runs."""

    swept: Swept
    result: ScenarioResult
    capsules: Sequence[Capsule]


def as_result(swept: Swept, _all_seeds: Sequence[int] = ()) -> Ended | None:
    """What was gathered, merged; nothing when a limit came before the first seed."""
    if not swept.outcomes:
        return None
    return Ended(swept, result_of(swept), capsules_of(swept.loaded, swept.failing))


def as_told_result(swept: Swept, all_seeds: Sequence[int]) -> Ended | None:
    """The same, told as an event when it is there."""
    ended = as_result(swept, all_seeds)
    if ended is not None:
        tell_result(ended.result)
    return ended


def _tell_time_is_up(ready: Sequence[Ready], done: Sequence[str]) -> None:
    left = [loaded.scenario.name for loaded, _ in ready if loaded.scenario.name not in done]
    told = f"; not run: {', '.join(left)}" if left else ""
    click.echo(f"the time was up{told}", err=True)


def _until(time_limit_s: float | None) -> Callable[[], bool]:
    if time_limit_s is None:
        return lambda: True
    end_s = ambient.monotonic() + time_limit_s
    return lambda: ambient.monotonic() < end_s
