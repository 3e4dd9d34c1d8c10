"""The seeds of one scenario handed out, and gathered into one result in their order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from sim.checks.verdicts import merge
from sim.loader import declared_properties
from sim.sweep.crews import Crew, Here
from sim.sweep.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from sim.loader import LoadedScenario
    from sim.model.outcome import CheckOutcome, SeedOutcome
    from sim.model.plan import Plans
    from sim.model.prepared import Prepared
    from sim.model.properties import DeclaredProperty
    from sim.model.result import ScenarioResult
    from sim.model.scenario import Scenario
    from sim.sweep.jobs import Judged

SEEDS_OF_A_JOB_MAX = 16
_JOBS_OF_A_WORKER = 4  # at least, where there are seeds enough: the last job of all should not be a long one


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Limits:
    """When a sweep ends before its last seed.

    Args:
        failures: after so many seeds that fail, counted in the order of the seeds, so that it does not matter
            which were quickest; `None` for all seeds.
        goes_on: asked after each seed; false when the time is up.

    """

    failures: int | None = None
    goes_on: Callable[[], bool] = _always


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep has gathered of one scenario: all that its result is made of.

    Args:
        loaded: the scenario and the places in its file.
        outcomes: one a seed, in the order of the sweep.
        twice: for each seed that ran twice, where its runs part; `None` where they were the same.
        plans: what is late in each seed; `None` where nothing is explored.
        stopped: why the sweep ended before its last seed; empty where it did not.
        declared: the properties that stand in the text of the code.
        today: the day to hold the dates of known failures against; `None` where none is past.

    """

    loaded: LoadedScenario
    outcomes: tuple[SeedOutcome, ...]
    twice: Mapping[int, str | None]
    plans: Plans | None
    stopped: str
    declared: tuple[DeclaredProperty, ...]
    today: date | None

    @property
    def failing(self) -> tuple[SeedOutcome, ...]:
        """The seeds that broke a promise which counts."""
        return tuple(outcome for outcome in self.outcomes if _fails(self.loaded.scenario, outcome))


def result_of(swept: Swept) -> ScenarioResult:
    """The seeds merged."""
    loaded = swept.loaded
    return merge(
        loaded.scenario,
        swept.outcomes,
        file=loaded.file,
        lines=loaded.own_lines,
        twice=swept.twice,
        plans=swept.plans,
        stopped=swept.stopped,
        declared=swept.declared,
        today=swept.today,
    )


class Sweep:
    """A sweep under way.

    Args:
        loaded: the scenario and the places in its file.
        plans: what is late in each seed; `None` where nothing is explored.
        judged: what the crew gives, job by job.
        today: the day to hold the dates of known failures against; `None` where none is past.

    Attributes:
        interrupted: whether somebody pressed Ctrl-C while it was gathered.
        failing: the seeds that broke a promise which counts, once they are gathered.

    """

    def __init__(
        self,
        loaded: LoadedScenario,
        plans: Plans | None,
        judged: Iterator[list[Judged]],
        today: date | None = None,
    ) -> None:
        self.interrupted = False
        self._loaded = loaded
        self._plans = plans
        self._judged = judged
        self._today = today

    def finish(
        self, limits: Limits | None = None, *, progress: Callable[[int], None] = lambda _seed: None
    ) -> ScenarioResult | None:
        """Gather the seeds in their order, and merge them; nothing when a limit came before the first.

        Args:
            limits: when to end early.
            progress: called with each seed that was taken in.

        Raises:
            ScenarioError: the scenario's code cannot be driven, raises in its payload function, or ends the process.
            WorkerLostError: a worker process ended in the same job twice.

        """
        swept = self.gather(limits, progress=progress)
        return result_of(swept) if swept.outcomes else None

    def gather(self, limits: Limits | None = None, *, progress: Callable[[int], None] = lambda _seed: None) -> Swept:
        """The same seeds, not merged yet; raises the same."""
        taken, stopped = self._take(limits or Limits(), progress)
        return Swept(
            self._loaded,
            tuple(one.outcome for one in taken),
            twice={one.outcome.seed: one.parting for one in taken if one.twice},
            plans=self._plans,
            stopped=stopped,
            declared=declared_properties(self._loaded.folder),
            today=self._today,
        )

    def _take(self, limits: Limits, progress: Callable[[int], None]) -> tuple[list[Judged], str]:
        """The seeds up to a limit, and which it was."""
        taken: list[Judged] = []
        failures = 0
        try:
            for one in chain.from_iterable(self._judged):
                taken.append(one)
                progress(one.outcome.seed)
                failures += _fails(self._loaded.scenario, one.outcome)
                if failures == limits.failures:
                    return taken, f"{failures} seeds failed" if failures > 1 else "a seed failed"
                if not limits.goes_on():
                    return taken, "the time was up"
        except KeyboardInterrupt:
            self.interrupted = True
            return taken, "interrupted"
        return taken, ""


def start_sweep(
    loaded: LoadedScenario,
    prepared: Prepared,
    seeds: Sequence[int],
    *,
    plans: Plans | None = None,
    crew: Crew | None = None,
    verify: int = 1,
    today: date | None = None,
) -> Sweep:
    """Hand the seeds of a scenario out.

    Args:
        loaded: the scenario and the places in its file.
        prepared: the same with its code loaded.
        seeds: which seeds, in this order.
        plans: what is late in each seed besides what the file's faults do; `None` to explore nothing.
        crew: who does the work; this process without one.
        verify: so many seeds, the first ones, run twice: the same seed has to give the same bytes.
        today: the day to hold the dates of known failures against; `None` where none is past.

    """
    crew = crew or Here()
    size = max(1, min(SEEDS_OF_A_JOB_MAX, len(seeds) // (crew.workers * _JOBS_OF_A_WORKER)))
    jobs = [_job(seeds[start : start + 1], plans, twice=True) for start in range(min(verify, len(seeds)))]
    jobs += [_job(seeds[start : start + size], plans) for start in range(verify, len(seeds), size)]
    return Sweep(loaded, plans, crew.start(jobs, loaded, prepared), today)


def run_scenario(
    loaded: LoadedScenario, prepared: Prepared, seeds: Sequence[int], *, plans: Plans | None = None
) -> ScenarioResult:
    """Run every seed here, the first one twice, and give the result.

    Args:
        loaded: the scenario and the places in its file.
        prepared: the same with its code loaded.
        seeds: which seeds, in this order; at least one.
        plans: what is late in each seed; `None` to explore nothing.

    Raises:
        ScenarioError: the scenario's code cannot be driven, raises in its payload function, or ends the process.
        ValueError: there is no seed.

    """
    result = start_sweep(loaded, prepared, seeds, plans=plans).finish()
    if result is None:
        raise ValueError(f"{loaded.scenario.name} has no seed to run; a sweep has one or more; pass seeds=[1]")
    return result


def _job(seeds: Sequence[int], plans: Plans | None, *, twice: bool = False) -> Job:
    return Job(tuple(seeds), tuple(None if plans is None else plans.by_seed[seed] for seed in seeds), twice)


def _fails(scenario: Scenario, outcome: SeedOutcome) -> bool:
    return bool(broken_promises(scenario, outcome))


def broken_promises(scenario: Scenario, outcome: SeedOutcome) -> list[CheckOutcome]:
    """The promises that a seed breaks, that count, and that are neither expected nor known to be broken."""
    excused = [*(expect.check for expect in scenario.expect), *(known.check for known in scenario.known)]
    excused += [check.id for check in scenario.checks if check.severity == "warn"]
    return [check for check in outcome.checks if check.verdict == "fail" and check.id not in excused]
