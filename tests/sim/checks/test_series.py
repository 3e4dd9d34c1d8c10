"""What the plots get: series kept per seed, and bins over all of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_recordings import depths, judge, make_scenario, record, request, span

from sim.checks.plots import LATENCY_BINS_MAX, latency_bins, queue_series
from sim.checks.series import DEPTH_BINS_MAX, bin_width_s, depth_series, request_series

quick = settings(derandomize=True, database=None, deadline=None, max_examples=60)
times = st.floats(0, 5000).map(lambda at_s: round(at_s, 6))


@pytest.mark.parametrize(
    ("end_s", "width_s"), [(64.0, 1.0), (64.1, 2.0), (63.9, 1.0), (0.5, 1 / 128), (3600.0, 64.0), (0.0, 1.0)]
)
def test_bins_are_as_wide_as_a_power_of_two(end_s, width_s):
    """The width is the smallest power of two seconds at which 64 bins reach to the end."""
    assert bin_width_s(end_s, 64) == width_s


def test_latency_bins_hold_percentiles_and_outcomes():
    """Each bin says how many arrived, how they ended, and how long the answered ones took."""
    requests = [request(f"t{n}", 0.1 * n, 0.1 * n + n + 1) for n in range(4)]
    requests += [request("late", 63.0, None), request("bad", 63.5, 64.0, outcome="error")]
    bins = latency_bins([request_series(record(requests=requests))])
    assert (bins[0].count, bins[0].p50_s, bins[0].p99_s, bins[0].max_s) == (4, 2.0, 4.0, 4.0)
    assert bins[0].outcomes == {"ok": 4}
    assert (bins[63].start_s, bins[63].end_s, bins[63].count, bins[63].max_s) == (63.0, 64.0, 2, 0.5)
    assert bins[63].outcomes == {"error": 1, "unanswered": 1}
    assert (bins[30].count, bins[30].p50_s, bins[30].outcomes) == (0, None, {})


@quick
@given(st.lists(st.lists(times, max_size=30), max_size=3))
def test_latency_bins_conserve_requests(arrivals):
    """However arrivals fall, every request of every seed is in exactly one bin, and in the one of its arrival."""
    runs = [record(requests=[request(f"t{n}", at_s, at_s + 1) for n, at_s in enumerate(run)]) for run in arrivals]
    bins = latency_bins([request_series(run) for run in runs])
    assert sum(one.count for one in bins) == sum(map(len, arrivals))
    assert len(bins) <= LATENCY_BINS_MAX
    for one in bins[:-1]:
        assert one.count == sum(one.start_s <= at_s < one.end_s for run in arrivals for at_s in run)


def test_queue_bins_have_minimum_median_and_maximum():
    """A bin in which the queue stood at 1 for most of the time has that as its median."""
    recording = record(end_s=128.0, depths=depths("charge", (0.0, 1), (0.2, 6), (0.3, 1), (1.0, 2)))
    (queue,) = queue_series([depth_series(recording)])
    assert (queue.node, queue.bound) == ("charge", 8)
    first, second = queue.bins[0], queue.bins[1]
    assert (first.start_s, first.end_s, first.min, first.median, first.max) == (0.0, 1.0, 1, 1.0, 6)
    assert (second.min, second.median, second.max) == (2, 2.0, 2)
    assert len(queue.bins) == 128


def test_a_passing_peak_is_the_maximum_of_its_bin():
    """A depth that held for no time at all is seen in the plot."""
    recording = record(end_s=128.0, depths=depths("charge", (0.0, 0), (5.5, 7), (5.5, 0)))
    (queue,) = queue_series([depth_series(recording)])
    assert (queue.bins[5].max, queue.bins[5].median) == (7, 0.0)


def test_seeds_of_different_length_share_their_bins():
    """A short run, binned finely, falls into the bins of a long one."""
    short = record(end_s=10.0, depths=depths("charge", (0.0, 3)))
    long = record(2, end_s=100.0, depths=depths("charge", (0.0, 1)))
    (queue,) = queue_series([depth_series(short), depth_series(long)])
    assert len(queue.bins) == 100
    assert [(one.min, one.max) for one in queue.bins[:10]] == [(1, 3)] * 10
    assert [(one.min, one.max) for one in queue.bins[10:]] == [(1, 1)] * 90


def test_queues_stand_in_the_order_of_the_flow():
    """The order of nodes is that of the flow, not that of the first message."""
    recording = record(depths=[*depths("charge", (0.0, 1)), *depths("price", (1.0, 1))])
    assert [queue.node for queue in queue_series([depth_series(recording)])] == ["price", "charge"]


@quick
@given(st.lists(st.tuples(times, st.integers(0, 9)), max_size=30).map(sorted), st.floats(5000, 9000))
def test_depth_series_conserve_time(changes, end_s):
    """The seconds at all depths of all bins add up to the length of the run, in few enough bins."""
    for series in depth_series(record(end_s=end_s, depths=depths("charge", *changes))):
        assert sum(run * each for run, each in zip(series.runs, series.seconds, strict=True)) == pytest.approx(end_s)
        assert max(first + run for first, run in zip(series.bins, series.runs, strict=True)) <= DEPTH_BINS_MAX
        assert max(series.depths) == max([depth for _, depth in changes])


def test_a_run_without_requests_has_no_bins():
    """Nothing to draw is an empty series, not an error."""
    result = judge(make_scenario(), record(end_s=0.0))
    assert (result.latency, result.queues, result.numbers.requests) == ((), (), 0)
    assert result.numbers.latency_max_s is None


def test_numbers_and_time_shares_add_up_over_seeds():
    """Counts, virtual time and time at each node are sums over all seeds."""
    spans = [span("waiting", 0.0, 0.5), span("running", 0.5, 1.0), span("backoff", 1.0, 1.1, node="price")]
    runs = [record(seed, events=7, requests=[request("a", 0.0, seed * 1.0)], spans=spans) for seed in (1, 2)]
    result = judge(make_scenario(), *runs)
    assert (result.numbers.requests, result.numbers.events, result.numbers.virtual_s) == (2, 14, 60.0)
    assert (result.numbers.outcomes, result.numbers.latency_p50_s, result.numbers.latency_max_s) == (
        {"ok": 2},
        1.0,
        2.0,
    )
    price, charge = result.time_shares
    assert (price.node, price.backoff_s, price.running_s) == ("price", 0.2, 0.0)
    assert (charge.node, charge.waiting_s, charge.running_s, charge.blocked_s) == ("charge", 1.0, 1.0, 0.0)
