"""Puts each defect of RUNTIME's section 3 into a copy of the runtime, one by one, and sees the tests of its row fail.

The defects stand in `planted_defects.toml`.

    python benchmarks/proofs/planted_defects.py [--row N]

Exits with 1 where the tests of a row pass all the same, or fail without it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("penguiflow", "sim", "tests", "pyproject.toml")
DEFECTS: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())["defect"]


def copy_of_the_project(folder: Path) -> Path:
    """The packages and tests, in `folder`."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def tests_pass(project: Path, rows: list[int]) -> bool:
    """Whether every test that is named after one of `rows` passes."""
    names = " or ".join(f"test_w{row}_ or test_w{row:02d}_" for row in rows)
    command = [sys.executable, "-m", "pytest", "tests/penguiflow", "-x", "-q", "-p", "no:cacheprovider", "-k", names]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603 - our own tests
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"the tests of rows {rows} do not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def plant(project: Path, defect: dict[str, Any]) -> dict[Path, str]:
    """Put `defect` into the copy; the texts that were there before."""
    before: dict[Path, str] = {}
    for edit in defect["edit"]:
        path = project / "penguiflow" / edit["file"]
        text = path.read_text()
        if text.count(edit["old"]) != 1:
            sys.exit(f"W{defect['row']}: {edit['file']} holds this {text.count(edit['old'])} times:\n{edit['old']}")
        before.setdefault(path, text)
        path.write_text(text.replace(edit["old"], edit["new"]))
    return before


def found(project: Path, defect: dict[str, Any]) -> bool:
    """Whether the tests of the row fail while its defect is there."""
    before = plant(project, defect)
    try:
        return not tests_pass(project, [defect["row"]])
    finally:
        for path, text in before.items():
            path.write_text(text)


def main() -> None:
    """Plant every defect, or that of one row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", type=int)
    row = parser.parse_args().row
    defects = [defect for defect in DEFECTS if row in (None, defect["row"])]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        project = copy_of_the_project(Path(folder))
        if not tests_pass(project, [defect["row"] for defect in defects]):
            sys.exit("tests fail before any defect is planted")
        for defect in defects:
            seen = found(project, defect)
            missed += not seen
            print(f"W{defect['row']:<3} {'found ' if seen else 'MISSED'}  {defect['what']}", flush=True)
    print(f"{len(defects) - missed} of {len(defects)} found")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
