"""How requests get into each other's way."""

from __future__ import annotations

import pytest
from made_recordings import ANY, between, depths, judge_check, record, request, span

from sim.checks.crowding import merged
from sim.checks.metrics import measure
from sim.checks.stats import summarise
from sim.checks.windows import WHOLE
from sim.model.limits import NodeLimits
from sim.model.scenario import CheckWhere


def values(metric, recording, where=ANY, interval=WHOLE):
    return list(measure(metric, recording, where, interval).values)


def test_a_queue_that_grows_steadily_has_its_rate_as_slope():
    """Two more messages each second give two a second, whatever the stretch; a flat queue gives nothing."""
    ramp = depths("charge", *[(tick / 2, tick) for tick in range(61)])
    recording = record(end_s=30.0, nodes=("charge", "price"), depths=[*ramp, *depths("price", (0.0, 5))])
    for interval in (WHOLE, between(10, 20)):
        grew, flat = values("queue.growth", recording, interval=interval)
        assert grew == pytest.approx(2.0, rel=0.01)
        assert flat == pytest.approx(0.0, abs=1e-9)


def test_a_queue_that_drains_shrinks():
    """A slope below 0 is a number like any other."""
    recording = record(end_s=10.0, depths=depths("charge", *[(float(tick), 10 - tick) for tick in range(11)]))
    assert values("queue.growth", recording, CheckWhere(node="charge"))[0] == pytest.approx(-1.0, rel=0.02)


def test_a_stretch_behind_the_end_has_no_growth():
    """Where the run was over, nothing was measured."""
    assert values("queue.growth", record(end_s=10.0), interval=between(10, 20)) == []


TWO_TENANTS = [request("t1", 0.0, 3.0), request("t2", 0.0, 3.0, tenant="globex"), request("t3", 0.0, 3.0)]


def test_waiting_behind_another_tenant_counts():
    """Only time queued while the node worked for others counts, and not that behind one's own tenant."""
    spans = [
        span("waiting", 0.0, 3.0),
        span("running", 0.0, 1.0, trace_id="t2"),
        span("running", 1.0, 3.0, trace_id="t3"),
        span("waiting", 0.0, 1.0, trace_id="t3"),
    ]
    recording = record(requests=TWO_TENANTS, spans=spans)
    assert values("head_of_line", recording) == [1.0, 0.0, 1.0]
    assert values("head_of_line", recording, CheckWhere(node="price")) == [0.0, 0.0, 0.0]
    assert values("head_of_line", recording, CheckWhere(tenant="globex")) == [0.0]


def test_being_blocked_counts_by_the_nodes_behind():
    """A result without room downstream waits for who works there; time that overlaps counts once."""
    spans = [
        span("blocked", 0.0, 3.0, node="price"),
        span("running", 0.5, 2.0, trace_id="t2", node="charge"),
        span("running", 1.0, 2.5, trace_id="t2", node="ship"),
    ]
    recording = record(requests=TWO_TENANTS, spans=spans, edges=(("price", "charge"), ("price", "ship")))
    assert values("head_of_line", recording)[0] == 2.0


def test_stretches_merge():
    """Overlapping and touching stretches become one."""
    assert merged([(3.0, 4.0), (0.0, 1.0), (1.0, 2.0), (0.5, 0.7)]) == [(0.0, 2.0), (3.0, 4.0)]


def test_head_of_line_tells_behind_whom():
    """The finding names the tenants, the time, and the work that stood before the request."""
    spans = [span("waiting", 0.0, 3.0), span("running", 0.0, 3.0, trace_id="t2")]
    check = {"id": "calm", "metric": "head_of_line", "stat": "max", "max": "1s"}
    (finding,) = judge_check(check, record(requests=TWO_TENANTS, spans=spans)).findings
    assert finding.summary.startswith("t1 of acme waited 3.00 s behind other tenants")
    assert (
        "It was longest queued at charge, for 3.00 s, behind t2 of globex (running there for 3.00 s)." in finding.cause
    )


@pytest.mark.parametrize(
    ("latencies", "index"),
    [({"acme": 1.0, "globex": 1.0}, 1.0), ({"acme": 4.0, "globex": 0.0}, 0.5), ({"acme": 3.0, "globex": 1.0}, 0.8)],
)
def test_fairness_is_jains_index(latencies, index):
    """Equal waits give 1, all the waiting at one of two gives a half (worked by hand for 3 to 1)."""
    requests = [request(tenant, 0.0, latency_s, tenant=tenant) for tenant, latency_s in latencies.items()]
    assert values("fairness", record(requests=requests)) == pytest.approx([index])


def test_fairness_needs_two_tenants():
    """With one tenant there is nothing to compare, and without any wait nobody is worse off."""
    assert values("fairness", record(requests=[request()])) == []
    waitless = [request("a", 1.0, 1.0), request("b", 1.0, 1.0, tenant="globex")]
    assert values("fairness", record(requests=waitless)) == [1.0]


def test_unfairness_names_both_ends():
    """The finding says who waits longest and who shortest."""
    requests = [request("a", 0.0, 3.0), request("b", 0.0, 1.0, tenant="globex")]
    check = {"id": "fair", "metric": "fairness", "stat": "min", "min": 0.9}
    (finding,) = judge_check(check, record(requests=requests), tenants=("acme", "globex")).findings
    assert finding.summary.startswith("acme waits 3.00 s on average, globex 1.00 s")


def retry(start_s, trace_id, node="charge"):
    return span("running", start_s, start_s + 0.1, trace_id=trace_id, node=node, attempt=2)


def test_retries_in_lockstep_are_synchronised():
    """All at once is 1, two waves of two are a third, and spread out is nothing."""
    names = ["a", "b", "c", "d"]
    requests = [request(name) for name in names]

    def mean(*starts):
        spans = [retry(start_s, name) for start_s, name in zip(starts, names, strict=False)]
        return summarise(measure("retries.synchronised", record(requests=requests, spans=spans), ANY, WHOLE), "mean")

    assert mean(1.0, 1.0, 1.0, 1.0) == 1.0
    assert mean(1.0, 1.0, 2.0, 2.0) == pytest.approx(1 / 3)
    assert mean(1.0, 1.2, 1.4, 1.6) == 0.0
    assert mean(1.0) is None


def test_retries_count_where_they_happen():
    """Nodes are judged one by one, and callers who ask again are a place of their own."""
    requests = [request("a", 1.0, client_attempt=2), request("b", 1.0, client_attempt=2), request("c"), request("d")]
    spans = [retry(1.0, "c"), retry(1.0, "d", node="price"), span(trace_id="c"), span(trace_id="d")]
    recording = record(requests=requests, spans=spans)
    assert values("retries.synchronised", recording) == [1.0, 1.0]
    assert values("retries.synchronised", recording, CheckWhere(node="charge")) == []
    assert values("retries.synchronised", recording, CheckWhere(tenant="globex")) == []


def test_a_wave_of_retries_is_shown_with_its_moment():
    """The finding says how many came together, where and when, and what the node's policy is."""
    spans = [retry(1.0, name) for name in "abc"]
    recording = record(
        requests=[request(name) for name in "abc"], spans=spans, limits={"charge": NodeLimits(max_retries=2)}
    )
    check = {"id": "spread", "metric": "retries.synchronised", "stat": "mean", "max": 0.2}
    (finding,) = judge_check(check, recording).findings
    assert finding.summary.startswith("3 of 3 retries of charge began within 10 ms of 1.00 s")
    assert "jitter=1.0" in finding.fix
    assert finding.fix.endswith("(charge: max_retries=2, no timeout_s, backoff_base=0, no max_backoff, jitter=0)")
