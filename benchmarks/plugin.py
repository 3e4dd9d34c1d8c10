"""What the pytest plugin costs in a project that has no scenarios: a run of pytest with it, and one without.

Both runs happen in turn, in fresh processes with bytecode already compiled, over 200 empty tests; other plugins are
off. The import alone is measured too, where pytest is imported already.

    python benchmarks/plugin.py [--rounds 15] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from _measure import Row, in_fresh_process, report

GOAL_MS = 10.0
TESTS = 200
_IMPORT = (
    "import pytest, time\nt = time.perf_counter()\nimport sim.pytest_plugin\nprint(1e3 * (time.perf_counter() - t))"
)
_RUN = """
import contextlib, io, os, sys, time
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
import pytest
started = time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    code = pytest.main(sys.argv[1:])
print((time.process_time() - started) * 1e3)
sys.exit(code)
"""


def run_ms(folder: Path, *options: str) -> float:
    """Milliseconds of processor time that pytest takes for the tests in `folder`."""
    return in_fresh_process("-c", _RUN, "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", *options, str(folder))


def measure(rounds: int) -> list[Row]:
    """Runs with and without the plugin, in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Bytecode is kept, as in every project, also where the environment says otherwise.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{name}/bytecode"
        in_fresh_process("-c", _IMPORT)
        tests = "".join(f"def test_{number}():\n    pass\n" for number in range(TESTS))
        (folder / "test_plain.py").write_text(tests, encoding="utf-8")
        with_plugin = ("-p", "sim.pytest_plugin")
        run_ms(folder), run_ms(folder, *with_plugin)  # compile
        pairs = [(run_ms(folder, *with_plugin), run_ms(folder)) for _ in range(rounds)]
    return [
        Row("import of the plugin", tuple(in_fresh_process("-c", _IMPORT) for _ in range(rounds)), "ms", GOAL_MS),
        Row(f"pytest, {TESTS} empty tests, with the plugin", tuple(ours for ours, _ in pairs), "ms"),
        Row(f"pytest, {TESTS} empty tests, without", tuple(theirs for _, theirs in pairs), "ms"),
        Row("what the plugin adds", tuple(ours - theirs for ours, theirs in pairs), "ms", GOAL_MS),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each run is measured")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    report(measure(options.rounds), options.json)


if __name__ == "__main__":
    main()
