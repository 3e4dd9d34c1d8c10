"""The sweeps of one command: all scenarios are handed out, then gathered one after the other."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from penguiflow import ambient
from sim.loader import ScenarioError
from sim.search.scenarios import plans_of, wanted
from sim.sweep import Here, Limits, Processes, start_sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.model.result import ScenarioResult
    from sim.model.scenario import Seeds
    from sim.sweep import Crew, Sweep

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

    """

    explore: bool = False
    verify: int = 1
    failures: int | None = None
    time_limit_s: float | None = None


Ready = tuple["LoadedScenario", "Prepared"]


def crew_of(jobs: int | None, seeds: int) -> AbstractContextManager[Crew]:
    """Who does the work.

    Args:
        jobs: how many processes; `None` for one a core, and none besides this one where there are few seeds.
        seeds: how many seeds there are to run.

    """
    workers = min(len(os.sched_getaffinity(0)), seeds // SEEDS_OF_A_WORKER) if jobs is None else jobs
    return Processes(workers) if workers > 1 else nullcontext(Here())


def sweep_all(
    ready: Sequence[Ready], choice: Choice, crew: Crew, manner: Manner
) -> tuple[list[ScenarioResult], list[BaseException]]:
    """What the scenarios gave, and what kept others from giving anything: one's own errors stop no other."""
    results: list[ScenarioResult] = []
    errors: list[BaseException] = []
    limits = Limits(manner.failures, _until(manner.time_limit_s))
    try:
        begun = [_begun(one, choice.among(one[0].scenario.seeds), crew, manner) for one in ready]
        for (loaded, _), sweep in zip(ready, begun, strict=True):
            if isinstance(sweep, ScenarioError):
                errors.append(sweep)
                continue
            try:
                result = _finished(loaded, len(choice.among(loaded.scenario.seeds)), sweep, limits)
            except ScenarioError as error:
                errors.append(error)
                continue
            if result is not None:
                results.append(result)
            if sweep.interrupted:
                errors.append(KeyboardInterrupt())
                break
            if not limits.goes_on():
                _tell_time_is_up(ready, results)
                break
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told, with its code, below what is finished
        errors.append(error)
    return results, errors


def _begun(one: Ready, seeds: Sequence[int], crew: Crew, manner: Manner) -> Sweep | ScenarioError:
    loaded, prepared = one
    exploration = wanted(loaded.scenario, asked=manner.explore)
    try:
        plans = None if exploration is None else plans_of(loaded, prepared, seeds, exploration)
    except ScenarioError as error:
        return error
    return start_sweep(loaded, prepared, seeds, plans=plans, crew=crew, verify=manner.verify)


def _finished(loaded: LoadedScenario, seeds: int, sweep: Sweep, limits: Limits) -> ScenarioResult | None:
    label = f"{loaded.scenario.name}, {seeds} seeds"
    with click.progressbar(length=seeds, label=label, file=sys.stderr) as bar:
        return sweep.finish(limits, progress=lambda _seed: bar.update(1))


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
