"""Quantities with their units."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.model.rules import BrokenRule
from sim.model.units import format_duration, parse_duration, parse_positive_duration, parse_rate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("900ms", 0.9), ("1.5s", 1.5), ("2 m", 120.0), ("1h", 3600.0), ("1d", 86400.0), ("7us", 7e-6)],
)
def test_durations_are_seconds(text, seconds):
    """A duration is exactly its number of seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(("text", "per_second"), [("20/s", 20.0), ("90/m", 1.5), ("36/h", 0.01), ("0/s", 0.0)])
def test_rates_are_per_second(text, per_second):
    """A rate is exactly its number of arrivals per second."""
    assert parse_rate(text) == per_second


@pytest.mark.parametrize(
    ("value", "message", "fix"),
    [
        (30, "30 has no unit", "write 30s or 30ms"),
        ("30", "'30' has no unit", "write 30s or 30ms"),
        (1e3, "1000 has no unit", "write 1000s or 1000ms"),
        ("-1s", "'-1s' is negative", "write 1s"),
        (-1, "-1 is negative", "write 1"),
        ("5 seconds", "'5 seconds' has the unknown unit 'seconds'", "write 5s"),
        ("5S", "'5S' has the unknown unit 'S'", "write 5s"),
        ("20/s", "'20/s' has the unknown unit '/s'", "write 20s"),
        ("5 parsecs", "'5 parsecs' has the unknown unit 'parsecs'", "write 250ms"),
        ("1,5s", "'1,5s' is no duration", "write 1.5s"),
        ("1e3s", "'1e3s' is no duration", "write 250ms"),
        (float("nan"), "nan is no duration", "write 250ms"),
        (True, "true is no duration", "write 250ms"),
        ("9" * 400 + "s", None, "write 250ms"),
        ([], "a list is no duration", "write 250ms"),
        ("", "'' is no duration", "write 250ms"),
        ("٣s", "'٣s' is no duration", "write 250ms"),
    ],
)
def test_a_broken_duration_says_what_to_write(value, message, fix):
    """Each way to get a duration wrong has its message and one fix."""
    with pytest.raises(BrokenRule) as caught:
        parse_duration(value)

    assert caught.value.fix == fix
    assert message in (None, caught.value.message)


@pytest.mark.parametrize("text", ["20", "20s", "20/d", "20 per second", "-1/s", "20%"])
def test_a_broken_rate_is_refused(text):
    """A rate without its unit, with another one or below zero is refused."""
    with pytest.raises(BrokenRule):
        parse_rate(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250 ms"), (1.6423, "1.64 s"), (119.9, "120 s"), (120.0, "2 min"), (0.0, "0 ms")],
)
def test_durations_are_shown_in_their_own_unit(seconds, text):
    """People read milliseconds below a second, and minutes from two of them on."""
    assert format_duration(seconds) == text


def test_some_durations_cannot_be_zero():
    """Where a length of time is needed, zero is refused."""
    with pytest.raises(BrokenRule, match="'0ms' lasts no time"):
        parse_positive_duration("0ms")


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(max_size=12) | st.integers() | st.floats())
def test_any_value_is_a_duration_or_breaks_a_rule(value):
    """Nothing but a duration gets through, and nothing but a broken rule comes out."""
    with suppress(BrokenRule):
        assert 0 <= parse_duration(value) <= 1e9
