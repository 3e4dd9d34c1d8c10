"""How wrong a skewed clock is, and when."""

from __future__ import annotations

import pytest
from one_call import fault_of

from sim.faults.clocks import ClockSkew
from sim.kernel import World
from sim.model.recording import FaultCount


@pytest.mark.parametrize(
    ("fields", "ahead"),
    [
        ({"offset": "-5s"}, {0: -5, 10: -5, 14: -5, 15: -5}),
        ({"offset": "3s", "window": {"from": "10s", "for": "5s"}}, {0: 0, 9.999: 0, 10: 3, 14.999: 3, 15: 0, 99: 0}),
        ({"drift": 0.5, "window": {"from": "10s"}}, {0: 0, 10: 0, 12: 1, 14: 2}),
        ({"offset": "3s", "drift": -0.5, "window": {"from": "10s"}}, {10: 3, 12: 2, 16: 0, 18: -1}),
    ],
)
def test_a_skewed_clock_is_ahead_inside_its_window(fields, ahead):
    """By its offset, and by its drift for each second since the window opened; outside of it the clock is right."""
    world, count = World(1), FaultCount()
    skew = ClockSkew(fault_of("clock_skew", **fields), world, count)
    assert {at_s: skew.ahead_s(at_s) for at_s in ahead} == ahead
    assert world.skews == [skew.ahead_s]
    from_s, end_s = skew._fault.window.from_, skew._fault.window.end_s
    readings = sum(from_s <= at_s < end_s for at_s in ahead)
    assert (count.matched, count.fired) == (readings, readings)
