"""How samples become one number."""

from __future__ import annotations

from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.checks.stats import Samples, nearest_rank, percentile, summarise

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)
PERCENT = st.sampled_from([50, 90, 95, 99])
quick = settings(derandomize=True, database=None, deadline=None, max_examples=60)


@pytest.mark.parametrize("stat", ["count", "rate", "min", "mean", "p50", "p99", "max"])
def test_no_samples_are_no_number(stat):
    """Nothing measured is not zero."""
    assert summarise(Samples([]), stat) is None


@pytest.mark.parametrize(
    ("stat", "expected"),
    [("count", 4), ("min", 1), ("mean", 4), ("p50", 2), ("p90", 10), ("p95", 10), ("p99", 10), ("max", 10)],
)
def test_each_stat_of_plain_samples(stat, expected):
    """Every stat of the same four numbers."""
    assert summarise(Samples([10.0, 1.0, 2.0, 3.0]), stat) == expected


def test_flags_are_counted_by_the_yes():
    """Of yes and no samples, count is the number of yes and rate their share."""
    flags = Samples([1.0, 0.0, 1.0, 0.0], flags=True)
    assert (summarise(flags, "count"), summarise(flags, "rate")) == (2.0, 0.5)


def test_percentiles_are_nearest_rank():
    """The p-th percentile of 1 to 100 is p, and of 1 to 20 the 95th is 19."""
    assert [nearest_rank(range(1, 101), percent) for percent in (50, 90, 95, 99, 100)] == [50, 90, 95, 99, 100]
    assert nearest_rank(range(1, 21), 95) == 19
    assert nearest_rank([7.0], 1) == 7.0


def test_weights_are_seconds_held():
    """A depth that held nine seconds outweighs one that held one."""
    held = Samples([8.0, 2.0], weights=[1.0, 9.0])
    assert [summarise(held, stat) for stat in ("mean", "p50", "p90", "p95", "max")] == [2.6, 2.0, 2.0, 8.0, 8.0]


def test_weights_of_zero_fall_back_to_alike():
    """Values that all held for no time at all count alike."""
    assert summarise(Samples([1.0, 2.0, 6.0], weights=[0.0, 0.0, 0.0]), "mean") == 3.0
    assert summarise(Samples([1.0, 2.0, 6.0], weights=[0.0, 0.0, 0.0]), "p50") == 2.0


@quick
@given(VALUES, PERCENT)
def test_a_percentile_is_a_sample_that_enough_others_do_not_exceed(values, percent):
    """A percentile occurred; at least p percent lie at or below it, and fewer below any smaller sample."""
    found = percentile(Samples(values), percent)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


@quick
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=30), PERCENT)
def test_weights_repeat_a_sample(pairs, percent):
    """A sample of whole weight w counts as w samples of its value."""
    weighted = Samples([float(value) for value, _ in pairs], weights=[float(weight) for _, weight in pairs])
    repeated = Samples([float(value) for value, weight in pairs for _ in range(weight)])
    assert percentile(weighted, percent) == percentile(repeated, percent)
    assert summarise(weighted, "mean") == pytest.approx(fsum(repeated.values) / len(repeated.values))


@quick
@given(VALUES, st.randoms(use_true_random=False), st.sampled_from(["count", "min", "mean", "p50", "p95", "max"]))
def test_the_order_of_samples_does_not_matter(values, random, stat):
    """Shuffled samples give the same number to the last bit."""
    shuffled = list(values)
    random.shuffle(shuffled)
    assert summarise(Samples(values), stat) == summarise(Samples(shuffled), stat)


@quick
@given(VALUES)
def test_stats_are_ordered(values):
    """Minimum, median, upper percentiles and maximum never cross."""
    numbers = [summarise(Samples(values), stat) for stat in ("min", "p50", "p90", "p95", "p99", "max")]
    assert numbers == sorted(numbers)
