"""Output that cannot be written: exit 74, a clear line, and what was computed is told and kept."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from command import SCENARIOS, sim

FILE = SCENARIOS / "inbox-hardened.sim.yaml"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root; run this test as root")
    mounted = subprocess.run(  # noqa: S603 - mount(8)
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)],  # noqa: S607 - whichever mount there is
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"this system lets nobody mount a tmpfs: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)  # noqa: S603, S607 - as above


@pytest.mark.parametrize("shard", [(), ("--shard", "1/1")])
def test_a_full_disk(small_disk, shard):
    """The summary is printed whole, the error says why, and no file lies half there."""
    (small_disk / "filler").write_bytes(b"x" * (4096 * 14))
    done = sim("run", FILE, "--seeds", "2", "--report", small_disk / "reports", *shard)
    assert done.returncode == 74, done.stdout + done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert shard or "exit 74: the report is not written; 1 of 1 scenarios finished" in done.stdout
    assert not list(small_disk.rglob("*.part"))


def test_a_folder_that_is_a_file(tmp_path):
    """A report folder that cannot be one is told before anything runs, by every command that writes."""
    (tmp_path / "file").write_text("")
    for command in ("run", FILE, "--report", tmp_path / "file"), ("merge", tmp_path, "--report", tmp_path / "file"):
        done = sim(*command)
        assert done.returncode == 74
        assert f"{tmp_path / 'file'} is no folder" in done.stderr


def test_a_reader_that_has_had_enough(tmp_path):
    """A closed pipe is no bug of the harness: exit 74, and nothing on standard error."""
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run(
        [sys.executable, "-m", "sim", "list"],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SCENARIOS.parent)},
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (74, "")


@pytest.mark.parametrize("option", [("--first", "-1"), ("--seeds", "0"), ("--seed", "x")])
def test_a_range_of_seeds_that_is_none(option):
    """Exit 2."""
    assert sim("run", FILE, *option).returncode == 2


def test_two_files_with_one_name(tmp_path):
    """Results are kept by name, so two files that share one are told with both names: exit 2."""
    text = "schema: penguiflow.sim/1\nname: twin\nflow: a:b\nload: {stages: [{for: 1s, rate: 1/s}]}\n"
    for name in "one", "two":
        (tmp_path / f"{name}.sim.yaml").write_text(text)
    done = sim("run", tmp_path)
    assert done.returncode == 2
    assert "two.sim.yaml:2:7: name: 'twin' is the name of" in done.stderr
    assert "one.sim.yaml too" in done.stderr
