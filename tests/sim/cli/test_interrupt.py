"""Ctrl-C, in the middle of a sweep."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from command import ROOT, sim

FLOW = """\
import signal
from penguiflow import Node, create

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have switched it off for us

async def work(message, ctx):
    return message

async def interrupted(message, ctx):
    signal.raise_signal(signal.SIGINT)

def build():
    return create(Node(work, name="work").to())

def interrupting():
    return create(Node(interrupted, name="work").to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: {name}
flow: my_flow:{builder}
seeds: {{first: 1, count: {seeds}}}
load: {{stages: [{{for: 5s, rate: 2/s}}]}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my_flow.py").write_text(FLOW)
    add(tmp_path, "finished", "build", 1)
    return tmp_path


def add(folder, name, builder, seeds):
    (folder / f"{name}.sim.yaml").write_text(SCENARIO.format(name=name, builder=builder, seeds=seeds))


def assert_aborted(folder, code, out, err):
    assert code == 130
    assert "PASS" in out
    assert err.splitlines()[-1] == "interrupted"
    assert not [word for word in ("Traceback", "never retrieved", "Task was destroyed") if word in err]
    result = json.loads((folder / "report" / "result.json").read_text())
    stopped = {scenario["name"]: scenario.get("stopped", "") for scenario in result["scenarios"]}
    assert stopped in ({"finished": ""}, {"finished": "", "long": "interrupted"})  # it depends on how far it came
    in_part = ", 1 in part" if "long" in stopped else ""
    assert out.endswith(f"exit 130: aborted; 1 of 2 scenarios finished{in_part}\n")
    assert result["exit_code"] == 130
    assert (folder / "report" / "report.html").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_long_sweep_and_keeps_what_is_finished(folder, number):
    """What is finished is printed and written, the last line says aborted, and the exit code is 130."""
    add(folder, "long", "build", 100_000)
    command = [sys.executable, "-m", "sim", "run", str(folder), "--report", str(folder / "report")]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        begun = next(line for line in process.stderr if line.startswith("long, "))
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert_aborted(folder, process.returncode, out, begun + err)


def test_ctrl_c_inside_a_handler_leaves_no_noise(folder):
    """An interrupt that hits the user's code is told once, and not again by the tasks that it went through."""
    add(folder, "hit", "interrupting", 1)
    done = sim("run", folder / "finished.sim.yaml", folder / "hit.sim.yaml", "--report", folder / "report")
    assert_aborted(folder, done.returncode, done.stdout, done.stderr)
