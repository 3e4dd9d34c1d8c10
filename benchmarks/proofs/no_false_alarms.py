"""Every hardened scenario that is shipped, with every invariant asked for: no check that is always on fires.

python benchmarks/proofs/no_false_alarms.py --seeds 50 --json alarms.json
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.checks.evaluate import evaluate_seed
from sim.harness import run_seed
from sim.loader import ScenarioError, load_scenario, modules_of
from sim.model.metrics import METRICS
from sim.model.scenario import Check
from sim.prepare import prepare

if TYPE_CHECKING:
    from sim.model.prepared import Prepared

SCENARIOS = Path(__file__).parents[2] / "scenarios"
INVARIANTS = [name for name in METRICS if name.startswith(("invariants.", "traces.", "state."))]


def measure(file: Path, seeds: int) -> dict[str, Any]:
    """How often each always-on check and each invariant fired in one scenario, and how much each looked at."""
    loaded = load_scenario(file)
    prepared = _with_invariants(prepare(loaded))
    fired: Counter[str] = Counter()
    looked_at: Counter[str] = Counter()
    with modules_of(loaded.folder):
        for seed in range(1, seeds + 1):
            outcome = evaluate_seed(prepared.scenario, run_seed(prepared, seed))
            for check in outcome.checks:
                fired[check.id] += check.verdict == "fail"
                looked_at[check.id] += check.samples
    return {"scenario": file.name, "seeds": seeds, "fired": dict(fired), "looked_at": dict(looked_at)}


def _with_invariants(prepared: Prepared) -> Prepared:
    """The same scenario with the invariants instead of its own checks, which are allowed to be broken."""
    kinds = {fault.kind for fault in prepared.scenario.faults}
    # A store that a fault lets fail does lose what it was given.
    names = [name for name in INVARIANTS if name != "invariants.history" or "store_error" not in kinds]
    checks = tuple(Check.model_validate({"id": name, "metric": name, "max": 0}) for name in names)
    return replace(prepared, scenario=prepared.scenario.model_copy(update={"checks": checks, "expect": ()}))


def show(row: dict[str, Any]) -> None:
    """Print one scenario's line, and every check that fired."""
    looked_at = sum(row["looked_at"].values())
    alarms = {name: number for name, number in row["fired"].items() if number}
    print(f"{row['scenario']:34} {row['seeds']:>5} seeds {looked_at:>10,} samples  {alarms or 'no alarm'}")


def main() -> None:
    """Run every hardened scenario."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=50, help="seeds of each scenario")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    rows = []
    for file in sorted(SCENARIOS.glob("*-hardened.sim.yaml")):
        try:
            rows.append(measure(file, options.seeds))
        except ScenarioError as error:
            print(f"{file.name:34} left out: {error.problems[0].message}")
        else:
            show(rows[-1])
    alarms = sum(sum(row["fired"].values()) for row in rows)
    print(f"{alarms} alarms in {sum(row['seeds'] for row in rows)} runs of {len(rows)} scenarios")
    if options.json:
        report = {"python": platform.python_version(), "good": not alarms, "results": rows}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.exit(bool(alarms) or not rows)


if __name__ == "__main__":
    main()
