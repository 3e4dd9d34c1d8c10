"""How long the command line takes before it does anything: its help, and the check of a hundred files.

Each figure is of fresh processes, with bytecode already compiled. Beside the
wall clock stands processor time, which a busy machine disturbs less.

    python benchmarks/commands.py [--rounds 7] [--json FILE]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import Row, report

HELP = ["-c", "from penguiflow.cli import main; main(['sim', '--help'], prog_name='penguiflow')"]
HELP_GOAL_MS = 150.0
CHECK_GOAL_MS = 1_000.0
FILES = 100
FLOW = """\
from penguiflow import Node, create

async def first(message, ctx):
    return message

async def second(message, ctx):
    return message

def build():
    start, end = Node(first, name="first"), Node(second, name="second")
    return create(start.to(end), end.to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: scenario-{number}
flow: flow_{module}:build
tenants: {{acme: {{weight: 3}}, globex: {{weight: 1}}}}
load: {{deadline: 2s, stages: [{{for: 30s, rate: 5/s}}]}}
faults:
  - {{id: slow, kind: latency, where: {{node: second}}, window: {{from: 5s, for: 10s}}, delay: 900ms}}
  - {{id: down, kind: tool_error, where: {{node: first, attempt: 1}}, window: {{from: 5s}}, chance: 0.1}}
checks:
  - {{id: calm, metric: trace.latency, stat: p99, during: before-faults, max: 400ms}}
  - {{id: once, metric: effects.duplicates, max: 0}}
"""


def milliseconds(arguments: list[str]) -> tuple[float, float]:
    """Wall clock and processor time of one fresh process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - our own program
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1000, spent * 1000


def write_scenarios(folder: Path) -> None:
    """A hundred scenario files over ten modules with a flow each."""
    for module in range(10):
        (folder / f"flow_{module}.py").write_text(FLOW, encoding="utf-8")
    for number in range(FILES):
        text = SCENARIO.format(number=number, module=number % 10)
        (folder / f"scenario-{number}.sim.yaml").write_text(text, encoding="utf-8")


def measure(what: str, arguments: list[str], goal: float, rounds: int) -> list[Row]:
    """Both times of one command."""
    milliseconds(arguments)  # compiles what is not compiled yet
    walls, spent = zip(*(milliseconds(arguments) for _ in range(rounds)), strict=True)
    return [Row(what, walls, "ms", goal), Row(f"{what}, processor time", spent, "ms", goal)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each command is measured")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_scenarios(Path(name))
        rows = measure("penguiflow sim --help", HELP, HELP_GOAL_MS, options.rounds)
        rows += measure(f"sim check of {FILES} files", ["-m", "sim", "check", name], CHECK_GOAL_MS, options.rounds)
    report(rows, options.json)


if __name__ == "__main__":
    main()
