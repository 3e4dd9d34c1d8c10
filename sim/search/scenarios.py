"""Exploration of a scenario file: what its calls are, which plan each seed has, and what the runs come to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.harness import probe_calls
from sim.kernel.draws import Draws
from sim.loader import modules_of
from sim.model.explore import MODES, Explore
from sim.model.plan import Plan, PlanKind, Plans
from sim.search.plans import plan_for
from sim.search.singles import single_crashes, single_delays
from sim.usercode import user_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.loader import LoadedScenario
    from sim.model.explore import Mode
    from sim.model.plan import CallPoint
    from sim.model.prepared import Prepared
    from sim.model.scenario import Scenario

CALLS_OF_A_FAMILY_MAX = 8
"""Requests of a load are much alike, so some of each family's calls, spread over the run, stand for the rest."""
_KINDS: dict[Mode, PlanKind] = {
    "file": "baseline",
    "delay_points": "delay_points",
    "swarm": "swarm",
    "stall": "stall",
    "crash": "crash",
    "subset": "subset",
}


def wanted(scenario: Scenario, *, asked: bool) -> Explore | None:
    """How to explore, if at all: as the file says, or by all modes when a file that names none is asked to.

    Args:
        scenario: the file's content.
        asked: whether the command line asks for exploration.

    """
    explore = scenario.explore
    if not asked or (explore is not None and explore.explores):
        return explore
    return (explore or Explore()).model_copy(update={"modes": MODES})


def plans_of(loaded: LoadedScenario, prepared: Prepared, seeds: Sequence[int], explore: Explore) -> Plans:
    """The plan of each seed.

    The plans come from the calls of the file's first seed, run with the
    file's faults and nothing else, whichever seeds are asked for: one seed
    has one plan.

    Args:
        loaded: the scenario and the places in its file.
        prepared: the same with its code loaded.
        seeds: which seeds, in this order.
        explore: how seeds turn into plans.

    Raises:
        ScenarioError: the scenario's code cannot be driven, raises in its payload function, or ends the process.

    """
    probe_seed = prepared.scenario.seeds.first
    with modules_of(loaded.folder), user_errors(loaded):
        calls = representatives(probe_calls(prepared, probe_seed))
    faults = [fault.id for fault in prepared.scenario.faults]
    by_seed = {seed: scenario_plan(seed, calls, explore, faults) for seed in seeds}
    return Plans(tuple(explore.modes), probe_seed, calls, single_delays(calls), by_seed)


def scenario_plan(seed: int, calls: tuple[CallPoint, ...], explore: Explore, faults: Sequence[str] = ()) -> Plan:
    """The plan of `seed`: one of `explore.modes`, in turn, over the given calls and the faults of the file."""
    kinds: list[PlanKind] = [_KINDS[mode] for mode in explore.modes]
    if seed > 0 and kinds[(seed - 1) % len(kinds)] == "subset":
        return _subset(faults, Draws(seed))
    swarming = seed > 0 and kinds[(seed - 1) % len(kinds)] == "swarm"
    plan = plan_for(seed, leaves(calls) if swarming else calls, kinds, late_max=explore.late)
    draws = Draws(seed)
    if plan.kind == "baseline" or not explore.ties or _is_single(plan, calls):
        return plan
    return replace(plan, ties=1 + draws.u64("plan", "ties") % 1000) if draws.chance(0.5, "plan", "ties?") else plan


def _subset(faults: Sequence[str], draws: Draws) -> Plan:
    """Each fault acts or does not, at even odds; where all of them act, the run is that of the file."""
    off = {fault: 1 for fault in faults if draws.chance(0.5, "plan", "off", fault)}
    return Plan("subset", off=off) if off else Plan()


def _is_single(plan: Plan, calls: tuple[CallPoint, ...]) -> bool:
    """Whether a plan belongs to those that are tried one after the other: nothing is added to it."""
    return plan in single_delays(calls) or plan in single_crashes(calls)


def representatives(calls: Sequence[CallPoint]) -> tuple[CallPoint, ...]:
    """At most eight calls of each family, spread evenly over the run; the families take turns."""
    families: dict[str, list[CallPoint]] = {}
    for call in calls:
        families.setdefault(call.family, []).append(call)
    rows = [_spread(row) for row in families.values()]
    longest = max(map(len, rows), default=0)
    return tuple(row[turn] for turn in range(longest) for row in rows if turn < len(row))


def leaves(calls: Sequence[CallPoint]) -> tuple[CallPoint, ...]:
    """The calls that hold no others: a node's time is that of its tools, and is not to be multiplied twice."""
    holders = [call.family.partition("/")[0] for call in calls if "/" in call.family]
    return tuple(call for call in calls if call.family not in holders)


def _spread(row: Sequence[CallPoint]) -> list[CallPoint]:
    kept = min(len(row), CALLS_OF_A_FAMILY_MAX)
    return [row[position * len(row) // kept] for position in range(kept)]
