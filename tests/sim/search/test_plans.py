"""Which plans seeds turn into, and what a plan may say."""

import json

import pytest

from sim.model.plan import CallPoint, Plan, PlanError, plan_from
from sim.search import DEFAULT_KINDS, plan_for, single_delays

CALLS = (
    CallPoint("charge#1", "charge", 10_000, deadlines_us=(300_000,)),
    CallPoint("charge#2", "charge", 10_000),
    CallPoint("mail#1", "mail", 5_000, can_fail=True),
)


def test_a_seed_has_one_plan():
    """The same seed and calls give the same plan, and seed 0 changes nothing."""
    plans = [plan_for(seed, CALLS) for seed in range(200)]
    assert plans == [plan_for(seed, list(CALLS)) for seed in range(200)]
    assert plans[0] == Plan()


def test_every_kind_gets_its_turn():
    """The default kinds all occur, and a crash only when it is asked for."""
    kinds = [plan_for(seed, CALLS).kind for seed in range(1, 200)]
    assert set(kinds) == set(DEFAULT_KINDS)
    assert plan_for(1, CALLS, ["crash"]).crash


def test_plans_hold_few_integers():
    """A plan is a short dict of whole numbers that JSON gives back as it was."""
    for seed in range(200):
        plan = plan_for(seed, CALLS)
        written = plan.as_dict()
        assert plan_from(json.loads(json.dumps(written))) == plan
        numbers = [n for value in written.values() if isinstance(value, dict) for n in value.values()]
        assert len(numbers) <= 4
        assert all(type(number) is int for number in numbers)


def test_all_single_delays_are_tried():
    """Enough seeds run every plan with one late call: that is a proof for these multipliers."""
    singles = single_delays(CALLS)
    tried = [plan_for(seed, CALLS, ["delay_points"]) for seed in range(1, 2 * len(singles))]
    assert len(singles) == 3 * 5 + 3
    assert all(single in tried for single in singles)


def test_deadlines_are_met_on_both_sides():
    """A pending timeout gives answers just before it, just after it, and exactly at it."""
    around = [plan.takes_us["charge#1"] for plan in single_delays(CALLS) if plan.takes_us]
    assert around == [299_999, 300_001, 300_000]


def test_kinds_that_do_not_apply_give_way():
    """Where no call can fail, the turn of `fail` goes to late calls."""
    sturdy = CALLS[:2]
    assert {plan_for(seed, sturdy, ["fail"]).kind for seed in range(1, 50)} == {"delay_points"}


def test_no_calls_no_plan():
    """A program that calls nothing has nothing that could be late."""
    assert plan_for(17, ()) == Plan()


def test_another_call_seldom_changes_the_choice():
    """Calls are chosen by a draw at their own address: an unrelated call leaves most plans as they were."""
    calls = tuple(CallPoint(f"call{index}#1", f"call{index}", 1000) for index in range(20))
    edited = (*calls, CallPoint("telemetry#1", "telemetry", 1000))
    pairs = [(plan_for(seed, calls, ["stall"]), plan_for(seed, edited, ["stall"])) for seed in range(1, 401)]
    assert sum(before == after for before, after in pairs) > 340


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"slow": {"charge#1": 8}}, r"plan says 'slow'; a plan says kind, late"),
        ({"kind": "chaos"}, r"plan has kind 'chaos'; the kinds are baseline, delay_points"),
        ({"late": 8}, r"plan has late = 8; late is a dict"),
        ({"ties": {"charge#1": 8}}, r"plan has ties = .*; ties is one number"),
        ({"late": {"charge#1": 0.5}}, r"plan has late\['charge#1'\] = 0\.5; numbers in a plan are whole"),
        ({"late": {"charge#1": True}}, r"plan has late\['charge#1'\] = True"),
        ({"ties": -1}, r"plan has ties = -1; numbers in a plan are whole and above zero"),
    ],
)
def test_wrong_plans_are_refused(written, message):
    """A plan written by hand is refused with the key, the value and the rule."""
    with pytest.raises(PlanError, match=message):
        plan_from(written)
