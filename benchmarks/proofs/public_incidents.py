"""Bugs that the world has met, in the real code of their time: found in the broken versions, and not in the fixed ones.

Each version of a library lives in a folder of its own below `.incidents/`, put
there by pip, in front of everything else; each version of Python in a virtual
environment of its own. The programs stand in `benchmarks/incidents/`, their
stories in `docs/incidents/`.

    python benchmarks/proofs/public_incidents.py [--seeds 400] [--json FILE]

Exits with 1 where a broken version is not found, or a fixed one fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "benchmarks" / "incidents"
ENVIRONMENTS = ROOT / ".incidents"


@dataclass(frozen=True)
class Case:
    """One version of one thing.

    Args:
        incident: what is told of it.
        program: the file below `benchmarks/incidents`, and its arguments.
        version: `redis==4.5.1`, or `python3.11`.
        broken: whether the bug is in it.

    """

    incident: str
    program: tuple[str, ...]
    version: str
    broken: bool


_REDIS = "redis_reply_of_another.py"
CASES = (
    Case("redis-py, single commands", (_REDIS, "commands"), "redis==4.5.1", broken=True),
    Case("redis-py, single commands", (_REDIS, "commands"), "redis==4.5.3", broken=True),
    Case("redis-py, single commands", (_REDIS, "commands"), "redis==4.5.5", broken=False),
    Case("redis-py, pipelines", (_REDIS, "pipelines"), "redis==4.5.1", broken=True),
    Case("redis-py, pipelines", (_REDIS, "pipelines"), "redis==4.5.4", broken=True),
    Case("redis-py, pipelines", (_REDIS, "pipelines"), "redis==4.5.5", broken=False),
    Case("httpcore, connection pool", ("httpcore_pool.py",), "httpcore==1.0.2", broken=True),
    Case("httpcore, connection pool", ("httpcore_pool.py",), "httpcore==1.0.3", broken=False),
    Case("asyncio.wait_for", ("wait_for_swallows.py",), "python3.11", broken=True),
    Case("asyncio.wait_for", ("wait_for_swallows.py",), "python3.12", broken=False),
    Case("asyncio.wait_for", ("wait_for_swallows.py",), "python3.13", broken=False),
)


class MissingError(Exception):
    """An environment cannot be made here."""


def environment(version: str) -> tuple[str, Path | None]:
    """The interpreter for a version, and the folder that comes before all others on its path.

    Raises:
        MissingError: no such interpreter is here, or the index cannot be reached.

    """
    if version.startswith("python"):
        return str(_python(version)), None
    folder = ENVIRONMENTS / version.replace("==", "-")
    if not folder.exists():
        _pip([sys.executable, "-m", "pip"], "install", "--target", str(folder), version)
    return sys.executable, folder


def _python(name: str) -> Path:
    """A virtual environment of this Python, with what the harness needs."""
    found = _interpreter(name)
    if f"python{sys.version_info.major}.{sys.version_info.minor}" == name:
        return Path(sys.executable)
    folder = ENVIRONMENTS / name
    if not (folder / "ready").exists():
        subprocess.run([found, "-m", "venv", "--clear", folder], check=True)  # noqa: S603 - the interpreter just found
        needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        _pip([str(folder / "bin" / "python"), "-m", "pip"], "install", *constraints, *needs, "freezegun")
        (folder / "ready").touch()
    return folder / "bin" / "python"


def _interpreter(name: str) -> str:
    for candidate in (shutil.which(name), *(str(path) for path in _pyenv(name))):
        if candidate is None:
            continue
        asked = [candidate, "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - just found
        if done.stdout.strip() == name:
            return candidate
    raise MissingError(f"{name} is not installed")


def _pyenv(name: str) -> list[Path]:
    """Interpreters that pyenv keeps; its commands answer for the chosen version only."""
    kept = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    return sorted(kept.glob(f"{name.removeprefix('python')}.*/bin/{name}"))


def _pip(pip: list[str], *arguments: str) -> None:
    command = [*pip, "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - names of this file
    if done.returncode:
        raise MissingError(f"pip cannot install {arguments[-1]}: {done.stderr.strip().splitlines()[-1]}")


def run(case: Case, seeds: int) -> dict[str, Any]:
    """What an exploration of the case tells.

    Raises:
        MissingError: its environment cannot be made here.

    """
    interpreter, first = environment(case.version)
    program, *arguments = case.program
    path = os.pathsep.join([*([str(first)] if first else []), str(ROOT)])
    done = subprocess.run(  # noqa: S603 - our own program
        [interpreter, str(PROGRAMS / program), *arguments, str(seeds)],
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{case.incident} with {case.version} does not run:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def row(case: Case, told: dict[str, Any]) -> str:
    """One line of the table."""
    found = f"found in run {told['runs']}: {told['error']}" if told["found"] else f"nothing in {told['runs']} runs"
    mark = "" if told["found"] == case.broken else "   <- WRONG"
    return f"{case.incident:<28} {case.version:<16} {'broken' if case.broken else 'fixed':<7} {found}{mark}"


def main() -> None:
    """Run every case and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=400, help="runs of each program at the most")
    parser.add_argument("--json", type=Path, help="where to write what was found")
    options = parser.parse_args()
    ENVIRONMENTS.mkdir(exist_ok=True)
    results, wrong = [], 0
    for case in CASES:
        try:
            told = run(case, options.seeds)
        except MissingError as error:
            print(f"{case.incident:<28} {case.version:<16} left out: {error}")
            continue
        print(row(case, told), flush=True)
        results.append({"incident": case.incident, "version": case.version, "broken": case.broken, **told})
        wrong += told["found"] != case.broken
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"{len(results) - wrong} of {len(results)} as they should be")
    sys.exit(bool(wrong or not results))


if __name__ == "__main__":
    main()
