"""What each metric sees in one recording."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_recordings import ANY, between, depths, effect, record, request, sighting, span

from sim.checks import selection
from sim.checks.findings.dispatch import _BUILDERS
from sim.checks.metrics import _METRICS, measure
from sim.checks.promises import _ALWAYS_ON
from sim.checks.stats import Samples, summarise
from sim.checks.windows import WHOLE
from sim.model.scenario import FINDING_KINDS, CheckWhere, Metric


def values(metric, recording, where=ANY, interval=WHOLE) -> list[float]:
    return list(measure(metric, recording, where, interval).values)


def number(metric, stat, recording, where=ANY, interval=WHOLE) -> float | None:
    return summarise(measure(metric, recording, where, interval), stat)


def test_every_metric_of_the_model_can_be_measured_and_explained():
    """No metric can be named in a file that has no samples, no findings or no kind of them."""
    metrics = list(get_args(Metric))
    assert list(_METRICS) == metrics
    assert list(_BUILDERS) == metrics
    assert list(FINDING_KINDS) == [*metrics, *_ALWAYS_ON]


# -- requests ------------------------------------------------------------------------------------


def test_latency_counts_from_the_arrival():
    """Each request counts with the seconds from its arrival to its end."""
    assert values("trace.latency", record(requests=[request("a", 1.0, 1.5), request("b", 2.0, 5.0)])) == [0.5, 3.0]


def test_who_still_waits_counts_up_to_the_end():
    """A request that was never answered is as slow as the rest of the run is long."""
    assert values("trace.latency", record(end_s=30.0, requests=[request("a", 4.0, None)])) == [26.0]


def test_requests_count_by_arrival():
    """A request belongs to the stretch in which it arrived, wherever it ended; the end is not part of the stretch."""
    requests = [request("a", 9.9, 15.0), request("b", 10.0, 11.0), request("c", 19.9, 40.0), request("d", 20.0, 20.5)]
    assert values("trace.latency", record(requests=requests), interval=between(10, 20)) == pytest.approx([1.0, 20.1])


def test_requests_match_by_tenant():
    """Another tenant's requests do not count."""
    requests = [request("a", 0.0, 1.0), request("b", 0.0, 2.0, tenant="globex")]
    assert values("trace.latency", record(requests=requests), CheckWhere(tenant="globex")) == [2.0]


def test_requests_match_by_the_calls_that_they_made():
    """With a node, attempt, call or tool, those requests count that made such a call."""
    recording = record(
        requests=[request("a", 0.0, 1.0), request("b", 0.0, 2.0), request("c", 0.0, 3.0)],
        spans=[
            span(trace_id="a", node="price"),
            span(trace_id="b", node="charge", attempt=1),
            span(trace_id="b", node="charge", attempt=2),
            span("waiting", trace_id="a", node="charge"),
        ],
        effects=[effect(trace_id="c")],
    )
    assert values("trace.latency", recording, CheckWhere(node="charge")) == [2.0]
    assert values("trace.latency", recording, CheckWhere(attempt=2)) == [2.0]
    assert values("trace.latency", recording, CheckWhere(node="charge", call=2)) == [2.0]
    assert values("trace.latency", recording, CheckWhere(node="price", call=2)) == []
    assert values("trace.latency", recording, CheckWhere(tool="charge_card")) == [3.0]


OUTCOMES = ["ok", "error", "deadline", "cancelled", "no_result", "unanswered"]


@pytest.mark.parametrize(
    ("metric", "true"),
    [
        ("trace.timeouts", ["deadline", "unanswered"]),
        ("trace.deadline_exceeded", ["deadline"]),
        ("trace.errors", ["error", "no_result"]),
    ],
)
def test_outcomes_are_told_apart(metric, true):
    """Every outcome is or is not a timeout, a missed deadline, an error."""
    requests = [request(outcome, 0.0, 1.0, outcome=outcome) for outcome in OUTCOMES]
    assert values(metric, record(requests=requests)) == [float(outcome in true) for outcome in OUTCOMES]
    assert number(metric, "count", record(requests=requests)) == len(true)


def test_an_answer_after_the_deadline_is_none():
    """An answer exactly at the deadline is in time; one later is a timeout, whatever the flow says."""
    requests = [request("a", 0.0, 2.0, deadline_s=2.0), request("b", 0.0, 2.001, deadline_s=2.0)]
    assert values("trace.timeouts", record(requests=requests)) == [0.0, 1.0]
    assert values("trace.deadline_exceeded", record(requests=requests)) == [0.0, 1.0]


# -- attempts ------------------------------------------------------------------------------------


def test_attempts_of_client_and_node_multiply():
    """Two tries of a caller with two attempts of the node each are four calls for one order."""
    recording = record(
        requests=[request("a.1", order="a"), request("a.2", order="a", client_attempt=2)],
        spans=[span(trace_id=trace, attempt=attempt) for trace in ("a.1", "a.2") for attempt in (1, 2)],
    )
    assert values("attempts.per_request", recording) == [0.0, 4.0]
    assert values("attempts.per_request", recording, CheckWhere(node="charge")) == [4.0]
    assert measure("attempts.per_request", recording, ANY, WHOLE).size == 1


def test_attempts_count_whole_orders_of_the_stretch():
    """Retries after the stretch still belong to the orders that arrived in it; other orders do not."""
    recording = record(
        requests=[request("a.1", 5.0, order="a"), request("a.2", 25.0, order="a"), request("b", 30.0)],
        spans=[span(trace_id="a.1"), span(trace_id="a.2", start_s=25.0), span(trace_id="b", start_s=30.0)],
    )
    assert values("attempts.per_request", recording, CheckWhere(node="charge"), between(0, 10)) == [2.0]


def test_only_running_is_an_attempt():
    """Waiting and backing off are no calls."""
    recording = record(requests=[request()], spans=[span("waiting"), span("backoff"), span("blocked"), span()])
    assert values("attempts.per_request", recording, CheckWhere(node="charge")) == [1.0]


def test_no_orders_have_no_attempts():
    """Where nothing arrived, there is no ratio."""
    assert values("attempts.per_request", record(spans=[span()])) == []


# -- recovery ------------------------------------------------------------------------------------


def test_recovery_is_the_way_back_to_the_level_before():
    """One request open before, three after: recovered when the second of them ends."""
    requests = [
        request("long", 0.0, 29.0),
        *[request(f"in-{n}", 15.0, 22.0 + n) for n in range(3)],
    ]
    assert values("recovery.time", record(requests=requests), interval=between(10, 20)) == [4.0]


def test_a_backlog_that_never_grew_recovers_at_once():
    """With no more open at the end of the window than before it, recovery takes no time."""
    assert values("recovery.time", record(requests=[request("a", 1.0, 2.0)]), interval=between(10, 20)) == [0.0]


def test_arrivals_after_the_window_delay_recovery():
    """New requests are a part of the backlog until they end, too."""
    requests = [request("a", 15.0, 22.0), request("b", 21.0, 26.0)]
    assert values("recovery.time", record(requests=requests), interval=between(10, 20)) == [6.0]


def test_no_recovery_counts_up_to_the_end():
    """A backlog that never drains took the rest of the run."""
    assert values("recovery.time", record(requests=[request("a", 15.0, None)]), interval=between(10, 20)) == [10.0]


def test_a_window_that_never_closed_has_no_recovery():
    """When the run ends inside the window, nothing is known."""
    assert values("recovery.time", record(end_s=15.0), interval=between(10, 20)) == []


# -- queues --------------------------------------------------------------------------------------


def test_depths_weigh_by_the_time_that_they_held():
    """Depth 4 for one second and 0 for nine is 0.4 on average."""
    recording = record(end_s=10.0, depths=depths("charge", (2.0, 4), (3.0, 0)))
    assert number("queue.depth", "mean", recording) == 0.4
    assert number("queue.depth", "p50", recording) == 0.0
    assert number("queue.depth", "max", recording) == 4.0


def test_a_depth_holds_into_the_window():
    """A queue that filled before the window and stayed is seen in it."""
    recording = record(end_s=30.0, depths=depths("charge", (2.0, 4), (25.0, 9)))
    assert values("queue.depth", recording, interval=between(10, 20)) == [4.0]


def test_a_passing_peak_counts_for_the_maximum_only():
    """A depth that held for no time is the maximum and weighs nothing."""
    recording = record(end_s=10.0, depths=depths("charge", (0.0, 1), (5.0, 7), (5.0, 1)))
    assert number("queue.depth", "max", recording) == 7.0
    assert number("queue.depth", "mean", recording) == 1.0


def test_depths_match_by_node():
    """Another node's queue does not count."""
    recording = record(depths=[*depths("price", (0.0, 9)), *depths("charge", (0.0, 3))])
    assert number("queue.depth", "max", recording, CheckWhere(node="charge")) == 3.0
    assert values("queue.depth", recording, CheckWhere(node="ship")) == []


# -- effects and leaks ---------------------------------------------------------------------------


def test_the_same_key_twice_is_a_duplicate():
    """Same name, key and tenant is one intent, in whatever trace and with whatever arguments."""
    effects = [effect(1.0), effect(2.0, attempt=2), effect(3.0, trace_id="t9", args_digest="b")]
    assert values("effects.duplicates", record(effects=effects)) == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("other", [{"key": "k2"}, {"name": "refund"}, {"tenant": "globex"}])
def test_another_key_name_or_tenant_is_no_duplicate(other):
    """Two tenants may use the same key, and two tools, too."""
    assert values("effects.duplicates", record(effects=[effect(1.0), effect(2.0, **other)])) == [0.0, 0.0]


def test_without_a_key_the_call_itself_is_compared():
    """Without keys, the same arguments from the same node of the same trace are a duplicate."""
    first = effect(1.0, None)
    assert values("effects.duplicates", record(effects=[first, effect(2.0, None)])) == [0.0, 1.0]
    for other in ({"trace_id": "t2"}, {"node": "price"}, {"args_digest": "b"}):
        assert values("effects.duplicates", record(effects=[first, effect(2.0, None, **other)])) == [0.0, 0.0]


def test_keyless_effects_outside_of_traces_are_not_compared():
    """Where neither key nor trace says what was meant, no duplicate is claimed."""
    bare = {"key": None, "trace_id": None}
    assert values("effects.duplicates", record(effects=[effect(1.0, **bare), effect(2.0, **bare)])) == [0.0, 0.0]


def test_a_duplicate_counts_where_the_repeat_is():
    """The first may lie before the stretch or in another attempt: the repeat decides."""
    recording = record(effects=[effect(5.0, attempt=1), effect(15.0, attempt=2)])
    assert values("effects.duplicates", recording, interval=between(10, 20)) == [1.0]
    assert values("effects.duplicates", recording, interval=between(0, 10)) == [0.0]
    assert values("effects.duplicates", recording, CheckWhere(attempt=2)) == [1.0]


def test_effects_match_by_every_key():
    """Tool, node, tenant, attempt and call each select."""
    effects = [effect(1.0), effect(2.0, attempt=2), effect(3.0, None, name="mail", node="ship", tenant="globex")]
    recording = record(effects=effects)
    for where, size in [
        ({"tool": "charge_card"}, 2), ({"node": "ship"}, 1), ({"tenant": "globex"}, 1), ({"attempt": 2}, 1),
        ({"call": 2}, 1), ({"tool": "mail", "attempt": 2}, 0),
    ]:  # fmt: skip
        assert measure("effects.unkeyed", recording, CheckWhere(**where), WHOLE).size == size


def test_zombies_and_unkeyed_effects_are_flags():
    """An effect is a zombie when nobody waited, and unkeyed without a key."""
    recording = record(effects=[effect(1.0), effect(2.0, None, gone="deadline")])
    assert values("effects.zombies", recording) == [0.0, 1.0]
    assert values("effects.unkeyed", recording) == [0.0, 1.0]


def test_effects_whose_numbers_fall_together_are_told_apart(monkeypatch):
    """A number only says what is not worth comparing in full; equal ones prove nothing."""
    monkeypatch.setattr(selection, "_number", lambda _identity: 7)
    effects = [effect(1.0, "k1"), effect(2.0, "k2"), effect(3.0, "k1"), effect(4.0, None), effect(5.0, "k3")]
    assert values("effects.duplicates", record(effects=effects)) == [0.0, 0.0, 1.0, 0.0, 0.0]


def test_leaks_are_sightings_by_others():
    """The owner's own sighting is a control; that of another is a leak, and `tenant` is the owner."""
    recording = record(sightings=[sighting(leaked=False, seen_by="acme"), sighting()])
    assert values("leaks.confirmed", recording) == [0.0, 1.0]
    assert values("leaks.confirmed", recording, CheckWhere(tenant="globex")) == []


keys = st.lists(st.sampled_from(["k1", "k2", "k3", "k4"]), max_size=30)


@settings(derandomize=True, database=None, deadline=None, max_examples=60)
@given(keys)
def test_duplicates_are_the_total_less_the_distinct(drawn):
    """However effects fall, the duplicates are all effects less one for each key."""
    effects = [effect(float(at_s), key) for at_s, key in enumerate(drawn)]
    samples: Samples = measure("effects.duplicates", record(effects=effects), ANY, WHOLE)
    assert sum(samples.values) == len(drawn) - len(dict.fromkeys(drawn))
    assert samples.size == len(drawn)
