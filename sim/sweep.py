"""Many seeds of one scenario, one after the other, merged into one result."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from sim.checks.evaluate import evaluate_seed
from sim.checks.invariants import is_explored
from sim.checks.verdicts import merge
from sim.harness import NOTHING_LATE, run_seed
from sim.loader import modules_of
from sim.usercode import user_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.checks.evaluate import SeedOutcome
    from sim.loader import LoadedScenario
    from sim.model.plan import Plan, Plans
    from sim.model.prepared import Prepared
    from sim.model.result import ScenarioResult


def run_scenario(
    loaded: LoadedScenario,
    prepared: Prepared,
    seeds: Sequence[int],
    *,
    progress: Callable[[int], None] = lambda _seed: None,
    plans: Plans | None = None,
) -> ScenarioResult:
    """Run every seed, the first one twice: the same seed has to give the same bytes.

    Args:
        loaded: the scenario and the places in its file.
        prepared: the same with its code loaded.
        seeds: which seeds, in this order.
        progress: called with each seed when it is done.
        plans: what is late in each seed besides what the file's faults do; `None` to explore nothing.

    Raises:
        ScenarioError: the scenario's code cannot be driven, raises in its payload function, or ends the process.

    """
    outcomes: list[SeedOutcome] = []
    trail: list[str] = []
    with modules_of(loaded.folder), user_errors(loaded):
        for seed in seeds:
            outcomes.append(
                _one_seed(prepared, seed, None if plans is None else plans.by_seed[seed], None if outcomes else trail)
            )
            progress(seed)
        again: list[str] = []
        deterministic = _repeats(prepared, outcomes[0], again)
    lines = {path: line for path, (line, _column) in loaded.lines.items()}
    return merge(
        prepared.scenario,
        outcomes,
        file=loaded.file,
        lines=lines,
        deterministic=deterministic,
        parting="" if deterministic else _parting(trail, again),
        plans=plans,
    )


def _one_seed(prepared: Prepared, seed: int, plan: Plan | None, trail: list[str] | None) -> SeedOutcome:
    scenario = prepared.scenario
    recording = run_seed(prepared, seed, plan=plan or NOTHING_LATE, trail=trail)
    twin_wanted = any(check.versus == "baseline" for check in scenario.checks) and not is_explored(plan)
    baseline = run_seed(prepared, seed, faults=False) if twin_wanted else None
    return evaluate_seed(scenario, recording, baseline, plan=plan)


def _repeats(prepared: Prepared, outcome: SeedOutcome, trail: list[str]) -> bool:
    """Whether the same seed under the same plan gives the same bytes again, step by step."""
    again = run_seed(prepared, outcome.seed, plan=outcome.plan or NOTHING_LATE, trail=trail)
    return (again.digest, again.steps_digest) == (outcome.digest, outcome.steps_digest)


def _parting(first: Sequence[str], second: Sequence[str]) -> str:
    """The first different lines of two runs, side by side; empty where the digests alone tell them apart."""
    pairs = zip_longest(first, second, fillvalue="is over")
    return next((f"first run: {ours} | second run: {theirs}" for ours, theirs in pairs if ours != theirs), "")
