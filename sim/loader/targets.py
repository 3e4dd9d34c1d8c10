"""Whether the nodes that a scenario names exist in its flow (SCENARIOS 1.1, principle 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.loader.errors import ScenarioError
from sim.loader.words import unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.loader.errors import Problem
    from sim.loader.load import LoadedScenario
    from sim.model.scenario import Check, FaultBase


def check_targets(loaded: LoadedScenario, nodes: Sequence[str]) -> None:
    """Hold every `where.node` against the flow.

    Args:
        loaded: the scenario.
        nodes: names of the flow's nodes.

    Raises:
        ScenarioError: when a fault or a check names a node that the flow does not have.

    """
    scenario = loaded.scenario
    problems = [
        *_unknown_nodes(loaded, "faults", scenario.faults, nodes),
        *_unknown_nodes(loaded, "checks", scenario.checks, nodes),
    ]
    if problems:
        raise ScenarioError(problems)


def _unknown_nodes(
    loaded: LoadedScenario, section: str, entries: Sequence[FaultBase | Check], nodes: Sequence[str]
) -> Iterator[Problem]:
    for index, entry in enumerate(entries):
        if entry.where.node is not None and entry.where.node not in nodes:
            message, rule, fix = unknown("node", entry.where.node, nodes)
            yield loaded.problem(f"{section}[{index}].where.node", message, rule=rule, fix=fix)
