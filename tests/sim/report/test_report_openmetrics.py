"""`metrics.om`: text that Prometheus can read, with the numbers of the result."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from report_samples import HOSTILE, demo_suite, failing_suite, odd_suite, scenario, suite

from sim.model.result import LATENCY_BUCKETS_MS, NodeNumbers
from sim.report import openmetrics


def samples(text):
    """Every sample by its name and labels; the parser refuses what is no OpenMetrics."""
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_numbers_are_those_of_the_result():
    """Counters, cumulative buckets, quantiles and gauges say what `result.json` says."""
    latencies = (0,) * 5 + (7,) + (0,) * (len(LATENCY_BUCKETS_MS) - 6) + (2,)
    pay = NodeNumbers(node="pay", events={"node_start": 9, "node_success": 7}, latencies=latencies, latency_ms=300.5)
    one = scenario("shop", nodes=(pay,))
    told = samples(openmetrics.render(suite(one)))

    assert told["penguiflow_node_events_total", (("scenario", "shop"), ("node", "pay"), ("event", "node_start"))] == 9
    buckets = {labels[2][1]: value for (name, labels), value in told.items() if name.endswith("latency_ms_bucket")}
    assert (buckets["25.0"], buckets["50.0"], buckets["60000.0"], buckets["+Inf"]) == (0, 7, 7, 9)
    assert told["penguiflow_node_latency_ms_sum", (("scenario", "shop"), ("node", "pay"))] == 300.5
    queue = one.queues[0]
    depth = told["penguiflow_queue_depth_total", (("scenario", "shop"), ("node", queue.node))]
    assert depth == max(each.max for each in queue.bins)
    for outcome, count in one.numbers.outcomes.items():
        assert told["penguiflow_sim_requests_total", (("scenario", "shop"), ("outcome", outcome))] == count
    p99_s = told["penguiflow_sim_latency_seconds", (("scenario", "shop"), ("quantile", "0.99"))]
    assert p99_s == one.numbers.latency_p99_s
    fault = one.faults[0]
    labels = (("scenario", "shop"), ("fault", fault.id), ("kind", fault.kind), ("state", "fired"))
    assert told["penguiflow_sim_faults_total", labels] == fault.fired
    broken = one.checks[0]
    failing = told["penguiflow_sim_failing_seeds", (("scenario", "shop"), ("check", broken.id))]
    assert failing == len(broken.failing_seeds)


@pytest.mark.parametrize("make", [demo_suite, failing_suite, odd_suite, suite])
def test_every_result_is_read_by_the_parser(make):
    """Whatever a result holds or lacks, the text parses, and no label tells a trace or a seed."""
    text = openmetrics.render(make())
    labels = {name for _, several in samples(text) for name, _ in several}
    assert labels <= {
        "scenario", "node", "event", "le", "outcome", "quantile", "fault", "kind", "state", "check", "metric", "stat",
    }  # fmt: skip
    assert text.endswith("# EOF\n")
    assert "_created" not in text


def test_odd_names_are_told_as_they_are():
    """Quotes, backslashes, line ends and control characters in names come back from the parser unchanged."""
    names = [f"{HOSTILE}\\", "two\nlines", 'a "quote"']
    told = samples(openmetrics.render(suite(*(scenario(name) for name in names))))
    assert {labels[0][1] for _, labels in told} == set(names)
