"""Failing seeds as files, and what becomes of them when they are replayed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import ROOT, sim

from sim.capsules.make import data_sha256

FLOW = """\
import asyncio
from payments import charge
from penguiflow import Node, NodePolicy, create

def build():
    async def pay(message, ctx):
        await ctx.effect("charge", charge, key=message.trace_id)
        return message

    policy = NodePolicy(timeout_s=0.5, max_retries=1, backoff_base=0.1)
    return create(Node(pay, name="pay", policy=policy).to())
"""
PAYMENTS = """\
import asyncio

async def charge():
    await asyncio.sleep(0.02)
    return "SECRET-RECEIPT-4711"
"""
FILE = """\
schema: penguiflow.sim/1
name: pay
flow: pay_flow:build
horizon: 60s
seeds: {first: 1, count: 14}
load: {stages: [{for: 2s, rate: 2/s}], deadline: 10s}
faults:
  - {id: lost, kind: tool_error, where: {tool: charge, attempt: 1}, after_effect: true, chance: 0.5}
checks:
  - {id: once, metric: effects.duplicates, max: 0}
"""


def project(folder: Path) -> Path:
    """A checkout with one scenario."""
    (folder / "scenarios").mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    (folder / "scenarios" / "pay.sim.yaml").write_text(FILE)
    (folder / "scenarios" / "pay_flow.py").write_text(FLOW)
    (folder / "scenarios" / "payments.py").write_text(PAYMENTS)
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A project in which a scenario has failed, and its report."""
    here = project(tmp_path_factory.mktemp("saved") / "shop")
    done = sim("run", "scenarios", "--report", "reports", cwd=here)
    assert done.returncode == 1, done.stdout + done.stderr
    return here, done


@pytest.fixture
def here(saved, tmp_path):
    """The same project, to be changed."""
    return Path(shutil.copytree(saved[0], tmp_path / "copy"))


def first(folder: Path) -> Path:
    return min((folder / "reports" / "failures").iterdir(), key=lambda path: int(path.name.split("-")[1].split(".")[0]))


def rewrite(path: Path, **changes) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_ten_smallest_failing_seeds_are_saved_and_named(saved):
    """Each capsule is small, and the console says how to replay it."""
    folder, done = saved
    files = list((folder / "reports" / "failures").iterdir())
    assert len(files) == 10
    assert max(file.stat().st_size for file in files) < 10_000
    assert f"penguiflow sim replay reports/failures/{first(folder).name}" in done.stdout


def test_a_capsule_holds_no_payload_and_no_path_of_the_machine(saved):
    """It may be sent to anybody."""
    for file in (saved[0] / "reports" / "failures").iterdir():
        text = file.read_text()
        assert "SECRET" not in text
        assert str(saved[0]) not in text
        assert str(ROOT) not in text


def test_a_capsule_is_the_same_however_the_seeds_are_run(saved, here):
    """One process or two: the same bytes."""
    sim("run", "scenarios", "--report", "again", "-j", "2", cwd=here)
    for file in (saved[0] / "reports" / "failures").iterdir():
        assert file.read_bytes() == (here / "again" / "failures" / file.name).read_bytes()


def test_the_same_code_fails_to_the_byte(saved):
    """A fresh process in the same folder does the same."""
    done = sim("replay", cwd=saved[0])
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("once fails (duplicate_effect), to the byte as it was saved") == 10
    assert done.stdout.splitlines()[-1] == "exit 1: 10 FAILED"


def test_another_checkout_in_another_folder_fails_to_the_byte(saved, tmp_path):
    """A capsule alone goes to another machine; `--scenarios` says where the code is there."""
    other = project(tmp_path / "elsewhere")
    sent = Path(shutil.copy(first(saved[0]), tmp_path))
    done = sim("replay", sent, "--scenarios", other / "scenarios", cwd=tmp_path)
    assert (done.returncode, "to the byte as it was saved" in done.stdout) == (1, True), done.stdout + done.stderr
    assert sim("replay", sent, cwd=other).returncode == 1


def test_what_is_fixed_goes(here):
    """Of changed code the check decides; the capsule of what is fixed is removed, and 6 is the exit code."""
    (here / "scenarios" / "pay_flow.py").write_text(FLOW.replace("max_retries=1", "max_retries=0"))
    kept = sim("replay", "reports", "--keep", cwd=here)
    assert (kept.returncode, len(list((here / "reports" / "failures").iterdir()))) == (6, 10)
    done = sim("replay", "reports", cwd=here)
    assert done.returncode == 6, done.stdout + done.stderr
    assert "✓ FIXED         pay seed" in done.stdout
    assert "once holds now; the code has changed" in done.stdout
    assert list((here / "reports" / "failures").iterdir()) == []
    assert sim("replay", "reports", cwd=here).returncode == 5


def test_code_that_changed_elsewhere_still_fails(here):
    """A module that the flow imports counts as its code."""
    (here / "scenarios" / "payments.py").write_text(PAYMENTS.replace("0.02", "0.03"))
    done = sim("replay", first(here), cwd=here)
    assert done.returncode == 1
    assert "once fails (duplicate_effect); the code has changed" in done.stdout


def test_the_same_code_that_does_something_else_has_diverged(here):
    """The digests part: the line says where, and 7 is the exit code."""
    capsule = first(here)
    trail = {**json.loads(capsule.read_text())["trail"], "events": 7}
    rewrite(capsule, digest="0" * 64, trail=trail)
    done = sim("replay", capsule, cwd=here)
    assert done.returncode == 7, done.stdout + done.stderr
    assert "≠ DIVERGED" in done.stdout
    assert "saved: 7 events in" in done.stdout
    assert "two runs here agree" in done.stdout
    assert capsule.exists()


def test_code_that_is_not_repeatable_is_shown_side_by_side(here):
    """Where two runs here differ as well, their first different events are told."""
    bad = "import itertools\nturns = itertools.count(1)\n" + PAYMENTS.replace("0.02", "0.02 * next(turns)")
    (here / "scenarios" / "payments.py").write_text(bad)
    assert sim("run", "scenarios", "--report", "bad", "--verify", "0", "-j", "1", cwd=here).returncode == 1
    capsules = sorted((here / "bad" / "failures").iterdir())
    done = sim("replay", capsules[-1], cwd=here)
    assert done.returncode == 7, done.stdout + done.stderr
    assert "two runs here differ, too" in done.stdout
    assert "first run: " in done.stdout
    assert "second run: " in done.stdout


def test_another_python_is_judged_by_the_check_and_says_so(here):
    """Tasks take other steps there, so bytes say nothing."""
    capsule = first(here)
    versions = {**json.loads(capsule.read_text())["versions"], "python": "3.99"}
    rewrite(capsule, versions=versions, digest="0" * 64)
    done = sim("replay", capsule, cwd=here)
    assert done.returncode == 1
    assert "saved under Python 3.99, replayed under" in done.stdout


def test_a_plan_that_meets_nothing_proves_nothing(here):
    """A check that holds because its plan is not met any more is not fixed."""
    capsule = first(here)
    plan = {"kind": "crash", "crash": {"gone/charge@load-0#1": 2}}
    scenario = {**json.loads(capsule.read_text())["scenario"], "faults": []}
    rewrite(capsule, plan=plan, explored=True, scenario=scenario, scenario_sha256=data_sha256(scenario))
    (here / "scenarios" / "payments.py").write_text(PAYMENTS + "# changed\n")
    done = sim("replay", capsule, cwd=here)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "its plan meets no call gone/charge@load-0#1 any more" in done.stdout


def test_everything_can_be_printed(saved):
    """`--trace` tells each event with its time."""
    done = sim("replay", first(saved[0]), "--trace", cwd=saved[0])
    assert "0.000000 s  arrival load-0 default" in done.stdout
    assert "effect charge load-0" in done.stdout


DAMAGED = [
    ({}, "it names no schema", "replay it with the version that wrote it"),
    (
        {"schema": "penguiflow.sim.capsule/9"},
        "its schema is 'penguiflow.sim.capsule/9'",
        "reads penguiflow.sim.capsule/1",
    ),
    ({"schema": "penguiflow.sim.capsule/1"}, "it is damaged at file: field required", "run its scenario again"),
]


@pytest.mark.parametrize(("content", "problem", "rest"), DAMAGED)
def test_a_capsule_of_another_kind_is_refused(tmp_path, content, problem, rest):
    """What cannot be read is an error of its own, in one line, with the exit code 2."""
    file = tmp_path / "bad.capsule.json"
    file.write_text(json.dumps(content))
    done = sim("replay", file, cwd=tmp_path)
    assert done.returncode == 2
    assert problem in done.stdout
    assert rest in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_errors_stop_no_other(here):
    """A corrupt file, a missing flow, an edited scenario: each is told, and the rest is replayed."""
    failures = here / "reports" / "failures"
    capsules = sorted(failures.iterdir())
    for extra in capsules[4:]:
        extra.unlink()
    capsules[0].write_text("{")
    rewrite(capsules[1], scenario={"name": "other"})
    rewrite(capsules[2], versions={**json.loads(capsules[2].read_text())["versions"], "draws": 99})
    done = sim("replay", "reports", cwd=here)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "the file holds no JSON" in done.stdout
    assert "its scenario is not the one that ran" in done.stdout
    assert "its run drew by version 99" in done.stdout
    assert done.stdout.splitlines()[-1] == "exit 2: 1 FAILED, 3 ERROR"


def test_a_capsule_without_its_code_says_where_to_look(saved, tmp_path):
    """Far from every checkout there is nothing to run."""
    sent = Path(shutil.copy(first(saved[0]), tmp_path))
    done = sim("replay", sent, cwd=tmp_path)
    assert done.returncode == 2
    assert "scenarios/pay.sim.yaml and the module of its flow pay_flow:build are not found from here" in done.stdout
    assert "--scenarios DIR" in done.stdout
    missing = sim("replay", tmp_path / "none.capsule.json", cwd=tmp_path)
    assert (missing.returncode, "there is no such file" in missing.stderr) == (2, True)
