"""Whether what a scenario points at is there in its flow (SCENARIOS 1.1, principle 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.loader.document import dotted
from sim.loader.errors import ScenarioError
from sim.loader.words import unknown
from sim.model.faults import StoreErrorFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.loader.errors import Problem
    from sim.loader.load import LoadedScenario
    from sim.model.scenario import Check, FaultBase
    from sim.model.targets import Targets

INGRESS, EGRESS = "OpenSea", "Rookery"
"""How an edge names what lies before the first nodes and behind the last ones."""


def check_targets(loaded: LoadedScenario, targets: Targets) -> None:
    """Hold every `where`, and every node under `override`, against the flow.

    Args:
        loaded: the scenario.
        targets: what the flow has.

    Raises:
        ScenarioError: when the file points at a node, an edge or a tool that the flow does not have, or at an attempt
            that its node never makes.

    """
    scenario = loaded.scenario
    problems = [
        *_pointless(loaded, "faults", scenario.faults, targets),
        *_pointless(loaded, "checks", scenario.checks, targets),
        *(problem for fault in scenario.faults for problem in _without_store(loaded, fault, targets)),
        *_unknown_effects(loaded, targets.nodes),
        *_unknown_overridden(loaded, targets.nodes),
    ]
    if problems:
        raise ScenarioError(problems)


def _pointless(
    loaded: LoadedScenario, section: str, entries: Sequence[FaultBase | Check], targets: Targets
) -> Iterator[Problem]:
    for index, entry in enumerate(entries):
        where, place = entry.where, f"{section}[{index}].where"
        known = {"node": targets.nodes, "edge": _edges(targets)}
        if targets.tools:  # those of a flow are not known before it calls them
            known["tool"] = targets.tools
        for key, names in known.items():
            name = getattr(where, key, None)
            if name is not None and _spaceless(name) not in names:
                message, rule, fix = unknown(key, name, names)
                yield loaded.problem(f"{place}.{key}", message, rule=rule, fix=fix)
        yield from _late_attempt(loaded, place, entry, targets)


def _spaceless(name: str) -> str:
    return "->".join(part.strip() for part in name.split("->"))


def _edges(targets: Targets) -> tuple[str, ...]:
    """Every edge, those into the flow and out of it included, as a scenario writes them."""
    inner = [f"{source}->{target}" for source, target in targets.edges]
    sources, ends = ({edge[side] for edge in targets.edges} for side in (0, 1))
    entries = [f"{INGRESS}->{node}" for node in targets.nodes if node not in ends]
    return (*inner, *entries, *(f"{node}->{EGRESS}" for node in targets.nodes if node not in sources))


def _late_attempt(loaded: LoadedScenario, place: str, entry: FaultBase | Check, targets: Targets) -> Iterator[Problem]:
    """An attempt that is never made: a node without retries has one only."""
    attempt, node = entry.where.attempt, entry.where.node
    limits = targets.limits.get(node or "")
    if attempt is None or limits is None or attempt <= limits.max_retries + 1:
        return
    last = limits.max_retries + 1
    message, rule = f"{node} never makes attempt {attempt}", f"with max_retries={limits.max_retries} it makes {last}"
    yield loaded.problem(f"{place}.attempt", message, rule=rule, fix=f"write {last}")


def _without_store(loaded: LoadedScenario, fault: FaultBase, targets: Targets) -> Iterator[Problem]:
    if isinstance(fault, StoreErrorFault) and fault.op != "publish" and not targets.store:
        index = loaded.scenario.faults.index(fault)
        message, rule = "the flow has no store", "it hits a flow that was made with one"
        yield loaded.problem(f"faults[{index}].kind", message, rule=rule, fix="create(..., state_store=world.store)")


def _unknown_effects(loaded: LoadedScenario, nodes: Sequence[str]) -> Iterator[Problem]:
    for index, effect in enumerate(loaded.scenario.world.effects):
        if effect.node not in nodes:
            message, rule, fix = unknown("node", effect.node, nodes)
            yield loaded.problem(f"world.effects[{index}].node", message, rule=rule, fix=fix)


def _unknown_overridden(loaded: LoadedScenario, nodes: Sequence[str]) -> Iterator[Problem]:
    for name in loaded.scenario.override.nodes:
        if name not in nodes:
            message, rule, fix = unknown("node", name, nodes)
            yield loaded.problem(dotted(("override", "nodes", name)), message, rule=rule, fix=fix)
