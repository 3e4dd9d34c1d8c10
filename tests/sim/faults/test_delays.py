"""Delays drawn from distributions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.faults.delays import sample_delay_s
from sim.model.scenario import Delay

uniforms = st.floats(min_value=0, max_value=1, exclude_max=True)


def delay(dist: str, **fields: object) -> Delay:
    return Delay.model_validate({"dist": dist, "median": "900ms", **fields})


@pytest.mark.parametrize("dist", ["constant", "uniform", "exponential", "lognormal"])
def test_median_of_every_distribution_is_the_median_given(dist):
    """The draw 0.5 gives the median, whatever the shape."""
    assert sample_delay_s(delay(dist), 0.5) == pytest.approx(0.9)


@given(uniforms, uniforms, st.sampled_from(["uniform", "exponential", "lognormal"]))
def test_larger_draws_give_longer_delays(low, high, dist):
    """Every distribution is sampled by its quantile function, so it grows with the draw."""
    low, high = sorted((low, high))
    assert sample_delay_s(delay(dist), low) <= sample_delay_s(delay(dist), high)


@given(uniforms)
def test_no_delay_is_longer_than_its_maximum(uniform):
    """`max` bounds a delay however unlucky the draw is."""
    assert 0 <= sample_delay_s(delay("lognormal", spread=3, max="2s"), uniform) <= 2


@given(uniforms)
def test_delays_are_whole_microseconds(uniform):
    """Rounding to the microsecond hides the last bit, in which math libraries differ."""
    seconds = sample_delay_s(delay("lognormal"), uniform)
    assert round(seconds, 6) == seconds


def test_a_plain_duration_is_itself():
    """A delay without a distribution needs no draw."""
    assert sample_delay_s(0.25, 0.9) == 0.25


@pytest.mark.parametrize(
    ("dist", "fields", "delays_s"),
    [
        ("constant", {"spread": 3}, [0.9, 0.9, 0.9]),
        ("uniform", {}, [0.675, 0.9, 1.0125]),
        ("uniform", {"spread": 3}, [0, 0.9, 1.575]),
        ("exponential", {}, [0.373534, 0.9, 1.273534]),
        ("lognormal", {}, [0.642361, 0.9, 1.055442]),
        ("lognormal", {"spread": 0}, [0.9, 0.9, 0.9]),
        ("exponential", {"max": "1s"}, [0.373534, 0.9, 1]),
    ],
)
def test_each_distribution_has_its_quantiles(dist, fields, delays_s):
    """At a quarter, a half and five eighths, of a median of 900 ms; `spread` widens, `max` bounds."""
    assert [sample_delay_s(delay(dist, **fields), uniform) for uniform in (0.25, 0.5, 0.625)] == delays_s


@pytest.mark.parametrize(
    ("dist", "ends_s"),
    [("exponential", [0.0, 35.876852]), ("lognormal", [0.026713, 30.322286]), ("uniform", [0.45, 1.35])],
)
def test_the_ends_of_a_distribution_are_cut(dist, ends_s):
    """The smallest and the largest draw give a delay, and an endless one is given by none."""
    assert [sample_delay_s(delay(dist), uniform) for uniform in (0.0, 1.0)] == pytest.approx(ends_s)


def test_a_plain_duration_is_rounded_too():
    """To the microsecond, like those that are drawn."""
    assert sample_delay_s(0.1234564, 0.5) == 0.123456
