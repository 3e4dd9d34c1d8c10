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
