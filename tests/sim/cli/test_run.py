"""`penguiflow sim run` as a user meets it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from command import SCENARIOS, sim

if TYPE_CHECKING:
    from pathlib import Path

SIMPLE = """\
schema: penguiflow.sim/1
name: simple
flow: my_flow:build
horizon: 60s
load:
  stages: [{for: 5s, rate: 2/s}]
"""

FLOW = """\
import asyncio
from penguiflow import Node, create

async def work(message, ctx):
    await asyncio.sleep(0.1)
    return message

async def hang(message, ctx):
    await asyncio.Event().wait()

def build():
    return create(Node(work, name="work").to())

def hanging():
    return create(Node(hang, name="hang").to())
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my_flow.py").write_text(FLOW)
    return tmp_path


def write(folder: Path, text: str, name: str = "simple.sim.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_a_healthy_flow_passes_with_exit_code_0(folder):
    """Nothing broken: exit 0, and the last line says so."""
    done = sim("run", write(folder, SIMPLE))
    assert done.returncode == 0, done.stderr
    assert "exit 0" in done.stdout


def test_a_broken_promise_fails_with_exit_code_1(folder):
    """A check that does not hold: exit 1, with its id and numbers on the console."""
    checks = "checks:\n  - {id: fast, metric: trace.latency, stat: max, max: 50ms}\n"
    done = sim("run", write(folder, SIMPLE + checks))
    assert done.returncode == 1
    assert "fast" in done.stdout
    assert "exit 1" in done.stdout


def test_a_fault_that_never_fires_is_no_pass(folder):
    """A fault whose window meets no call leaves the verdict inconclusive: exit 3."""
    faults = "faults:\n  - {id: late, kind: latency, delay: 1s, window: {from: 50s}}\n"
    done = sim("run", write(folder, SIMPLE + faults))
    assert done.returncode == 3
    assert "late" in done.stdout


def test_a_folder_without_scenarios_is_no_pass(tmp_path):
    """Nothing selected, nothing run: exit 5, and the message names the folder."""
    for command in "run", "check":
        done = sim(command, tmp_path)
        assert done.returncode == 5
        assert str(tmp_path) in done.stderr


def test_code_that_meddles_with_the_life_of_its_flow_is_told(folder):
    """A builder that runs its flow, or gives the same one to every run, is exit 2 and no bug of the harness."""
    meddling = (
        "\nkept = build()\n\ndef keeping():\n    return kept\n"
        "\ndef running():\n    flow = build()\n    flow.run()\n    return flow\n"
    )
    (folder / "my_flow.py").write_text(FLOW + meddling)
    for name, words in ("keeping", "has given before"), ("running", "PenguiFlow already running"):
        done = sim("run", write(folder, SIMPLE.replace("build", name)))
        assert done.returncode == 2
        assert "simple.sim.yaml:3:7: flow: " in done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_a_flow_that_stops_itself_is_told(folder):
    """A handler that stops the flow under test is exit 2, with the rule, and no bug of the harness."""
    code = (
        "\nasync def stop(message, ctx):\n    asyncio.get_running_loop().create_task(flow.stop())\n    return message\n"
        "\ndef stopping():\n    global flow\n    flow = create(Node(stop, name='work').to())\n    return flow\n"
    )
    (folder / "my_flow.py").write_text(FLOW + code)
    done = sim("run", write(folder, SIMPLE.replace("build", "stopping")))
    assert done.returncode == 2
    assert "leave run(), drain() and stop() to the run" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_flow_that_never_answers_is_stuck(folder):
    """A hang is a finding that names the place in the code, not a hang."""
    done = sim("run", write(folder, SIMPLE.replace("build", "hanging")))
    assert done.returncode == 1
    assert "stuck" in done.stdout
    assert "my_flow.py:9" in done.stdout


def test_a_fragile_build_that_passes_fails_its_demonstration(folder):
    """A demonstration whose expected failure does not come is a failure: a blind harness is noticed."""
    expect = (
        "checks:\n  - {id: once, metric: effects.duplicates, max: 0}\n"
        "expect:\n  - {check: once, finding: duplicate_effect}\n"
    )
    assert sim("run", write(folder, SIMPLE + expect)).returncode == 1


def test_seeds_can_be_chosen(folder):
    """`--seed` runs just these seeds, and `--first` with `--seeds` a row of them."""
    file = write(folder, SIMPLE)
    sim("run", file, "--seed", "7", "--seed", "3", "--report", folder / "one")
    sim("run", file, "--first", "10", "--seeds", "3", "--report", folder / "row")
    chosen = [
        json.loads((folder / name / "result.json").read_text())["scenarios"][0]["seeds"] for name in ("one", "row")
    ]
    assert chosen == [[7, 3], [10, 11, 12]]


def test_a_report_that_cannot_be_written_is_found_before_anything_runs(folder):
    """A file where the folder should be, or above it, ends the command with exit 74 before the first run."""
    blocked = folder / "report"
    blocked.write_text("a file stands where the folder should be")
    for report in blocked, blocked / "deeper" / "still":
        done = sim("run", write(folder, SIMPLE), "--report", report)
        assert done.returncode == 74
        assert f"{blocked} is no folder" in done.stderr
        assert "simple" not in done.stdout + done.stderr.replace(str(folder), "")
        assert "Traceback" not in done.stderr


def test_a_report_that_fails_at_the_end_keeps_the_verdict_on_the_console(folder):
    """The result is printed, the error names the file, and the last line and the exit code say 74."""
    (folder / "report" / "result.json").mkdir(parents=True)
    done = sim("run", write(folder, SIMPLE), "--report", folder / "report")
    assert done.returncode == 74
    assert "simple" in done.stdout
    assert "result.json" in done.stderr
    assert done.stdout.endswith("exit 74: the report is not written; 1 of 1 scenarios finished\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "options", [("--seed", "1", "--seeds", "2"), ("--seed", "1", "--first", "2"), ("--report", "")], ids="-".join
)
def test_options_that_make_no_sense_are_refused(folder, options):
    """Seeds chosen in two ways, and a report folder without a name, are errors of usage and run nothing."""
    done = sim("run", write(folder, SIMPLE), *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        (SIMPLE + "dealy: 1s\n", ["simple.sim.yaml:7:1", "dealy"]),
        (SIMPLE.replace("60s", "60"), ["simple.sim.yaml:4", "unit"]),
        (SIMPLE + "name: twice\n", ["name", "twice", "line 2"]),
        (SIMPLE.replace("my_flow:build", "my_flow:built"), ["my_flow", "built", "build"]),
        (SIMPLE.replace("my_flow", "no_flow"), ["no_flow"]),
        (SIMPLE.replace("my_flow", "bad_flow"), ["bad_flow.py:2", "ZeroDivisionError"]),
        (SIMPLE + "faults:\n  - {id: a, kind: latency, delay: 1s, where: {node: wrok}}\n", ["wrok", "work"]),
        (SIMPLE + "args: {colour: red}\n", ["colour"]),
    ],
)
def test_an_unusable_file_gives_one_clear_message(folder, text, words):
    """Exit 2, the place, the rule, no traceback, and nothing written."""
    (folder / "bad_flow.py").write_text("# a flow that cannot be imported\nvalue = 1 / 0\n")
    done = sim("run", write(folder, text), "--report", folder / "report")
    assert done.returncode == 2, done.stdout
    assert [word for word in words if word not in done.stderr] == [], done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "report").exists()


def test_an_error_in_the_payload_function_is_told_without_a_traceback(folder):
    """What the user's function raises is named with the function and the request."""
    (folder / "my_flow.py").write_text(FLOW + "\ndef payload(rng, tenant, index):\n    raise KeyError('amount')\n")
    done = sim("run", write(folder, SIMPLE.replace("load:\n", "load:\n  payload: my_flow:payload\n")))
    assert done.returncode == 2
    assert "payload" in done.stderr
    assert "KeyError" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_in_one_scenario_keeps_what_the_others_found(folder):
    """Finished scenarios are printed and written; the error has its place in the file, and the exit code is 2."""
    (folder / "my_flow.py").write_text(FLOW + "\ndef payload(rng, tenant, index):\n    raise KeyError('amount')\n")
    broken = SIMPLE.replace("load:\n", "load:\n  payload: my_flow:payload\n")
    write(folder, broken.replace("simple", "broken"), "b.sim.yaml")
    for name in "a", "c":
        write(folder, SIMPLE.replace("simple", f"good-{name}"), f"{name}.sim.yaml")
    done = sim("run", folder, "--report", folder / "report")
    assert done.returncode == 2
    assert "b.sim.yaml:6:12: load.payload: the payload function my_flow:payload raised KeyError" in done.stderr
    assert done.stdout.endswith("exit 2: 2 of 3 scenarios finished\n")
    result = json.loads((folder / "report" / "result.json").read_text())
    assert [scenario["name"] for scenario in result["scenarios"]] == ["good-a", "good-c"]
    assert result["exit_code"] == 2


EXITING = """
import sys

def exiting_build():
    sys.exit(0)

async def exiting(message, ctx):
    sys.exit(0)

def exiting_handler():
    return create(Node(exiting, name="work").to())

def exiting_payload(rng, tenant, index):
    sys.exit(0)
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SIMPLE.replace("my_flow:build", "my_flow:exiting_build"), "    sys.exit(0)  # build"),
        (SIMPLE.replace("my_flow:build", "my_flow:exiting_handler"), "    sys.exit(0)  # handler"),
        (SIMPLE.replace("load:\n", "load:\n  payload: my_flow:exiting_payload\n"), "    sys.exit(0)  # payload"),
    ],
    ids=["builder", "handler", "payload"],
)
def test_code_that_exits_makes_nothing_green(folder, text, line):
    """`sys.exit(0)` in a builder, a handler or a payload function is exit 2, with the line that calls it."""
    code = FLOW + EXITING
    for name in "build", "handler", "payload":
        code = code.replace("sys.exit(0)\n", f"sys.exit(0)  # {name}\n", 1)
    (folder / "my_flow.py").write_text(code)
    done = sim("run", write(folder, text))
    assert done.returncode == 2
    number = code.splitlines().index(line) + 1
    assert "simple.sim.yaml:3:7: flow: " in done.stderr
    assert "SystemExit: 0" in done.stderr
    assert f"my_flow.py:{number})" in done.stderr
    assert not [word for word in ("Traceback", "never retrieved", "Task was destroyed") if word in done.stderr]


def test_check_reads_every_file_and_runs_nothing(folder):
    """`sim check` lists the problems of all files at once, and says ok for the good ones."""
    write(folder, SIMPLE)
    assert sim("check", folder).returncode == 0
    write(folder, SIMPLE.replace("name: simple", "name: one") + "horizn: 1s\n", "one.sim.yaml")
    write(folder, SIMPLE.replace("name: simple", "name: two").replace("2/s", "2"), "two.sim.yaml")
    done = sim("check", folder)
    assert done.returncode == 2
    assert "horizon" in done.stderr
    assert "two.sim.yaml:6" in done.stderr


def test_the_shipped_suite_catches_what_it_plants(tmp_path):
    """Every fragile build is caught as expected, every hardened build passes, and the page is written."""
    done = sim("run", SCENARIOS, "--report", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    by_name = {scenario["name"]: scenario for scenario in result["scenarios"]}
    assert {name for name, scenario in by_name.items() if scenario["demonstration"]} >= {
        "golden-fragile", "checkout-fragile", "storm-fragile", "inbox-fragile",
    }  # fmt: skip
    assert all(scenario["verdict"] == "pass" for scenario in by_name.values())
    assert str(tmp_path / "report.html") in done.stdout


@pytest.mark.skipif(not os.environ.get("TRAFFIC_CSV"), reason="TRAFFIC_CSV is not set: it names the recorded traffic")
def test_one_hour_of_recorded_traffic_is_replayed_whole(tmp_path):
    """Every recorded request arrives, and the spike is caught in the fragile build only."""
    files = [SCENARIOS / "traffic-fragile.sim.yaml", SCENARIOS / "traffic-hardened.sim.yaml"]
    done = sim("run", *files, "--report", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    scenarios = json.loads((tmp_path / "result.json").read_text())["scenarios"]
    assert [scenario["numbers"]["requests"] for scenario in scenarios] == [8819, 8819]
    assert scenarios[0]["demonstration"]


def test_recorded_traffic_that_is_not_there_is_skipped_and_said(tmp_path):
    """A scenario found in a folder whose traffic file is not named is left out with a line."""
    done = sim("check", SCENARIOS, TRAFFIC_CSV="")
    assert done.returncode == 0, done.stderr
    assert "skipped traffic-fragile" in done.stderr
