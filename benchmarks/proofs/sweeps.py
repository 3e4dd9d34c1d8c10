"""A sweep says the same however its seeds are run: in one process or two, and in any order.

Ten thousand seeds of a small scenario are swept by one worker and by two; the
reports have to be the same to the byte. Then every scenario that is shipped
is run again and again in this process, the seeds of all of them shuffled into
one row: each verdict, and each digest, has to be that of the first time.

    python benchmarks/proofs/sweeps.py
    python benchmarks/proofs/sweeps.py --seeds 500 --passes 2
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sim.checks.verdicts import merge
from sim.loader import LoadedScenario, load_scenario, modules_of
from sim.prepare import prepare
from sim.search.scenarios import plans_of, wanted
from sim.sweep.jobs import judge_seed

if TYPE_CHECKING:
    from sim.model.outcome import SeedOutcome
    from sim.model.plan import Plans
    from sim.model.prepared import Prepared

SHIPPED = Path(__file__).parents[2] / "scenarios"
FLOW = """\
import asyncio

from penguiflow import Node, NodePolicy, create


async def charge():
    await asyncio.sleep(0.01)


async def pay(message, ctx):
    await ctx.effect("charge", charge)
    return message


def build():
    policy = NodePolicy(timeout_s=0.5, max_retries=1, backoff_base=0.1)
    return create(Node(pay, name="pay", policy=policy).to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: swept
flow: swept_flow:build
horizon: 60s
load: {arrival: poisson, stages: [{for: 2s, rate: 2/s}], deadline: 5s}
faults:
  - {id: lost, kind: tool_error, where: {tool: charge}, chance: 0.05, after_effect: true}
  - {id: slow, kind: latency, where: {tool: charge}, delay: {dist: exponential, median: 100ms}, chance: 0.2}
checks:
  - {id: once, metric: effects.duplicates, max: 0}
  - {id: calm, metric: trace.latency, stat: p99, max: 1s}
"""


def contents(report: Path) -> dict[str, bytes]:
    """Every file of a report but `run.json`, which says when and where."""
    files = [path for path in report.rglob("*") if path.is_file() and path.name != "run.json"]
    return {path.relative_to(report).as_posix(): path.read_bytes() for path in files}


def one_worker_or_two(seeds: int) -> list[str]:
    """The files of a report that depend on how many workers there were."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "swept_flow.py").write_text(FLOW, encoding="utf-8")
        (folder / "swept.sim.yaml").write_text(SCENARIO, encoding="utf-8")
        for jobs in ("1", "2"):
            options = ["--seeds", str(seeds), "-j", jobs, "--report", str(folder / jobs)]
            command = [sys.executable, "-m", "sim", "run", str(folder / "swept.sim.yaml"), *options]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
            if done.returncode not in (0, 1):
                raise SystemExit(f"the sweep ended with {done.returncode}:\n{done.stderr}")
        one, two = contents(folder / "1"), contents(folder / "2")
    return sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))


Shipped = tuple[LoadedScenario, "Prepared", "Plans | None"]


def shipped() -> list[Shipped]:
    """Every shipped scenario, with the plans of its seeds."""
    found: list[Shipped] = []
    for file in sorted(SHIPPED.glob("*.sim.yaml")):
        loaded = load_scenario(file)
        if loaded.scenario.load.trace is not None and "TRAFFIC_CSV" not in os.environ:
            print(f"left out {loaded.scenario.name}: TRAFFIC_CSV names no recorded traffic")
            continue
        prepared, explore = prepare(loaded), wanted(loaded.scenario, asked=False)
        seeds = loaded.scenario.seeds.all()
        found.append((loaded, prepared, None if explore is None else plans_of(loaded, prepared, seeds, explore)))
    return found


def run_all(suite: list[Shipped], order: random.Random | None) -> list[tuple[str, str, str]]:
    """Name, verdict and digest of each scenario, after all seeds of all of them ran in one shuffled row."""
    row = [(place, seed) for place, (loaded, _, _) in enumerate(suite) for seed in loaded.scenario.seeds.all()]
    if order is not None:
        order.shuffle(row)
    outcomes: dict[tuple[int, int], SeedOutcome] = {}
    for place, seed in row:
        loaded, prepared, plans = suite[place]
        with modules_of(loaded.folder):
            outcomes[place, seed] = judge_seed(prepared, seed, None if plans is None else plans.by_seed[seed])
    results = []
    for place, (loaded, _, plans) in enumerate(suite):
        several = [outcomes[place, seed] for seed in loaded.scenario.seeds.all()]
        result = merge(loaded.scenario, several, file=loaded.file, lines={}, twice={}, plans=plans)
        results.append((result.name, result.verdict, result.digest))
    return results


def main() -> None:
    """Sweep, run again, and say what was not the same."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10_000, help="seeds for one worker and for two")
    parser.add_argument("--passes", type=int, default=39, help="how often every shipped scenario is run again")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this program, once more
    differing = one_worker_or_two(options.seeds)
    print(f"{options.seeds:,} seeds by one worker and by two: {', '.join(differing) or 'no byte differs'}", flush=True)
    suite = shipped()
    first = run_all(suite, None)
    flips = []
    for number in range(options.passes):
        again = run_all(suite, random.Random(number))
        flips += [f"{name} in pass {number}" for (name, *_), one in zip(first, again, strict=True) if one not in first]
    reruns = options.passes * len(suite)
    told = ", ".join(flips) or "no verdict and no digest flips"
    print(f"{reruns:,} reruns of {len(suite)} scenarios, all seeds shuffled: {told}")
    sys.exit(bool(differing or flips))


if __name__ == "__main__":
    main()
