"""The same result gives the same bytes in every process."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from report_samples import HARDENED, suite

from sim.report import write_all

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from report_samples import failing_suite
from sim.report import render_console, write_all
written = write_all(failing_suite(), Path(sys.argv[2]))
print(render_console(failing_suite(), colour=True, width=100))
"""


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def report_of_another_process(folder, hash_seed, time_zone):
    """Write the report from another folder, hash seed and time zone, and under hostile settings for plots."""
    settings = folder / "settings"
    settings.mkdir(parents=True)
    (settings / "matplotlibrc").write_text(f"font.size: {20 + len(hash_seed)}\naxes.facecolor: red\n")
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": time_zone, "MATPLOTLIBRC": str(settings)}
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(folder / "reports")]
    finished = subprocess.run(command, cwd=settings, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    return {**digests(folder / "reports"), "console": finished.stdout}


def test_reports_are_the_same_bytes_everywhere(tmp_path):
    """Hash seed, time zone, working folder and the user's plot settings leave no trace in any report."""
    first = report_of_another_process(tmp_path / "a", "0", "Asia/Kathmandu")
    second = report_of_another_process(tmp_path / "b", "random", "America/Lima")

    assert first == second
    assert len(first) == 5 + 4 * 6 + 1


def test_a_report_written_twice_in_one_process_is_the_same(tmp_path):
    """A second report of one process differs in nothing from the first."""
    for name in ("a", "b"):
        write_all(suite(HARDENED), tmp_path / name)

    assert digests(tmp_path / "a") == digests(tmp_path / "b")
