"""What the code under test states about itself, counted in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim import always, sometimes
from sim.watch.properties import watched_properties

if TYPE_CHECKING:
    from sim.model.properties import PropertyTally


def test_each_property_is_counted_by_its_name():
    """How often it held and failed, and when and where it first failed."""
    tallies: dict[str, PropertyTally] = {}
    times_s = iter([3.0, 4.0])
    with watched_properties(tallies, lambda: next(times_s)):
        for holds in (True, False, False, True):
            always(holds, "stock is never negative")
        sometimes(True, "somebody pays")
    assert {name: (tally.kind, tally.name, tally.held, tally.failed, tally.first_failure_s, tally.actor)
            for name, tally in tallies.items()} == {
        "stock is never negative": ("always", "stock is never negative", 2, 2, 3.0, "code outside a task"),
        "somebody pays": ("sometimes", "somebody pays", 1, 0, None, ""),
    }  # fmt: skip


def test_outside_of_a_run_nothing_is_counted():
    """The observer of before is back, also after an exception."""
    outer: dict[str, PropertyTally] = {}
    inner: dict[str, PropertyTally] = {}
    with watched_properties(outer, lambda: 1.0):
        with pytest.raises(KeyboardInterrupt), watched_properties(inner, lambda: 2.0):
            raise KeyboardInterrupt
        sometimes(True, "it")
    assert (list(outer), inner) == (["it"], {})
