"""How long one simulated run takes from start to end, and whether a process that does a thousand of them grows.

Two kinds of runs: a program of 15 sleeps (some thirty steps of the loop) in a
world of its own, and a whole scenario with one node, five requests and its
checks. For comparison the same program runs under `asyncio.run`, where a
sleep lasts no time. Every figure comes from a fresh process. 200 us a run
are 5,000 runs a second on one core.

    python benchmarks/runs.py [--runs 1000] [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _measure import Row, in_fresh_process, report, resident_bytes

from penguiflow import Node, NodePolicy, create
from sim.checks.evaluate import evaluate_seed
from sim.harness import run_seed
from sim.kernel import World
from sim.model.prepared import Prepared
from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from penguiflow import PenguiFlow

SLEEPS = 15
WARM_UP_RUNS = 100
GOAL_US = 200.0
GOAL_GROWTH = 1.05
_clock = time.perf_counter  # a world replaces time.perf_counter while it runs


# -- what is run -----------------------------------------------------------------------------


async def _sleeper(delay_s: float) -> None:
    for _ in range(SLEEPS):
        await asyncio.sleep(delay_s)


def plain_asyncio(_seed: int) -> None:
    """The program under stock asyncio; its sleeps only yield."""
    asyncio.run(_sleeper(0))


def in_world(seed: int) -> str:
    """The program in a world, with its digest."""
    world = World(seed)
    world.run(_sleeper(0.1))
    return str(world.digest)


async def _answer(message: Any, _ctx: Any) -> Any:
    await asyncio.sleep(0.05)
    return message


def _flow() -> PenguiFlow:
    return create(Node(_answer, name="answer", policy=NodePolicy(timeout_s=1.0)).to())


@cache
def _prepared() -> Prepared:
    fields = {
        "schema": "penguiflow.sim/1",
        "name": "one-node",
        "flow": "runs:_flow",
        "load": {"stages": [{"for": "5s", "rate": "1/s"}]},
        "horizon": "60s",
    }
    return Prepared(Scenario.model_validate(fields), _flow)


def scenario(seed: int) -> None:
    """One seed of a scenario, without its checks."""
    run_seed(_prepared(), seed)


def checked_scenario(seed: int) -> None:
    """One seed of a scenario, and what its checks say of it."""
    evaluate_seed(_prepared().scenario, run_seed(_prepared(), seed))


KINDS: dict[str, Callable[[int], object]] = {
    "asyncio": plain_asyncio,
    "world": in_world,
    "scenario": scenario,
    "checked": checked_scenario,
}
WORDS = {
    "asyncio": "15 sleeps of no length under asyncio.run",
    "world": "15 sleeps in a world, digest on",
    "scenario": "scenario: one node, five requests",
    "checked": "the same, and its checks",
}


# -- measured in a process of its own --------------------------------------------------------


def run_us(kind: str, runs: int) -> float:
    """Microseconds that one run takes, after some that warm up."""
    run = KINDS[kind]
    for seed in range(WARM_UP_RUNS):
        run(seed)
    started_s = _clock()
    for seed in range(runs):
        run(seed)
    return (_clock() - started_s) / runs * 1e6


def growth(kind: str, runs: int) -> float:
    """Resident memory after so many runs, of what it is after a tenth of them; nobody collects garbage for them."""
    run = KINDS[kind]
    for seed in range(runs // 10):
        run(seed)
    before = resident_bytes()
    for seed in range(runs // 10, runs):
        run(seed)
    return resident_bytes() / before


MEASURES: dict[str, Callable[[str, int], float]] = {"time": run_us, "memory": growth}


# -- the table -------------------------------------------------------------------------------


def measure(runs: int, rounds: int) -> list[Row]:
    """Each figure once a round, in turn."""
    wanted = [("time", kind) for kind in KINDS] + [("memory", kind) for kind in KINDS if kind != "asyncio"]
    values: dict[tuple[str, str], list[float]] = {what: [] for what in wanted}
    for _ in range(rounds):
        for what, kind in wanted:
            values[what, kind].append(in_fresh_process(__file__, "--only", what, kind, "--runs", str(runs)))
    return [_row(what, kind, tuple(values[what, kind])) for what, kind in wanted]


def _row(what: str, kind: str, values: tuple[float, ...]) -> Row:
    if what == "memory":
        return Row(f"memory after all runs / a tenth: {kind}", values, "", GOAL_GROWTH)
    return Row(WORDS[kind], values, "us", GOAL_US if kind == "world" else None)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="runs of each kind in one process")
    parser.add_argument("--rounds", type=int, default=5, help="how often each figure is measured")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--only", nargs=2, metavar=("MEASURE", "KIND"), help="one figure here: time world")
    options = parser.parse_args()
    if options.only:
        what, kind = options.only
        print(MEASURES[what](kind, options.runs))
        return
    report(measure(options.runs, options.rounds), options.json)


if __name__ == "__main__":
    main()
