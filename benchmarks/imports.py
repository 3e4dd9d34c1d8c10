"""How long `from penguiflow import *` takes, next to `import pydantic`, and what it pulls in.

Public names come in when they are used, so all of them are asked for.

Every import happens in a fresh interpreter, with bytecode already compiled,
in turn with the import that it is compared to; the time is that of the import
statement. What it goes to comes from one more run under `-X importtime`.

    python benchmarks/imports.py [--rounds 9] [--json FILE]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from _measure import Row, in_fresh_process, report

EVERYTHING = "from penguiflow import *"
GOAL_MS = 200.0
NOT_FOR_A_RUNTIME = (
    *("sim", "hypothesis", "freezegun", "pytest", "yaml"),
    *("matplotlib", "numpy", "jinja2"),
    *("aiohttp", "django", "fastapi", "flask", "httpx", "mcp", "starlette"),
)


def import_here_ms(statement: str) -> float:
    """Milliseconds that `statement` takes in a fresh interpreter."""
    program = f"import time; t = time.perf_counter(); {statement}; print((time.perf_counter() - t) * 1000)"
    return in_fresh_process("-c", program)


def own_ms() -> dict[str, float]:
    """Milliseconds that each top-level package spends in its own modules while the runtime is imported."""
    command = [sys.executable, "-X", "importtime", "-c", EVERYTHING]
    answer = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own program
    packages: dict[str, float] = {}
    for line in answer.stderr.splitlines()[1:]:  # below the heading
        own_us, _, name = line.removeprefix("import time:").split("|")
        package = name.strip().partition(".")[0]
        packages[package] = packages.get(package, 0.0) + int(own_us) / 1000
    return packages


def measure(rounds: int) -> list[Row]:
    """Both imports in turn."""
    pairs = [(import_here_ms(EVERYTHING), import_here_ms("import pydantic")) for _ in range(rounds)]
    return [
        Row(EVERYTHING, tuple(ours_ms for ours_ms, _ in pairs), "ms", GOAL_MS),
        Row("import pydantic", tuple(theirs_ms for _, theirs_ms in pairs), "ms"),
        Row("penguiflow / pydantic", tuple(ours_ms / theirs_ms for ours_ms, theirs_ms in pairs)),
    ]


def show_what_came(packages: dict[str, float], shown: int = 12) -> None:
    """Print the packages that took longest, and those that a runtime should do without."""
    longest = sorted(packages.items(), key=lambda item: -item[1])[:shown]
    unwanted = ", ".join(name for name in NOT_FOR_A_RUNTIME if name in packages) or "none"
    print("goes to, under -X importtime:", ", ".join(f"{name} {own:.0f} ms" for name, own in longest))
    print(f"harness, plotting, test or web modules among the {len(packages)} top-level ones: {unwanted}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each import is measured")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    report(measure(options.rounds), options.json)
    show_what_came(own_ms())


if __name__ == "__main__":
    main()
