"""Faults, checks and numbers in short text."""

from __future__ import annotations

from math import inf

import pytest
from made_recordings import make_scenario

from sim.checks.describe import describe_limit, describe_parameters, describe_time, describe_value, describe_where
from sim.checks.words import counted, seed_list, share_of_seeds
from sim.model.scenario import Where

SPREAD = {"dist": "lognormal", "median": "900ms", "spread": 0.4, "max": "5s"}


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "latency", "delay": "900ms"}, "900 ms"),
        ({"kind": "latency", "delay": "900ms", "side": "request"}, "900 ms, before the call acts"),
        ({"kind": "latency", "delay": SPREAD}, "900 ms lognormal 0.4, max 5 s"),
        (
            {"kind": "latency", "delay": {"dist": "exponential", "median": "1s"}, "chance": 0.3},
            "1 s exponential, chance 0.3",
        ),
        ({"kind": "tool_error", "max_fires": 2}, "unavailable, before the effect, at most 2 times"),
        ({"kind": "tool_error", "max_fires": 1}, "unavailable, before the effect, at most once"),
        ({"kind": "tool_error", "error": "timeout", "after_effect": True}, "timeout, answer lost after the effect"),
        (
            {"kind": "retry_storm", "window": {"from": "1s", "for": "8s"}, "share": 0.9, "clients": 200, "attempts": 5},
            "share 0.9, 200 clients x 5 attempts, backoff 100 ms, jitter none",
        ),
        ({"kind": "latency", "delay": {"dist": "uniform", "median": "1s", "spread": 0.5}}, "1 s uniform 0.5"),
        ({"kind": "hang"}, "for ever"),
        ({"kind": "hang", "release": "3s", "side": "request"}, "for 3 s, before the call acts"),
        ({"kind": "crash", "restart_after": "2s"}, "when the call begins, restart after 2 s, at most once"),
        (
            {"kind": "crash", "restart_after": "2s", "after_effect": True, "max_fires": 3},
            "after the effect, restart after 2 s, at most 3 times",
        ),
        ({"kind": "cancel"}, "the whole request, when the call begins"),
        ({"kind": "cancel", "what": "node", "after_effect": True}, "the attempt, after the effect"),
        ({"kind": "rate_limit", "rate": "10/s", "burst": 5}, "10/s, burst 5"),
        ({"kind": "rate_limit", "rate": "10/s", "retry_after": "2s"}, "10/s, burst 1, retry after 2 s"),
        ({"kind": "corrupt", "how": "remove", "fields": ["total", "tax"]}, "remove total tax"),
        ({"kind": "squeeze", "where": {"node": "charge"}, "concurrency": 2}, "concurrency 2"),
        ({"kind": "squeeze", "where": {"node": "charge"}, "queue_maxsize": 3}, "queue_maxsize 3"),
        ({"kind": "store_error", "op": "save_event", "error": "timeout"}, "save_event, timeout"),
        ({"kind": "drop", "where": {"node": "charge"}, "chance": 0.999}, "lost, chance 0.999"),
        ({"kind": "duplicate", "where": {"node": "charge"}, "copies": 2}, "3 times"),
        ({"kind": "reorder", "where": {"node": "charge"}, "within": "2s"}, "within 2 s"),
        (
            {"kind": "slow_stream", "where": {"node": "charge"}, "first_chunk": "2s", "gap": "300ms", "cut_after": 4},
            "first chunk 2 s, gap 300 ms, cut after 4",
        ),
        ({"kind": "slow_stream", "where": {"node": "charge"}, "gap": "1s"}, "gap 1 s"),
        ({"kind": "clock_skew", "offset": "-2s", "drift": 0.01}, "offset -2 s, drift 0.01"),
        ({"kind": "clock_skew", "offset": "2s"}, "offset 2 s"),
        ({"kind": "clock_skew", "drift": 0.5}, "drift 0.5"),
        ({"kind": "custom", "factory": "shop:fault", "args": {"size": 3, "how": "big"}}, "shop:fault, size 3, how big"),
        (
            {"kind": "tenant_probe", "victim": "acme", "attacker": "globex", "look_in": ["egress", "logs"]},
            "acme's secrets in payload, looked for by globex in egress, logs",
        ),
    ],
)
def test_a_fault_is_told_in_a_line(fault, text):
    """Every kind of fault has its parameters in short."""
    scenario = make_scenario(faults=[{"id": "f", **fault}], tenants=("acme", "globex"))
    assert describe_parameters(scenario.faults[0]) == text


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ({"metric": "trace.latency", "stat": "p99", "max": "400ms"}, "<= 400 ms"),
        ({"metric": "trace.latency", "stat": "p99", "min": "1s", "max": "2s"}, ">= 1 s and <= 2 s"),
        ({"metric": "trace.latency", "stat": "count", "min": 5}, ">= 5"),
        ({"metric": "trace.latency", "stat": "p99", "max": 1.2, "versus": "baseline"}, "<= 1.2 x baseline"),
        ({"metric": "trace.errors", "stat": "rate", "max": 0.01}, "<= 0.01"),
        ({"metric": "attempts.per_request", "stat": "max", "max": 2}, "<= 2 x"),
        ({"metric": "effects.duplicates", "max": 0}, "<= 0"),
    ],
)
def test_a_limit_is_told_with_its_unit(check, text):
    """Bounds read as they are written in the file."""
    assert describe_limit(make_scenario({"id": "c", **check}).checks[0]) == text


def test_where_lists_the_given_keys():
    """Only keys that select something are told."""
    assert describe_where(Where(node="search", tenant="acme", attempt=1)) == "node=search tenant=acme attempt=1"
    assert describe_where(Where()) == ""


def test_numbers_read_well():
    """Values and times have the digits that a reader needs."""
    assert [describe_value(1.642, "s"), describe_value(2.0, "x"), describe_value(0.01234, "")] == [
        "1.64 s",
        "2 x",
        "0.0123",
    ]
    assert describe_value(inf, "x") == "beyond any bound, beside a baseline of 0"
    assert [describe_time(40.12), describe_time(41.2), describe_time(0.105), describe_time(100)] == [
        "40.12 s", "41.20 s", "0.105 s", "100.00 s",
    ]  # fmt: skip


def test_seeds_and_counts_read_well():
    """One is singular, many are cut short."""
    assert [seed_list([17]), seed_list([31, 17]), seed_list([9, 1, 2, 3, 4])] == [
        "seed 17", "seeds 17, 31", "seeds 1, 2, 3 and 2 more",
    ]  # fmt: skip
    assert [share_of_seeds(1, 1), share_of_seeds(12, 20)] == ["the only seed", "12 of 20 seeds"]
    assert [counted(1, "call"), counted(0, "call")] == ["1 call", "0 calls"]
