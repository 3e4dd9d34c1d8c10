"""What a result says of its exploration: which plan each seed had, and what shows the run again."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sim.model.plan import Plan
from sim.model.result import ExplorationResult, SeedPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.model.outcome import SeedOutcome
    from sim.model.plan import Plans
    from sim.model.scenario import Scenario


def scenario_sha256(scenario: Scenario) -> str:
    """What tells a scenario from a changed one, whatever its file looks like."""
    return sha256(scenario.model_dump_json(by_alias=True).encode()).hexdigest()


def exploration_of(scenario: Scenario, plans: Plans, outcomes: Sequence[SeedOutcome]) -> ExplorationResult:
    """The exploration of a sweep as its result shows it."""
    tried = [str(outcome.plan) for outcome in outcomes]
    return ExplorationResult(
        modes=plans.modes,
        probe_seed=plans.probe_seed,
        calls=len(plans.calls),
        singles=len(plans.singles),
        singles_tried=sum(str(single) in tried for single in plans.singles),
        python=outcomes[0].steps_digest.partition("-")[0],
        scenario_sha256=scenario_sha256(scenario),
        seeds=tuple(_seed_plan(outcome, outcome.plan or Plan()) for outcome in outcomes),
    )


def _sorted(value: Any) -> Any:
    """The same with its keys in the order that `result.json` has them in: a report made from it reads the same."""
    return dict(sorted(value.items())) if isinstance(value, dict) else value


def _seed_plan(outcome: SeedOutcome, plan: Plan) -> SeedPlan:
    return SeedPlan(
        seed=outcome.seed,
        mode="file" if plan.kind == "baseline" else plan.kind,
        plan={key: _sorted(value) for key, value in sorted(plan.as_dict().items()) if key != "kind"},
        digest=outcome.digest,
        steps_digest=outcome.steps_digest,
    )
