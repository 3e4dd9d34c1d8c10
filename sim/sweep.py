"""Many seeds of one scenario, one after the other, merged into one result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.evaluate import evaluate_seed
from sim.checks.verdicts import merge
from sim.harness import run_seed
from sim.loader import modules_of
from sim.usercode import user_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.checks.evaluate import SeedOutcome
    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.model.result import ScenarioResult


def run_scenario(
    loaded: LoadedScenario,
    prepared: Prepared,
    seeds: Sequence[int],
    *,
    progress: Callable[[int], None] = lambda _seed: None,
) -> ScenarioResult:
    """Run every seed, the first one twice: the same seed has to give the same bytes.

    Args:
        loaded: the scenario and the places in its file.
        prepared: the same with its code loaded.
        seeds: which seeds, in this order.
        progress: called with each seed when it is done.

    Raises:
        ScenarioError: the scenario's code cannot be driven, raises in its payload function, or ends the process.

    """
    outcomes = []
    with modules_of(loaded.folder), user_errors(loaded):
        for seed in seeds:
            outcomes.append(_one_seed(prepared, seed))
            progress(seed)
        deterministic = run_seed(prepared, seeds[0]).digest == outcomes[0].digest
    lines = {path: line for path, (line, _column) in loaded.lines.items()}
    return merge(prepared.scenario, outcomes, file=loaded.file, lines=lines, deterministic=deterministic)


def _one_seed(prepared: Prepared, seed: int) -> SeedOutcome:
    scenario = prepared.scenario
    recording = run_seed(prepared, seed)
    twin_wanted = any(check.versus == "baseline" for check in scenario.checks)
    baseline = run_seed(prepared, seed, faults=False) if twin_wanted else None
    return evaluate_seed(scenario, recording, baseline)
