"""How closely the tests hold the rooms that judge: of the code with one small change, how much do they reject?

mutmut makes the changed versions, called mutants, of `sim/faults`, `sim/watch`
and `sim/checks`, and runs on each the tests that come by the changed function.
A mutant that fails a test, or makes it run for ever, is killed; one that passes
them all survives; one that no test comes by counts as surviving, too. Mutants
are drawn by the seed, so many of each room. mutmut stands in an environment of
its own, `.mutations/`, and works on a copy of the project.

    python benchmarks/proofs/mutations.py [--room faults] [--sample 100] [--seed 1] [--show] [--keep FOLDER]

Exits with 1 where less than 90 % of a room's sample are killed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from _environments import ROOT, InstallError, needs_of_the_harness, project, virtual_environment

ENVIRONMENT = ROOT / ".mutations"
MUTMUT = "mutmut==3.8.1"
ROOMS = ("faults", "watch", "checks")
TO_REACH = 0.9

_COPIED = ("penguiflow", "sim", "tests", "docs", "scenarios", "pyproject.toml")
_TESTS = ("checks", "watch", "faults", "harness", "search", "services")
_NOT_RUN = ("tests/sim/harness/test_leaks.py::test_whatever_is_written_is_searched_and_its_line_is_named",)
"""It holds numbers of lines, which differ in the changed code, mutant or not."""
_SETTINGS = f"""
[tool.mutmut]
source_paths = ["sim"]
only_mutate = {[f"sim/{room}/*" for room in ROOMS]}
also_copy = {[name for name in _COPIED if name != "sim"]}
pytest_add_cli_args = {[argument for test in _NOT_RUN for argument in ("--deselect", test)]}
pytest_add_cli_args_test_selection = {[f"tests/sim/{name}" for name in _TESTS]}
"""
_MAKE = """
from pathlib import Path
from mutmut import __main__ as mutmut
mutmut.set_mutant_under_test("mutant_generation")
Path("mutants").mkdir(exist_ok=True)
mutmut.copy_src_dir()
mutmut.copy_also_copy_files()
mutmut.setup_source_paths()
mutmut.create_mutants(2)
"""  # mutmut's own `run` makes the mutants and tries them at once; a sample is drawn in between
_STATUS = {1: "killed", 3: "killed", 0: "survived", 5: "no test", 33: "no test"}
"""What mutmut's exit codes mean; each other one is a run that was cut off."""


@dataclass(frozen=True)
class Row:
    """What became of the mutants of one room.

    Args:
        room: its name.
        made: how many mutants there are.
        tried: what became of each of the sample.

    """

    room: str
    made: int
    tried: dict[str, str]

    @property
    def killed(self) -> int:
        """How many the tests reject; one that runs for ever is rejected by whoever waits for it."""
        return sum(status in ("killed", "cut off") for status in self.tried.values())

    @property
    def alive(self) -> list[str]:
        """Those that nothing rejects."""
        return [name for name, status in self.tried.items() if status in ("survived", "no test")]

    def __str__(self) -> str:
        counts = Counter(self.tried.values())
        figures = "".join(f"{counts[status]:>10}" for status in ("killed", "cut off", "survived", "no test"))
        low, high = wilson(self.killed, len(self.tried))
        share = f"{self.killed / len(self.tried):>8.1%}   {low:.1%} to {high:.1%}"
        return f"{self.room:<8}{self.made:>7}{len(self.tried):>7}{figures}{share}"


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927; NIST handbook 7.2.4.1)."""
    z = 1.959964
    middle = hits + z * z / 2
    half = z * math.sqrt(hits * (tries - hits) / tries + z * z / 4)
    return (middle - half) / (tries + z * z), (middle + half) / (tries + z * z)


def copy_of_the_project(folder: Path) -> None:
    """Put what mutmut works on into `folder`, with the times of the files, by which it knows what is new."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_file():
            shutil.copy2(source, folder)
        else:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored, dirs_exist_ok=True)
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as settings:
        settings.write(_SETTINGS)


def ask(folder: Path, program: Path, *arguments: str) -> str:
    """What a program of mutmut's environment prints; everything ends where it fails."""
    done = subprocess.run(  # noqa: S603 - a program of our own environment
        [str(program), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "mutants"), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"mutmut does not run:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def exit_codes(folder: Path) -> dict[str, int | None]:
    """All mutants by name, each with what its last run left."""
    files = sorted((folder / "mutants" / "sim").rglob("*.meta"))
    codes = [json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"] for file in files]
    return {name: code for part in codes for name, code in part.items()}


def sample_of(names: list[str], size: int, seed: int) -> list[str]:
    """So many of the names, all of them for 0."""
    return sorted(random.Random(seed).sample(names, size)) if 0 < size < len(names) else names


def rows_of(python: Path, folder: Path, rooms: list[str], size: int, seed: int) -> list[Row]:
    """Make all mutants, and try a sample of each room."""
    copy_of_the_project(folder)
    ask(folder, python, "-c", _MAKE)
    made = {room: [name for name in exit_codes(folder) if name.startswith(f"sim.{room}.")] for room in rooms}
    drawn = {room: sample_of(names, size, seed) for room, names in made.items()}
    ask(folder, python.parent / "mutmut", "run", *(name for names in drawn.values() for name in names))
    codes = exit_codes(folder)
    return [
        Row(room, len(made[room]), {name: _STATUS.get(codes[name], "cut off") for name in names})
        for room, names in drawn.items()
    ]


def main() -> None:
    """Print a row for each room, and its survivors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--room", action="append", choices=ROOMS, help="all without it; may be given again")
    parser.add_argument("--sample", type=int, default=100, help="mutants of each room; 0 for all of them")
    parser.add_argument("--seed", type=int, default=1, help="another seed draws other mutants")
    parser.add_argument("--show", action="store_true", help="print what each survivor changes")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work there, and use what is there of a run before")
    options = parser.parse_args()
    needs = [MUTMUT, *needs_of_the_harness(), *project()["dependency-groups"]["test"]]
    try:
        python = virtual_environment(ENVIRONMENT, sys.executable, needs)
    except InstallError as error:
        sys.exit(f"nothing is proved: {error}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        rows = rows_of(python, folder, options.room or list(ROOMS), options.sample, options.seed)
        print(f"{'room':<8}{'made':>7}{'tried':>7}{'killed':>10}{'cut off':>10}{'survived':>10}{'no test':>10}   share")
        for row in rows:
            print(row)
        for name in (name for row in rows for name in row.alive):
            print(ask(folder, python.parent / "mutmut", "show", name) if options.show else name)
    sys.exit(any(row.killed < TO_REACH * len(row.tried) for row in rows))


if __name__ == "__main__":
    main()
