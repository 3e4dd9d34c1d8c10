"""The sweeps of one command: all scenarios are handed out, then gathered one after the other."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from penguiflow import ambient
from sim.capsules import capsules_of
from sim.cli.events import tell_result, told_as_events
from sim.cli.progress import progress
from sim.loader import ScenarioError
from sim.search.scenarios import plans_of, wanted
from sim.sweep import Cluster, Here, Limits, Processes, start_sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from sim.loader import LoadedScenario
    from sim.model.capsule import Capsule
    from sim.model.plan import Plans
    from sim.model.prepared import Prepared
    from sim.model.result import ScenarioResult
    from sim.model.scenario import Seeds
    from sim.sweep import Crew

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

    """

    explore: bool = False
    verify: int = 1
    failures: int | None = None
    time_limit_s: float | None = None
    jobs: int | None = None
    cluster: str | None = None
    as_events: bool = False
    today: date | None = None


Ready = tuple["LoadedScenario", "Prepared"]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A scenario, its seeds, and the plan of each."""

    loaded: LoadedScenario
    prepared: Prepared
    seeds: Sequence[int]
    plans: Plans | None


def sweep_all(
    ready: Sequence[Ready], choice: Choice, manner: Manner
) -> tuple[list[ScenarioResult], list[Capsule], list[BaseException]]:
    """What the scenarios gave, their failing runs, and what kept others from giving anything.

    The errors of one scenario stop no other.
    """
    results: list[ScenarioResult] = []
    capsules: list[Capsule] = []
    errors: list[BaseException] = []
    limits = Limits(manner.failures, _until(manner.time_limit_s))
    try:
        # All plans come first: they need runs here, and in a run nothing else of the process can reach a cluster.
        planned = list(_all_planned(ready, choice, manner, errors))
        with _crew(manner, sum(len(one.seeds) for one in planned)) as crew:
            for result, saved in _gathered(planned, crew, manner, limits, errors):
                results.append(result)
                capsules += saved
        if not limits.goes_on():
            _tell_time_is_up(ready, results)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told, with its code, below what is finished
        errors.append(error)
    return results, capsules, errors


def _all_planned(
    ready: Sequence[Ready], choice: Choice, manner: Manner, errors: list[BaseException]
) -> Iterator[_Planned]:
    for loaded, prepared in ready:
        seeds = choice.among(loaded.scenario.seeds)
        exploration = wanted(loaded.scenario, asked=manner.explore)
        try:
            plans = None if exploration is None else plans_of(loaded, prepared, seeds, exploration)
        except ScenarioError as error:
            errors.append(error)
        else:
            yield _Planned(loaded, prepared, seeds, plans)


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
) -> Iterator[tuple[ScenarioResult, list[Capsule]]]:
    """Hand everything out, then gather scenario by scenario, until all are done or somebody has had enough."""
    sweeps = [
        start_sweep(
            one.loaded,
            one.prepared,
            one.seeds,
            plans=one.plans,
            crew=crew,
            verify=manner.verify,
            today=manner.today,
        )
        for one in planned
    ]
    for one, sweep in zip(planned, sweeps, strict=True):
        try:
            with (told_as_events if manner.as_events else progress)(one.loaded.scenario.name, len(one.seeds)) as done:
                result = sweep.finish(limits, progress=done)
        except ScenarioError as error:
            errors.append(error)
            continue
        if result is not None:
            if manner.as_events:
                tell_result(result)
            yield result, capsules_of(one.loaded, sweep.failing)
        if sweep.interrupted:
            errors.append(KeyboardInterrupt())
        if sweep.interrupted or not limits.goes_on():
            return


def _tell_time_is_up(ready: Sequence[Ready], results: Sequence[ScenarioResult]) -> None:
    done = [result.name for result in results]
    left = [loaded.scenario.name for loaded, _ in ready if loaded.scenario.name not in done]
    told = f"; not run: {', '.join(left)}" if left else ""
    click.echo(f"the time was up{told}", err=True)


def _until(time_limit_s: float | None) -> Callable[[], bool]:
    if time_limit_s is None:
        return lambda: True
    end_s = ambient.monotonic() + time_limit_s
    return lambda: ambient.monotonic() < end_s
