"""The nouns of `during`."""

from __future__ import annotations

from math import inf

import pytest
from made_recordings import LATENCY, PROBE, make_scenario

from sim.checks.windows import Interval, interval_of

LATER = {**LATENCY, "id": "later", "window": {"from": "15s", "for": "20s"}}


def interval(during: str, *faults, metric="trace.latency") -> Interval:
    check = {"id": "c", "metric": metric, "stat": "max", "during": during, "max": "1s"}
    scenario = make_scenario(check, faults=faults, tenants=("acme", "globex"))
    return interval_of(scenario, scenario.checks[0])


@pytest.mark.parametrize(
    ("during", "expected"),
    [
        ("whole", Interval(0.0, inf)),
        ("before-faults", Interval(0.0, 10.0)),
        ("after-faults", Interval(35.0, inf)),
        ("slow", Interval(10.0, 20.0)),
        ("later", Interval(15.0, 35.0)),
    ],
)
def test_nouns_are_intervals(during, expected):
    """Each noun is one stretch of virtual time: before the first window, after the last, or a fault's own."""
    assert interval(during, LATENCY, LATER) == expected


@pytest.mark.parametrize("during", ["whole", "before-faults", "after-faults"])
def test_without_faults_every_noun_is_the_whole_run(during):
    """Where nothing goes wrong, before and after the faults is always."""
    assert interval(during) == Interval(0.0, inf)


def test_a_probe_disturbs_nothing():
    """A tenant probe over the whole run leaves a calm stretch before the first fault."""
    assert interval("before-faults", PROBE, LATENCY) == Interval(0.0, 10.0)
    assert interval("peek", PROBE, LATENCY) == Interval(0.0, inf)


def test_after_an_open_window_there_is_no_time():
    """After faults that never end, no moment counts."""
    assert 1e9 not in interval("after-faults", {**LATENCY, "window": {"from": "1s"}})


def test_recovery_without_a_fault_of_its_own_means_all_windows():
    """A recovery check on the whole run looks from the first opening to the last closing."""
    assert interval("whole", LATENCY, LATER, metric="recovery.time") == Interval(10.0, 35.0)


def test_an_interval_holds_its_start_and_not_its_end():
    """Neighbouring stretches share no moment."""
    assert 10.0 in Interval(10.0, 20.0)
    assert 20.0 not in Interval(10.0, 20.0)


def test_an_unknown_noun_is_named():
    """The error lists the nouns that there are."""
    with pytest.raises(ValueError, match=r"during 'soon' is no stretch of checkout; it is one of whole, .*, slow"):
        interval("soon", LATENCY)
