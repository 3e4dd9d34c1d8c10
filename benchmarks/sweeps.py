"""How long sweeps take from the command to the written report: many scenarios, the shipped ones, one worker or two.

Twenty scenarios of three nodes, with retries, an effect, two faults and four
checks, run ten seeds of 500 requests each: 100,000 requests. Reports and
plots are written. Each figure is the wall clock of the whole command.

    python benchmarks/sweeps.py [--rounds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import Row, report

SCENARIOS, SEEDS = 20, 10
SWEEP_GOAL_S = 20.0
SHIPPED_GOAL_S = 120.0
SHIPPED = Path(__file__).parents[1] / "scenarios"
FLOW = """\
import asyncio

from penguiflow import Node, NodePolicy, create


async def charge():
    await asyncio.sleep(0.01)


async def take(message, ctx):
    await asyncio.sleep(0.01)
    return message


async def pay(message, ctx):
    await ctx.effect("charge", charge, key=f"{message.trace_id}/charge")
    return message


def build():
    policy = NodePolicy(timeout_s=1, max_retries=1, backoff_base=0.1)
    first, second, third = Node(take, name="take"), Node(pay, name="pay", policy=policy), Node(take, name="ship")
    return create(first.to(second), second.to(third), third.to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: scenario-{number}
flow: swept_flow:build
horizon: 120s
seeds: {{first: 1, count: {seeds}}}
load: {{stages: [{{for: 20s, rate: 25/s}}], deadline: 5s}}
faults:
  - {{id: slow, kind: latency, where: {{node: take}}, delay: 50ms, chance: 0.1}}
  - {{id: down, kind: tool_error, where: {{tool: charge}}, chance: 0.05}}
checks:
  - {{id: calm, metric: trace.latency, stat: p99, max: 10s}}
  - {{id: in-time, metric: trace.timeouts, stat: rate, max: 0.05}}
  - {{id: once, metric: effects.duplicates, max: 0}}
  - {{id: depth, metric: queue.depth, stat: max, max: 10000}}
"""


def write_scenarios(folder: Path) -> None:
    """The scenarios and their flow."""
    (folder / "swept_flow.py").write_text(FLOW, encoding="utf-8")
    for number in range(SCENARIOS):
        text = SCENARIO.format(number=number, seeds=SEEDS)
        (folder / f"scenario-{number}.sim.yaml").write_text(text, encoding="utf-8")


def seconds(scenarios: Path, reports: Path, jobs: str) -> float:
    """Wall clock of one `sim run` with its reports; the sweep has to pass."""
    command = [sys.executable, "-m", "sim", "run", str(scenarios), "--report", str(reports), "-j", jobs]
    started_s = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    if done.returncode != 0:
        raise SystemExit(f"the sweep ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - started_s


def measure(rounds: int) -> list[Row]:
    """Each figure once a round, in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder, reports = Path(name), Path(name) / "reports"
        write_scenarios(folder)
        one, two, shipped = [], [], []
        for _ in range(rounds):
            one.append(seconds(folder, reports, "1"))
            two.append(seconds(folder, reports, "2"))
            shipped.append(seconds(SHIPPED, reports, "auto"))
    what = f"{SCENARIOS} scenarios x {SEEDS} seeds x 500 requests"
    share = tuple(fast / slow for fast, slow in zip(two, one, strict=True))
    return [
        Row(f"{what}, -j 1", tuple(one), "s"),
        Row(f"{what}, -j 2", tuple(two), "s", SWEEP_GOAL_S),
        Row("two workers / one", share),
        Row("the shipped suite", tuple(shipped), "s", SHIPPED_GOAL_S),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each command is measured")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    report(measure(options.rounds), options.json)


if __name__ == "__main__":
    main()
