"""What the benchmark programs share: fresh processes, and a table of figures with what each has to reach."""

from __future__ import annotations

import json
import mmap
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_STATM = Path("/proc/self/statm")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Row:
    """One line of the table: the same thing, measured several times.

    Args:
        what: what was measured.
        values: one for each round.
        unit: of the values; empty for ratios.
        goal: the median may be at most this; `None` where the row is for orientation.

    """

    what: str
    values: tuple[float, ...]
    unit: str = ""
    goal: float | None = None

    @property
    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """Whether the median reaches the goal; empty without one."""
        if self.goal is None:
            return ""
        return "yes" if self.median <= self.goal else "no"


def in_fresh_process(*arguments: str) -> float:
    """The number that Python prints when it is started with `arguments`: a program of ours, or `-c`."""
    command = [sys.executable, *arguments]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own programs
    return float(answer.stdout)


def resident_bytes() -> int:
    """Memory of this process that is in use now (RSS).

    Raises:
        SystemExit: the system has no /proc to read it from.

    """
    if not _STATM.exists():
        raise SystemExit(f"resident memory is read from {_STATM}, which this system does not have; run it on Linux")
    return int(_STATM.read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE


def peak_bytes() -> int:
    """The most memory that this process ever had in use at once (VmHWM; unlike `ru_maxrss` nothing of its parent).

    Raises:
        SystemExit: the system has no /proc to read it from.

    """
    if not _STATUS.exists():
        raise SystemExit(f"peak memory is read from {_STATUS}, which this system does not have; run it on Linux")
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def report(rows: list[Row], json_path: Path | None) -> None:
    """Print the table, and write the figures where that is wanted."""
    print(f"{'':50} {'median':>9} {'unit':5} {'(min - max)':>19} {'at most':>8} reached")
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:g}"
        spread = f"{_short(min(row.values))} - {_short(max(row.values))}"
        print(f"{row.what:50} {_short(row.median):>9} {row.unit:5} {spread:>19} {goal:>8} {row.verdict}".rstrip())
    if json_path is not None:
        figures = [{"what": row.what, "unit": row.unit, "values": row.values, "goal": row.goal} for row in rows]
        answer = {"python": platform.python_version(), "results": figures}
        json_path.write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"
