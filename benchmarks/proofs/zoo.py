"""Fourteen races and their correct twins: how many runs it takes to find each, and that no twin is accused.

python benchmarks/proofs/zoo.py --twin-runs 1000 --json zoo.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sim

if TYPE_CHECKING:
    from collections.abc import Callable

ZOO = Path(__file__).parents[2] / "tests" / "sim" / "zoo"
MEDIAN_MAX = 10
WORST_MAX = 200


def measure(race: Callable[..., Any], twin: Callable[..., Any], twin_runs: int) -> dict[str, Any]:
    """Runs until the race fails, the plan that did it, and how often its twin fails."""
    found = sim.explore(race, seeds=range(WORST_MAX))
    innocent = sim.explore(twin, seeds=range(twin_runs), keep_going=True)
    failure = next(iter(found.failures), None)
    return {
        "race": race.__name__,
        "runs": found.runs if failure else None,
        "error": type(failure.error).__name__ if failure else "",
        "plan": failure.plan.as_dict() if failure else {},
        "twin_runs": innocent.runs,
        "false_alarms": len(innocent.failures),
    }


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    print(f"{'race':22} {'runs':>5} {'twin runs':>10} {'alarms':>7}  plan")
    for row in rows:
        runs = "none" if row["runs"] is None else row["runs"]
        print(f"{row['race']:22} {runs:>5} {row['twin_runs']:>10} {row['false_alarms']:>7}  {row['plan']}")


def verdict(rows: list[dict[str, Any]]) -> tuple[str, bool]:
    """One line about all races, and whether it is good."""
    runs = [row["runs"] for row in rows if row["runs"] is not None]
    alarms = sum(row["false_alarms"] for row in rows)
    median, worst = statistics.median(runs or [0]), max(runs, default=0)
    good = len(runs) == len(rows) >= 12 and median <= MEDIAN_MAX and worst <= WORST_MAX and not alarms
    line = f"{len(runs)} of {len(rows)} found; median {median:g} runs, worst {worst}; {alarms} false alarms"
    return line, good


def main() -> None:
    """Explore every race and every twin."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--twin-runs", type=int, default=1000, help="runs of each correct twin")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    sys.path.insert(0, str(ZOO))
    specimens = import_module("specimens")  # it lies with the tests, which run a short version of this
    rows = [measure(race, specimens.twin_of(race), options.twin_runs) for race in specimens.RACES]
    show(rows)
    line, good = verdict(rows)
    print(line)
    if options.json:
        report = {"python": platform.python_version(), "good": good, "results": rows}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.exit(not good)


if __name__ == "__main__":
    main()
