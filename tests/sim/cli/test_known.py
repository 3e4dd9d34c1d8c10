"""`sim run` with failures that are known."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from command import SCENARIOS, sim

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """The fragile checkout as a scenario whose failure is known until a day, instead of a demonstration."""
    shutil.copytree(SCENARIOS / "flows", tmp_path / "flows")
    text = (SCENARIOS / "checkout-fragile.sim.yaml").read_text()
    entry = "known:\n  - {check: charge-once, issue: SHOP-17, until: 2027-03-31}\n"
    file = tmp_path / "known.sim.yaml"
    file.write_text(text.partition("expect:")[0] + entry)
    return file


def test_a_known_failure_passes_until_its_day_and_the_bytes_do_not_tell_the_day(known, tmp_path):
    """On two days before the date the exit code is 0 and the result the same; after it the run fails."""
    first = sim("run", known, "--today", "2027-01-01", "--report", tmp_path / "first")
    last = sim("run", known, "--today", "2027-03-31", "--report", tmp_path / "last")
    past = sim("run", known, "--today", "2027-04-01")

    assert (first.returncode, last.returncode, past.returncode) == (0, 0, 1)
    assert "known (SHOP-17) until 2027-03-31" in " ".join(first.stdout.split())
    assert "excused only until 2027-03-31" in " ".join(past.stdout.split())
    results = [(tmp_path / day / "result.json").read_bytes() for day in ("first", "last")]
    assert results[0] == results[1]


def test_a_day_that_is_none_is_refused(known):
    """A date in another form is an error of usage, with the form that is wanted."""
    finished = sim("run", known, "--today", "31.3.2027")

    assert finished.returncode == 2
    assert "'31.3.2027' is no date; a date is year-month-day; write 2027-03-31" in finished.stderr
