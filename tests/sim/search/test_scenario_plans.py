"""Seeds of a scenario file become plans."""

from itertools import combinations

import pytest

from sim.model.explore import MODES, Explore
from sim.model.plan import CallPoint, Plan
from sim.model.scenario import Scenario
from sim.search.scenarios import leaves, representatives, scenario_plan, wanted

CALLS = (
    CallPoint("pay/charge@load-0#1", "pay/charge", 20_000, (500_000,)),
    CallPoint("pay@load-0#1", "pay", 20_000, (500_000,)),
    CallPoint("ship@load-0#1", "ship", 40_000),
)
ALL = Explore(modes=MODES)
FAULTS = ("slow", "down", "storm")


def described(**fields):
    load = {"stages": [{"for": "1s", "rate": "1/s"}]}
    return Scenario.model_validate(
        {"schema": "penguiflow.sim/1", "name": "one", "flow": "some:flow", "load": load, **fields}
    )


def test_seeds_take_turns_with_the_modes():
    """Six modes in a row, and then the first of them again."""
    kinds = [scenario_plan(seed, CALLS, ALL, FAULTS).kind for seed in range(7, 14)]
    assert kinds == ["baseline", "delay_points", "swarm", "stall", "crash", "subset", "baseline"]


def test_each_seed_draws_its_own_faults():
    """In a subset every fault is off about half of the time, alone or with others, and a new fault changes no draw."""
    subsets = Explore(modes=("subset",))
    off = [frozenset(scenario_plan(seed, CALLS, subsets, FAULTS).off) for seed in range(1, 201)]
    assert set(off) == {frozenset(some) for size in range(4) for some in combinations(FAULTS, size)}
    assert all(70 < sum(fault in some for some in off) < 130 for fault in FAULTS)
    more = [frozenset(scenario_plan(seed, CALLS, subsets, (*FAULTS, "new")).off) - {"new"} for seed in range(1, 201)]
    assert more == off
    assert scenario_plan(1, CALLS, subsets).kind == "baseline"  # a file without faults has nothing to leave out


def test_no_more_calls_are_late_than_the_file_allows():
    """`late: 1` makes one call late in every run of `delay_points`."""
    one = Explore(modes=("delay_points",), late=1)
    plans = [scenario_plan(seed, CALLS, one) for seed in range(1, 60)]
    assert {len(plan.late) + len(plan.takes_us) for plan in plans} == {1}


def test_ties_stay_in_order_where_the_file_says_so():
    """`ties: false` leaves timers of one instant in their order, and without it some runs shuffle them."""
    stalls = Explore(modes=("stall",))
    assert any(scenario_plan(seed, CALLS, stalls).ties for seed in range(1, 20))
    still = stalls.model_copy(update={"ties": False})
    assert not any(scenario_plan(seed, CALLS, still).ties for seed in range(1, 20))


def test_the_time_of_a_tool_is_not_multiplied_twice():
    """A swarm slows the tools of a node and not the node around them."""
    assert [call.family for call in leaves(CALLS)] == ["pay/charge", "ship"]


def test_some_calls_of_each_family_stand_for_a_long_load():
    """Of a hundred calls of one family eight are kept, from all over the run, and the families take turns."""
    many = [CallPoint(f"{family}@load-{n}#1", family, 1_000) for family in ("pay", "ship") for n in range(100)]
    kept = representatives(many)
    assert len(kept) == 16
    assert [call.family for call in kept[:4]] == ["pay", "ship", "pay", "ship"]
    assert kept[-1].address == "ship@load-87#1"


@pytest.mark.parametrize(
    ("explore", "asked", "modes"),
    [
        (None, False, None),
        (None, True, MODES),
        ({"modes": ["file"]}, True, MODES),
        ({"modes": ["stall"]}, True, ("stall",)),
        ({"modes": ["stall"]}, False, ("stall",)),
    ],
)
def test_the_file_says_how_to_explore_and_the_command_asks_for_it(explore, asked, modes):
    """A file's own modes hold with and without `--explore`; a file without any gets all of them when asked."""
    chosen = wanted(described(**({} if explore is None else {"explore": explore})), asked=asked)
    assert (None if chosen is None else chosen.modes) == modes


def test_nothing_is_late_without_calls():
    """A flow that calls nothing has nothing that could be late."""
    assert scenario_plan(3, (), ALL) == Plan()
