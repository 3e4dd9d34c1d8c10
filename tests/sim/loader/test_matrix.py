"""`matrix`: one file, several scenarios."""

import pytest
from scenario_files import LARGE, SMALL, write

from sim.loader import ScenarioError, load_scenario, load_scenarios, load_variants


def of(tmp_path, matrix, text=LARGE):
    path = write(tmp_path, f"{text}matrix:\n{matrix}")
    return [one.scenario for one in load_variants(path)]


def test_a_matrix_stands_for_every_combination(tmp_path):
    """Two keys with two values each are four scenarios, in the order in which they are written."""
    scenarios = of(tmp_path, "  load.stages.0.rate: [20/s, 60/s]\n  args.currency: [EUR, USD]\n")

    assert [(one.load.stages[0].rate, one.args["currency"]) for one in scenarios] == [
        (20.0, "EUR"), (20.0, "USD"), (60.0, "EUR"), (60.0, "USD"),
    ]  # fmt: skip
    assert [one.name for one in scenarios] == [
        "checkout-under-stress[rate=20/s,currency=EUR]", "checkout-under-stress[rate=20/s,currency=USD]",
        "checkout-under-stress[rate=60/s,currency=EUR]", "checkout-under-stress[rate=60/s,currency=USD]",
    ]  # fmt: skip


def test_entries_of_lists_are_named_by_id_or_position(tmp_path):
    """A fault is found by its id, which stays right when another one is put before it."""
    assert [one.faults[2].share for one in of(tmp_path, "  faults.storm.share: [0.1, 0.2]\n")] == [0.1, 0.2]
    assert [one.faults[2].share for one in of(tmp_path, "  faults.2.share: [0.1, 0.2]\n")] == [0.1, 0.2]
    assert [one.checks[0].max for one in of(tmp_path, "  checks.latency-calm.max: [1s, 2s]\n")] == [1.0, 2.0]


def test_names_with_dots_are_found(tmp_path):
    """The longest name that exists is taken, so that ids, tenants and nodes may hold dots."""
    text = SMALL + "tenants: {acme.eu: {}, acme: {}}\n"

    assert [one.tenants["acme.eu"].weight for one in of(tmp_path, "  tenants.acme.eu.weight: [2, 3]\n", text)] == [2, 3]


def test_what_is_not_there_yet_can_be_varied(tmp_path):
    """A key that the format knows needs no value in the file, and arguments and overridden nodes may be new."""
    scenarios = of(tmp_path, "  override.nodes.pay.max_retries: [0, 3]\n  args.mode: [fast]\n  horizon: [90s]\n", SMALL)

    assert [one.override.nodes["pay"].max_retries for one in scenarios] == [0, 3]
    assert scenarios[0].args == {"mode": "fast"}
    assert scenarios[0].horizon == 90.0


def test_keys_that_end_alike_are_told_apart(tmp_path):
    """A variant's name has as much of each key as it takes to tell it from the others."""
    (scenario,) = of(tmp_path, "  override.nodes.pay.timeout_s: [1]\n  override.nodes.search.timeout_s: [2]\n", SMALL)

    assert scenario.name == "small[pay.timeout_s=1,search.timeout_s=2]"


def test_a_variant_is_whole_by_itself(tmp_path):
    """One variant's values are not seen in another, and none of them has a matrix left."""
    path = write(tmp_path, f"{LARGE}matrix:\n  args.currency: [EUR, USD]\n")
    variants = load_variants(path)

    assert [one.scenario.args["currency"] for one in variants] == ["EUR", "USD"]
    assert [one.scenario.matrix for one in variants] == [{}, {}]
    places = [one.lines["args.currency"] for one in variants]
    assert places[0][0] == places[1][0] == len(variants[0].source.lines)
    assert places[0][1] < places[1][1]


def test_a_problem_of_a_value_points_into_the_matrix(tmp_path):
    """A wrong value is found at its place in the matrix, once, whatever it is combined with."""
    with pytest.raises(ScenarioError) as caught:
        of(tmp_path, "  faults.storm.share: [0.5, 7]\n  args.mode: [a, b, c]\n")

    (problem,) = caught.value.problems
    assert (problem.path, problem.source_line) == ("faults[2].share", "  faults.storm.share: [0.5, 7]")


def test_a_file_with_a_matrix_is_not_one_scenario(tmp_path):
    """Who asks for one scenario gets the names of all of them in an error."""
    path = write(tmp_path, f"{SMALL}matrix:\n  horizon: [60s, 90s]\n")

    with pytest.raises(ScenarioError, match=r"the file holds small\[horizon=60s\], small\[horizon=90s\]"):
        load_scenario(path)
    assert [one.scenario.name for one in load_scenarios([path])] == ["small[horizon=60s]", "small[horizon=90s]"]


def test_a_base_may_hold_the_matrix(tmp_path):
    """A matrix is merged like everything else, so a family of scenarios can share one."""
    write(tmp_path, f"{LARGE}matrix:\n  args.currency: [EUR, USD]\n", "base.yaml")
    text = "schema: penguiflow.sim/1\nname: child\nextends: base.yaml\nmatrix: {horizon: [200s]}\n"
    names = [one.scenario.name for one in load_variants(write(tmp_path, text))]

    assert names == ["child[currency=EUR,horizon=200s]", "child[currency=USD,horizon=200s]"]
