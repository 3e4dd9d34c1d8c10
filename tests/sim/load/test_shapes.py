"""Arrivals by a function of the user's own."""

from __future__ import annotations

import pytest

from sim.kernel.draws import Draws
from sim.load import ShapeError, planned
from sim.model.scenario import Scenario


def arrivals(shape, seed=1):
    scenario = Scenario.model_validate(
        {
            "schema": "penguiflow.sim/1",
            "name": "load",
            "flow": "shop.flows:build",
            "horizon": "60s",
            "tenants": {"acme": {}, "globex": {}},
            "load": {"shape": "shop.sim:weekend"},
        }
    )
    return [(one.at_s, one.tenant, one.order) for one in planned(scenario, Draws(seed), shape=shape)]


def test_a_shape_gives_the_arrivals_in_any_order():
    """What the function gives is put in order of time; a tenant that it names is kept, others are drawn."""

    def shape(rng, horizon_s):
        yield horizon_s / 2, "globex"
        yield 1.5

    first, second = arrivals(shape)

    assert first[0] == 1.5
    assert first[1] in ("acme", "globex")
    assert second == (30.0, "globex", "order-1")


def test_the_same_seed_gives_a_shape_the_same_chance():
    """The generator that a shape gets depends on the seed alone."""

    def shape(rng, horizon_s):
        return [rng.random() * horizon_s for _ in range(5)]

    assert arrivals(shape, seed=1) == arrivals(shape, seed=1)
    assert arrivals(shape, seed=1) != arrivals(shape, seed=2)


@pytest.mark.parametrize("given", [-1.0, float("inf"), True, "soon", None, (1.0, 2.0, 3.0)])
def test_what_is_no_arrival_is_refused(given):
    """Text, negative or endless times and triples are errors that say what an arrival is."""
    with pytest.raises(ShapeError, match=r"arrival 0 of the shape is .*; an arrival is seconds .*; yield 1\.5"):
        arrivals(lambda _rng, _horizon_s: [given])


def test_an_unknown_tenant_is_refused():
    """A shape cannot send for a tenant that the file does not have."""
    with pytest.raises(ShapeError, match="unknown tenant 'initech'; the file has acme, globex; add it"):
        arrivals(lambda _rng, _horizon_s: [(1.0, "initech")])


def test_a_shape_that_raises_is_named_with_its_line():
    """The error says where the user's function raised what."""

    def shape(rng, horizon_s):
        raise ZeroDivisionError("no rate")

    with pytest.raises(ShapeError, match=r"the shape raises ZeroDivisionError \(test_shapes\.py:\d+\): no rate; it"):
        arrivals(shape)


def test_a_shape_without_end_is_refused():
    """A generator that goes on past the horizon is stopped at a million."""

    def shape(rng, horizon_s):
        while True:
            yield 1.0

    with pytest.raises(ShapeError, match="too many arrivals"):
        arrivals(shape)


def test_a_shape_that_takes_other_arguments_is_refused():
    """A function that cannot be called with (rng, horizon_s) is an error of the user's, told without a traceback."""
    with pytest.raises(ShapeError, match="TypeError"):
        arrivals(lambda: [1.0])
