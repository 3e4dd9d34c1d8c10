"""anyio's own test suite on SimLoop, in every mode: at most one known failure.

The suite is taken from the source distribution of the anyio that is
installed, into a temporary folder, together with pytest and pytest-mock.
Without a package index there is nothing to run, and the program says so.

    python benchmarks/proofs/anyio_suite.py
    python benchmarks/proofs/anyio_suite.py --mode plain --mode ordered
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

MODES = {
    "plain": "SimLoop as it is",
    "debug": "asyncio's debug mode",
    "eager": "asyncio's eager tasks, since Python 3.12",
    "ordered": "anyio's scopes keep their order, as in a world",
}

_THREADS = "measures how real threads start, idle and end"

OUTSIDE = {
    "tests/streams/test_tls.py": "needs sockets",
    "tests/test_from_thread.py": _THREADS,
    "tests/test_lazyimport.py": "runs no loop: it installs anyio in a process of its own",
    "tests/test_pytest_plugin.py": "starts pytest inside pytest, on loops of its own",
    "tests/test_signals.py": "needs signals",
    "tests/test_sockets.py": "needs sockets",
    "tests/test_subprocesses.py": "needs processes",
    "tests/test_to_interpreter.py": "needs subinterpreters in threads",
    "tests/test_to_process.py": "needs processes",
    "tests/test_to_thread.py": _THREADS,
}
"""Not run: what these test is no part of a loop without input and output."""

KNOWN = {
    "tests/test_taskgroups.py::test_fail_after_scope_cancelled_before_timeout[asyncio]": (
        "anyio expects it to fail, since it blocks for longer than its timeout; "
        "outside of a world time.sleep takes no virtual time, and it passes"
    ),
}
"""Run, and expected to fail."""

_CONFTEST = """
from _anyio_modes import SIMLOOP, anyio_backend, asyncio_event_loop, sets_of_this_mode
asyncio_params[:] = backend_params[:] = [SIMLOOP]
"""
_SETTINGS = """[pytest]
anyio_mode = auto
filterwarnings = error
xfail_strict = true
markers =
    network: needs the internet
    timeout: a limit in real seconds
"""
_CERTIFICATES = "class CA: '''The suite's conftest wants one; only tests with sockets make use of it.'''\n"
_PLUGINS = ("-p", "anyio", "-p", "pytest_mock", "-p", "no:cacheprovider")
_MODE_S = 300


@dataclass(frozen=True)
class Row:
    """What became of the suite in one mode."""

    mode: str
    passed: int
    skipped: int
    known: tuple[str, ...]
    surprises: tuple[str, ...]


class NoIndexError(Exception):
    """No package index gives what is needed."""


def fetch(folder: Path) -> Path:
    """Put the suite and what it needs into `folder`; the suite's place in it."""
    source = f"anyio=={metadata.version('anyio')}"
    _pip("download", "--no-deps", "--no-binary", "anyio", "--dest", str(folder), source)
    _pip("install", "--target", str(folder), "--constraint", str(ROOT / "constraints.txt"), "pytest-mock")
    (archive,) = folder.glob("anyio-*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    suite = folder / archive.name.removesuffix(".tar.gz")
    with (suite / "tests" / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(_CONFTEST)
    (suite / "simloop.ini").write_text(_SETTINGS, encoding="utf-8")
    (folder / "trustme.py").write_text(_CERTIFICATES, encoding="utf-8")
    return suite


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    if finished.returncode:
        raise NoIndexError(finished.stderr.strip().rpartition("\n")[2])


def run(suite: Path, mode: str) -> Row:
    """Run the suite in one mode, in a fresh process."""
    answer = suite / f"{mode}.json"
    paths = [str(suite.parent), str(HERE), str(ROOT)]
    environment = os.environ | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join(paths),
        "SIMLOOP_ANSWER": str(answer),
        "SIMLOOP_MODE": mode,
    }
    ignored = [f"--ignore={path}" for path in OUTSIDE]
    command = [sys.executable, "-m", "pytest", "-c", "simloop.ini", *_PLUGINS, "-p", "_anyio_modes", *ignored, "tests"]
    try:
        subprocess.run(command, cwd=suite, env=environment, capture_output=True, timeout=_MODE_S, check=False)  # noqa: S603 - fixed arguments
    except subprocess.TimeoutExpired:
        return Row(mode, 0, 0, (), (f"the suite did not end within {_MODE_S} s",))
    if not answer.exists():
        return Row(mode, 0, 0, (), ("the suite did not start",))
    return judged(mode, **json.loads(answer.read_text(encoding="utf-8")))


def judged(mode: str, counts: dict[str, int], failed: dict[str, str]) -> Row:
    """Tell the known failures from those that nobody expected."""
    surprises = [f"{name} fails: {error}" for name, error in failed.items() if name not in KNOWN]
    surprises += [f"{name} is known to fail, and passes" for name in KNOWN if name not in failed]
    known = tuple(name for name in failed if name in KNOWN)
    return Row(mode, counts["passed"], counts["skipped"], known, tuple(surprises))


def show(rows: list[Row]) -> None:
    """Print the table, the known failures, what is left out, and what nobody expected."""
    print(f"{'':<10} {'passed':>7} {'skipped':>8} {'known':>6} {'surprises':>10}")
    for row in rows:
        figures = f"{row.passed:>7} {row.skipped:>8} {len(row.known):>6} {len(row.surprises):>10}"
        print(f"{row.mode:<10} {figures}   {MODES[row.mode]}")
    print("\nknown to fail:")
    for name, reason in KNOWN.items():
        print(f"  {name}: {reason}")
    print("\nleft out:")
    for name, reason in OUTSIDE.items():
        print(f"  {name}: {reason}")
    for row in rows:
        for surprise in row.surprises:
            print(f"SURPRISE in {row.mode}: {surprise}")


def main() -> None:
    """Run all modes, or those that are named; exit with 1 after a surprise."""
    here = [mode for mode in MODES if mode != "eager" or sys.version_info >= (3, 12)]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mode", action="append", choices=here, help="all without it; may be given again")
    options = parser.parse_args()
    print(f"anyio {metadata.version('anyio')}: its own tests on SimLoop, CPython {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            suite = fetch(Path(folder))
        except NoIndexError as error:
            print(f"skipped: no package index gives the suite's source: {error}")
            return
        rows = [run(suite, mode) for mode in options.mode or here]
    show(rows)
    sys.exit(any(row.surprises for row in rows))


if __name__ == "__main__":
    main()
