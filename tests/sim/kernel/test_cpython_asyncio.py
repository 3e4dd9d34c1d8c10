"""The quick part of CPython's own asyncio tests, on the simulated loop; `make prove` runs them all."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROOFS = Path(__file__).parents[3] / "benchmarks" / "proofs"
QUICK = ("context", "locks", "pep492", "queues", "runners", "taskgroups", "threads", "timeouts", "waitfor")


def ships_its_tests():
    try:
        return importlib.util.find_spec("test.test_asyncio") is not None
    except ModuleNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not ships_its_tests(), reason="this Python ships no test package")


def run(*command):
    paths = os.pathsep.join([str(PROOFS), *filter(None, sys.path)])
    return subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, *command], env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )


def test_cpythons_quick_tests_pass():
    """Queues, locks, timeouts, task groups and runners do on SimLoop what CPython's own tests ask of them."""
    finished = run(str(PROOFS / "cpython_asyncio.py"), *(f"test_asyncio.test_{name}" for name in QUICK))
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stdout
    assert all(f"test_asyncio.test_{name} " in finished.stdout for name in QUICK)


def test_a_loop_that_runs_last_in_first_out_is_noticed():
    """The tests do run on SimLoop: one that turns the ready queue round fails some of them."""
    program = (
        "from _stock_tests import SimLoop, run_module\n"
        "plain = SimLoop.call_soon\n"
        "def call_soon(loop, *args, **options):\n"
        "    handle = plain(loop, *args, **options)\n"
        "    loop._ready.rotate(1)\n"
        "    return handle\n"
        "SimLoop.call_soon = call_soon\n"
        "print(sorted(run_module('test_asyncio.test_queues')['failed']))\n"
    )
    finished = run("-c", program)
    assert "QueuePutTests" in finished.stdout, finished.stderr


def test_a_listed_test_that_passes_is_a_surprise():
    """A reason that no longer holds is reported, and the program exits with 1."""
    program = (
        "import sys\n"
        "import cpython_asyncio\n"
        "cpython_asyncio.LISTED['test_context.*'] = 'planted'\n"
        "sys.argv[1:] = ['test_asyncio.test_context']\n"
        "cpython_asyncio.main()\n"
    )
    finished = run("-c", program)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert "is listed (planted), and passes" in finished.stdout
