"""A job: a few seeds of one scenario, and what a worker does with it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from sim.checks.evaluate import evaluate_seed
from sim.checks.invariants import is_explored
from sim.harness import NOTHING_LATE, run_seed
from sim.loader import modules_of
from sim.prepare import prepare
from sim.usercode import user_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.loader import LoadedScenario
    from sim.model.outcome import SeedOutcome
    from sim.model.plan import Plan
    from sim.model.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Job:
    """Seeds to run and to judge, one after the other.

    Args:
        seeds: which.
        plans: what is late in each besides what the file's faults do; `None` where nothing is explored.
        twice: whether each seed runs a second time, to see whether it gives the same bytes.

    """

    seeds: tuple[int, ...]
    plans: tuple[Plan | None, ...]
    twice: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """One seed, judged.

    Args:
        outcome: what the sweep keeps of it.
        twice: whether it ran a second time.
        parting: the first different events of the two runs, side by side, empty where only the digests differ;
            `None` where they were the same, or there was one run only.

    """

    outcome: SeedOutcome
    twice: bool = False
    parting: str | None = None


def do(job: Job, loaded: LoadedScenario, prepared: Prepared) -> list[Judged]:
    """Run and judge the seeds of a job in this process.

    Raises:
        ScenarioError: the scenario's code cannot be driven, raises in its payload function, or ends the process.

    """
    with modules_of(loaded.folder), user_errors(loaded):
        return [_judged(prepared, seed, plan, job) for seed, plan in zip(job.seeds, job.plans, strict=True)]


# The scenarios that this process has been given jobs of, by what was sent; a worker is given the same one many times.
_prepared: dict[bytes, tuple[LoadedScenario, Prepared]] = {}


def do_sent(job: Job, sent: bytes) -> list[Judged]:
    """The same in another process, which gets the scenario as `packed` has made it."""
    if sent not in _prepared:
        loaded: LoadedScenario = pickle.loads(sent)  # noqa: S301 - made by `packed` in the process that hands out work
        _prepared[sent] = (loaded, prepare(loaded))
    return do(job, *_prepared[sent])


def packed(loaded: LoadedScenario) -> bytes:
    """A scenario for the way to another process."""
    return pickle.dumps(loaded)


def _judged(prepared: Prepared, seed: int, plan: Plan | None, job: Job) -> Judged:
    trail: list[str] = []
    outcome = judge_seed(prepared, seed, plan, trail if job.twice else None)
    if not job.twice:
        return Judged(outcome)
    second: list[str] = []
    again = run_seed(prepared, seed, plan=plan or NOTHING_LATE, trail=second)
    same = (again.digest, again.steps_digest) == (outcome.digest, outcome.steps_digest)
    return Judged(outcome, twice=True, parting=None if same else parting(trail, second))


def judge_seed(prepared: Prepared, seed: int, plan: Plan | None, trail: list[str] | None = None) -> SeedOutcome:
    """Run one seed, with its twin where a check needs one, and judge it.

    Args:
        prepared: the scenario.
        seed: the seed.
        plan: what is late besides what the faults do; `None` where nothing is explored.
        trail: gets one line for everything that happens.

    """
    scenario = prepared.scenario
    recording = run_seed(prepared, seed, plan=plan or NOTHING_LATE, trail=trail)
    twin_wanted = any(check.versus == "baseline" for check in scenario.checks) and not is_explored(plan)
    baseline = run_seed(prepared, seed, faults=False) if twin_wanted else None
    return evaluate_seed(scenario, recording, baseline, plan=plan, custom=prepared.checks)


def parting(first: Sequence[str], second: Sequence[str]) -> str:
    """The first different lines of two runs, side by side; empty where the digests alone tell them apart."""
    pairs = zip_longest(first, second, fillvalue="is over")
    return next((f"first run: {ours} | second run: {theirs}" for ours, theirs in pairs if ours != theirs), "")
