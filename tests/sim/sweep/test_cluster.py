"""Sweeps on a real Dask cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

FLOW = """\
import os
from pathlib import Path

from penguiflow import Node, create

MARK = Path(__file__).with_name("worker")


async def work(message, ctx):
    print("to standard output")
    return message


def build():
    return create(Node(work, name="work").to())


def waits_for_a_kill(world):
    if world.seed == 5 and not MARK.exists():
        parent = os.getppid()
        MARK.with_suffix(".part").write_text(str(parent))
        MARK.with_suffix(".part").rename(MARK)
        while os.getppid() == parent:
            pass
    return build()
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: {name}
flow: my_flow:{builder}
seeds: {{first: 1, count: 12}}
load: {{arrival: poisson, stages: [{{for: 5s, rate: 2/s}}]}}
faults:
  - {{id: slow, kind: latency, delay: 1s, chance: 0.5}}
explore: {{modes: [file, delay_points]}}
"""


@pytest.fixture(scope="module")
def address():
    program = Path(__file__).with_name("local_cluster.py")
    with (
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path[:1], str(Path(__file__).parents[3])])},
        ) as process
    ):
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate(timeout=60)


def write(folder: Path, builder: str) -> Path:
    (folder / "my_flow.py").write_text(FLOW)
    file = folder / "sweep.sim.yaml"
    file.write_text(SCENARIO.format(name="sweep", builder=builder))
    return file


def begin(file: Path, *options: str) -> subprocess.Popen[str]:
    report = file.parent / ("cluster" if "--cluster" in options else "here")
    command = [sys.executable, "-m", "sim", "run", str(file), "--report", str(report), *options]
    return subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return err


def assert_same_bytes(folder: Path) -> None:
    here, there = (folder / name / "result.json" for name in ("here", "cluster"))
    assert here.read_bytes() == there.read_bytes()


def test_a_cluster_gives_the_same_bytes_as_this_process(tmp_path, address):
    """The workers of a cluster run the same seeds under the same plans, and the result is the same."""
    file = write(tmp_path, "build")
    finish(begin(file, "-j", "1"))
    finish(begin(file, "--cluster", address))
    assert_same_bytes(tmp_path)


def test_a_worker_that_is_killed_costs_its_seeds_a_second_try(tmp_path, address):
    """A worker killed in the middle of a sweep changes nothing in the result."""
    file = write(tmp_path, "waits_for_a_kill")
    process = begin(file, "--cluster", address)
    mark = tmp_path / "worker"
    for _ in range(600):
        if mark.exists():
            break
        sleep(0.1)
    os.kill(int(mark.read_text()), signal.SIGKILL)
    finish(process)
    finish(begin(file, "-j", "1"))
    assert_same_bytes(tmp_path)


def test_a_cluster_that_is_not_there_is_told_with_its_address(tmp_path):
    """Nobody listens: exit 2, one sentence with the rule and what to try, and no traceback."""
    process = begin(write(tmp_path, "build"), "--cluster", "tcp://127.0.0.1:9")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "the cluster at tcp://127.0.0.1:9 does not answer within 10 s" in err
    assert "start one with dask scheduler" in err
    assert "Traceback" not in err
