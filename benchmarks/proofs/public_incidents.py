"""Bugs that the world has met, in the real code of their time: found in the broken versions, and not in the fixed ones.

Each version of a library lives in a folder of its own below `.incidents/`, put
there by pip, in front of everything else; each version of Python in a virtual
environment of its own. The programs stand in `benchmarks/incidents/`, their
stories in `docs/incidents/`.

    python benchmarks/proofs/public_incidents.py [--seeds 400] [--json FILE]

Exits with 1 where a broken version is not found, a fixed one fails, or a
version cannot be installed. An interpreter that is not here is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _environments import (
    ROOT,
    InstallError,
    MissingError,
    install,
    interpreter_of,
    needs_of_the_harness,
    virtual_environment,
)

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


def _cases(incident: str, program: str, *, broken: str, fixed: str) -> tuple[Case, ...]:
    """The cases of one program; its versions are words."""
    versions = [*((version, True) for version in broken.split()), *((version, False) for version in fixed.split())]
    return tuple(Case(incident, tuple(program.split()), version, broken=bad) for version, bad in versions)


CASES = (
    *_cases(
        "redis-py, commands over a pool",
        "redis_reply_of_another.py commands",
        broken="redis==4.5.1 redis==4.5.3",
        fixed="redis==4.5.4 redis==4.5.5",
    ),
    *_cases(
        "redis-py, one connection",
        "redis_reply_of_another.py one_connection",
        broken="redis==4.5.1 redis==4.5.3",
        fixed="redis==4.5.4 redis==4.5.5",
    ),
    *_cases(
        "redis-py, pipelines",
        "redis_reply_of_another.py pipelines",
        broken="redis==4.5.1 redis==4.5.4",
        fixed="redis==4.5.3 redis==4.5.5",
    ),
    *_cases("httpcore, pool", "httpcore_pool.py", broken="httpcore==1.0.2", fixed="httpcore==1.0.3"),
    *_cases(
        "starlette, background task",
        "starlette_lost_mail.py",
        broken="starlette==0.20.0 starlette==0.20.4",
        fixed="starlette==0.21.0",
    ),
    *_cases("tenacity, retry", "tenacity_lost_answer.py", broken="tenacity==8.4.1", fixed="tenacity==8.4.2"),
    *_cases("asyncio.wait_for", "wait_for_swallows.py", broken="python3.11", fixed="python3.12 python3.13"),
)
BESIDE = {"redis": "async-timeout==4.0.3", "httpcore": "h11==0.14.0"}
"""What a library of that time needs in a version that our own environment no longer has."""


def environment(version: str) -> tuple[str, Path | None]:
    """The interpreter for a version, and the folder that comes before all others on its path.

    Raises:
        MissingError: no such interpreter is here.
        InstallError: pip cannot install the version.

    """
    if version.startswith("python"):
        return str(_python(version)), None
    folder = ENVIRONMENTS / version.replace("==", "-")
    beside = BESIDE.get(version.partition("==")[0])
    needs = [version, *([beside] if beside else [])]
    install(sys.executable, folder, needs, "--no-deps", "--upgrade", "--target", str(folder))
    return sys.executable, folder


def _python(name: str) -> Path:
    """A virtual environment of this Python, with what the harness needs."""
    found = interpreter_of(name)
    if name == f"python{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    return virtual_environment(ENVIRONMENTS / name, found, needs_of_the_harness())


def run(case: Case, seeds: int) -> dict[str, Any]:
    """What an exploration of the case tells.

    Raises:
        MissingError: its interpreter is not here.
        InstallError: pip cannot install its version.

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
    """What is printed of one case."""
    found = f"found in run {told['runs']}: {told['error']}" if told["found"] else f"0 of {told['runs']} runs fail"
    mark = "" if told["found"] == case.broken else "   <- WRONG"
    plan = f"\n{'':<32}{told['plan']}" if told["found"] else ""
    return f"{case.incident:<32}{case.version:<19}{'broken' if case.broken else 'fixed':<8}{found}{mark}{plan}"


def main() -> None:
    """Run every case and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=400, help="runs of each program at the most")
    parser.add_argument("--json", type=Path, help="where to write what was found")
    options = parser.parse_args()
    ENVIRONMENTS.mkdir(exist_ok=True)
    results, uninstalled = [], 0
    for case in CASES:
        try:
            told = run(case, options.seeds)
        except (MissingError, InstallError) as error:
            print(f"{case.incident:<32}{case.version:<19}left out: {error}")
            uninstalled += isinstance(error, InstallError)
            continue
        print(row(case, told), flush=True)
        results.append({"incident": case.incident, "version": case.version, "broken": case.broken, **told})
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    right = sum(result["found"] == result["broken"] for result in results)
    print(f"{right} of {len(results)} as they should be")
    if uninstalled:
        print(f"{uninstalled} could not be installed, and prove nothing; run this again where pip reaches an index")
    sys.exit(right < len(results) or bool(uninstalled))


if __name__ == "__main__":
    main()
