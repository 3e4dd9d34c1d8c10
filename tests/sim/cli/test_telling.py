"""How `sim run` tells its results: formats, exit codes that were asked for, and what machine it was."""

from __future__ import annotations

import json
import platform

import pytest
from command import sim

FLOW = """\
from penguiflow import Node, create

async def work(message, ctx):
    return message

def build():
    return create(Node(work, name="work").to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: simple
flow: my_flow:build
seeds: {first: 1, count: 2}
load: {stages: [{for: 5s, rate: 2/s}]}
"""
NEVER_FIRES = "faults: [{id: late, kind: latency, delay: 1s, window: {from: 50s}}]\n"
WARNS = "checks: [{id: slow, metric: trace.latency, stat: max, min: 1s, severity: warn}]\n"
FAILS = "checks: [{id: slow, metric: trace.latency, stat: max, min: 1s}]\n"


@pytest.fixture
def run(tmp_path):
    (tmp_path / "my_flow.py").write_text(FLOW)

    def do(extra, *options, **environment):
        (tmp_path / "simple.sim.yaml").write_text(SCENARIO + extra)
        return sim("run", tmp_path, *options, **environment)

    return do


@pytest.mark.parametrize(
    ("extra", "options", "code"),
    [
        (NEVER_FIRES, [], 3),
        (NEVER_FIRES, ["--allow", "inconclusive"], 0),
        (WARNS, [], 0),
        (WARNS, ["--fail-on", "warn"], 1),
        (FAILS, ["--allow", "inconclusive"], 1),
    ],
)
def test_exit_codes_can_be_made_milder_or_stricter(run, extra, options, code):
    """Inconclusive verdicts may be allowed, warnings may fail, and nothing else changes."""
    done = run(extra, *options)
    assert done.returncode == code
    assert f"exit {code}: " in done.stdout.splitlines()[-1]


def test_github_gets_an_error_at_the_line_of_the_check(run):
    """`--format github` adds an annotation that points at the check in the file."""
    line = len(SCENARIO.splitlines()) + 1
    done = run(FAILS, "--format", "github")
    assert f"::error file=simple.sim.yaml,line={line},title=slow::trace.latency max = " in done.stdout


def test_json_is_one_event_a_line_and_nothing_else(run):
    """`--format json` tells start, seeds, results and end as objects; a program can read every line."""
    done = run(FAILS, "--format", "json", "-j", "1")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events] == ["start", "seed", "seed", "result", "end"]
    assert events[0] == {"event": "start", "scenario": "simple", "seeds": 2}
    checks = {check["id"]: check for check in events[3]["checks"]}
    assert (events[3]["verdict"], checks["slow"]["failing_seeds"]) == ("fail", [1, 2])
    assert events[4] == {"event": "end", "exit_code": 1}
    assert done.returncode == 1


def test_colour_comes_only_where_it_is_wanted(run):
    """A pipe gets none, `rich` asks for it, and NO_COLOR forbids it."""
    assert "\x1b[" not in run("").stdout
    assert "\x1b[" in run("", "--format", "rich").stdout
    assert "\x1b[" not in run("", "--format", "rich", NO_COLOR="1").stdout


def test_run_json_says_where_and_when(run, tmp_path):
    """The one file of a report that differs from run to run holds the machine, the versions and the command."""
    run("", "--report", tmp_path / "report")
    facts = json.loads((tmp_path / "report" / "run.json").read_text())
    assert facts["schema"] == "penguiflow.sim.run/1"
    assert facts["python"] == platform.python_version()
    assert facts["argv"][1:3] == ["run", str(tmp_path)]
    assert facts["wall_s"] > 0
