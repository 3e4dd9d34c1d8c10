"""When requests arrive, and from whom."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from sim.kernel.draws import Draws
from sim.load import Arrival, RecordedRow, choose_tenant, planned
from sim.model.scenario import Scenario, Tenant


def scenario(*stages, arrival="constant", tenants=None, load=None) -> Scenario:
    return Scenario.model_validate(
        {
            "schema": "penguiflow.sim/1",
            "name": "load",
            "flow": "shop.flows:build",
            "tenants": tenants or {"acme": {}},
            "load": load or {"arrival": arrival, "stages": [{"for": for_, "rate": rate} for for_, rate in stages]},
        }
    )


def times(*stages, arrival="constant", seed=1) -> list[float]:
    return [one.at_s for one in planned(scenario(*stages, arrival=arrival), Draws(seed))]


def test_constant_arrivals_are_evenly_spaced():
    """A constant rate places arrivals at exact distances from the start of its stage."""
    assert times(("2s", "2/s")) == [0.0, 0.5, 1.0, 1.5]


def test_stages_follow_each_other():
    """The second stage starts where the first one ends, at its own rate."""
    assert times(("1s", "2/s"), ("1s", "4/s")) == [0.0, 0.5, 1.0, 1.25, 1.5, 1.75]


def test_a_stage_of_rate_zero_is_a_pause():
    """No request arrives while the rate is zero, whatever the spread."""
    assert times(("1s", "1/s"), ("5s", "0/s"), ("1s", "1/s")) == [0.0, 6.0]
    assert times(("5s", "0/s"), arrival="poisson") == []


def test_a_stage_shorter_than_one_gap_has_one_arrival():
    """Constant load starts with an arrival, however short the stage."""
    assert times(("1ms", "1/s")) == [0.0]


def test_a_crooked_rate_keeps_its_count():
    """A rate without an exact binary form has neither one arrival too many nor one too few."""
    assert len(times(("100s", "90/m"))) == 150
    assert len(times(("30s", "0.3/s"))) == 9


def test_poisson_arrivals_have_the_rate_on_average():
    """Over a long stage, the number of Poisson arrivals is near the rate times the length."""
    assert 3800 < len(times(("200s", "20/s"), arrival="poisson")) < 4200


def test_poisson_gaps_vary_like_an_exponential():
    """About 1/e of Poisson gaps are longer than the mean, as the exponential distribution has it."""
    gaps = [later - earlier for earlier, later in pairwise(times(("200s", "20/s"), arrival="poisson"))]
    assert 0.33 < sum(gap > 0.05 for gap in gaps) / len(gaps) < 0.41


def test_arrivals_are_sorted_and_numbered():
    """Indices and orders count up in the order of time, to the microsecond."""
    arrivals = planned(scenario(("5s", "50/s"), ("5s", "10/s"), arrival="poisson"), Draws(3))
    assert [one.at_s for one in arrivals] == sorted(round(one.at_s, 6) for one in arrivals)
    assert [(one.index, one.order) for one in arrivals] == [(n, f"order-{n}") for n in range(len(arrivals))]


def test_the_same_seed_gives_the_same_arrivals():
    """Arrivals are a function of scenario and seed."""
    assert times(("9s", "9/s"), arrival="poisson", seed=5) == times(("9s", "9/s"), arrival="poisson", seed=5)
    assert times(("9s", "9/s"), arrival="poisson", seed=5) != times(("9s", "9/s"), arrival="poisson", seed=6)


def test_a_change_of_one_stage_leaves_the_others_draws():
    """Doubling the first stage's rate moves no arrival of the second."""
    slow = times(("10s", "5/s"), ("10s", "5/s"), arrival="poisson")
    fast = times(("10s", "10/s"), ("10s", "5/s"), arrival="poisson")
    assert [at_s for at_s in slow if at_s >= 10] == [at_s for at_s in fast if at_s >= 10]


def test_tenants_are_drawn_by_weight():
    """A tenant of three times the weight sends about three times the requests."""
    tenants = {"acme": {"weight": 3}, "globex": {"weight": 1}}
    arrivals = planned(scenario(("100s", "20/s"), tenants=tenants), Draws(1))
    counts = Counter(one.tenant for one in arrivals)
    assert 0.71 < counts["acme"] / len(arrivals) < 0.79
    assert sorted(counts) == ["acme", "globex"]


def test_the_tenant_of_a_request_does_not_depend_on_its_time():
    """Another spread of arrivals gives request by request the same tenants."""
    tenants = {"acme": {}, "globex": {}}
    even = planned(scenario(("5s", "9/s"), tenants=tenants), Draws(1))
    random = planned(scenario(("5s", "9/s"), tenants=tenants, arrival="poisson"), Draws(1))
    common = min(len(even), len(random))
    assert [one.tenant for one in even][:common] == [one.tenant for one in random][:common]


@pytest.mark.parametrize(("share", "tenant"), [(0.0, "a"), (0.24, "a"), (0.25, "b"), (0.999999, "b"), (1.0, "b")])
def test_a_share_of_the_weights_names_a_tenant(share, tenant):
    """Weights lie end to end; each share falls into exactly one of them."""
    assert choose_tenant({"a": Tenant(weight=1), "b": Tenant(weight=3)}, share) == tenant


def test_recorded_rows_become_arrivals():
    """Recorded traffic keeps times, rows and the tenants that it names; the others are drawn."""
    recorded = scenario(load={"trace": {"csv": "t.csv", "time": "T"}})
    rows = [RecordedRow(0.0, "globex", {"n": "1"}), RecordedRow(2.5, None, {"n": "2"})]
    assert planned(recorded, Draws(1), rows) == [
        Arrival(0, 0.0, "globex", "order-0", {"n": "1"}),
        Arrival(1, 2.5, "acme", "order-1", {"n": "2"}),
    ]


def test_a_trace_without_rows_is_refused():
    """A load that replays a trace says that it needs the rows."""
    with pytest.raises(ValueError, match=r"load replays recorded traffic; .*read_rows"):
        planned(scenario(load={"trace": {"csv": "t.csv", "time": "T"}}), Draws(1))


def ramp(for_, first, last, arrival="constant", seed=1) -> list[float]:
    stages = [{"for": for_, "rate": {"from": first, "to": last}}]
    return [one.at_s for one in planned(scenario(load={"arrival": arrival, "stages": stages}), Draws(seed))]


def test_a_ramp_gets_denser():
    """From 0/s to 10/s over 10 s, the n-th request comes when n are due: at the root of 2 n."""
    assert ramp("10s", "0/s", "10/s")[:4] == [0.0, 1.414214, 2.0, 2.44949]
    assert len(ramp("10s", "0/s", "10/s")) == 50


def test_a_ramp_may_lead_down_to_nothing():
    """From 10/s down to 0/s the gaps grow, and the last request comes before the end."""
    down = ramp("10s", "10/s", "0/s")
    gaps = [later - earlier for earlier, later in pairwise(down)]

    assert len(down) == 50
    assert gaps == sorted(gaps)
    assert down[-1] < 10


def test_a_poisson_ramp_has_its_rates_on_average():
    """Of a ramp from nothing, a quarter of the arrivals falls into the first half."""
    at_s = ramp("100s", "0/s", "80/s", "poisson")

    assert 3800 < len(at_s) < 4200
    assert 0.22 < sum(one < 50 for one in at_s) / len(at_s) < 0.28


def test_bursts_come_at_once_and_again():
    """A stage of bursts begins with one, and has the next after its pause."""
    load = {"arrival": "burst", "stages": [{"for": "20s", "size": 3, "every": "10s"}]}

    assert [one.at_s for one in planned(scenario(load=load), Draws(1))] == [0.0] * 3 + [10.0] * 3


def test_a_closed_load_plans_nothing():
    """When the users of a closed load ask is decided by the answers, not before."""
    load = {"model": "closed", "think": "1s", "stages": [{"for": "20s", "users": 3}]}

    assert planned(scenario(load=load), Draws(1)) == []
