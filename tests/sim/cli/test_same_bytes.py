"""Same seed, same bytes: whatever the process, its hash seed, its folder and its time zone."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from command import SCENARIOS, sim

if TYPE_CHECKING:
    from pathlib import Path

FILES = [
    SCENARIOS / name for name in ("checkout-fragile.sim.yaml", "inbox-fragile.sim.yaml", "storm-hardened.sim.yaml")
]


def digests(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "run.json"  # which says when and where
    }


def entry(folder: Path) -> dict[str, object]:
    """What result.json says of the inbox."""
    scenarios = json.loads((folder / "result.json").read_text())["scenarios"]
    return next(scenario for scenario in scenarios if scenario["name"] == "inbox-fragile")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    assert sim("run", *FILES, "--seeds", "2", "--report", folder, PYTHONHASHSEED="0").returncode == 0
    return digests(folder)


def test_a_report_holds_the_result_the_page_and_the_plots(first):
    """A run leaves its numbers, one page, and two plots of each scenario in two formats."""
    assert {
        "result.json",
        "report.html",
        "plots/checkout-fragile/latency.svg",
        "plots/inbox-fragile/queues.png",
    } <= set(first)


@pytest.mark.parametrize(
    ("hash_seed", "time_zone"), [("0", "UTC"), ("1", "Asia/Tokyo"), ("random", "America/St_Johns")]
)
def test_every_byte_of_a_report_is_the_same(first, tmp_path, hash_seed, time_zone):
    """Another process, hash seed, working directory and time zone change no byte of any file."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = tmp_path / "report"
    done = sim(
        "run", *FILES, "--seeds", "2", "--report", folder,
        cwd=elsewhere, PYTHONHASHSEED=hash_seed, TZ=time_zone,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert digests(folder) == first


def test_two_runs_in_one_process_are_the_same(tmp_path):
    """A scenario gives the same result when others have run before it in the process."""
    alone, after = tmp_path / "alone", tmp_path / "after"
    assert sim("run", FILES[1], "--report", alone).returncode == 0
    assert sim("run", FILES[0], FILES[2], FILES[1], "--seeds", "5", "--report", after).returncode == 0
    plots = [name for name in digests(alone) if name.startswith("plots/inbox")]
    assert plots
    assert {name: digests(alone)[name] for name in plots} == {name: digests(after)[name] for name in plots}
    assert entry(alone) == entry(after)
