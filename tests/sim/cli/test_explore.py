"""`penguiflow sim run --explore`: what is late varies from seed to seed."""

from __future__ import annotations

import json

import pytest
from command import sim

FLOW = """\
import asyncio
from functools import partial
from penguiflow import Node, NodePolicy, create

async def act():
    await asyncio.sleep(0.02)

def build(once=False):
    async def pay(message, ctx):
        effect = partial(ctx.effect, "charge", act, key=ctx.idempotency_key("charge"))
        await (ctx.once("charge", effect) if once else effect())
        return message

    policy = NodePolicy(timeout_s=0.5, max_retries=1, backoff_base=0.1)
    return create(Node(pay, name="pay", policy=policy).to())
"""
FILE = """\
schema: penguiflow.sim/1
name: pay
flow: pay_flow:build
horizon: 60s
seeds: {first: 1, count: 20}
load:
  stages: [{for: 1s, rate: 2/s}]
checks:
  - {id: fast, metric: trace.latency, stat: max, max: 50ms}
"""
EXPLORED = FILE + "explore: {modes: [file, delay_points]}\n"
ONCE = "args: {once: true}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pay_flow.py").write_text(FLOW)
    return tmp_path


def run(folder, text, *options, **environment):
    """Run a file; its exit code, its console and its result."""
    file = folder / "pay.sim.yaml"
    file.write_text(text)
    done = sim("run", file, *options, "--report", folder / "report", **environment)
    data = (folder / "report" / "result.json").read_bytes()
    return done, data, json.loads(data)["scenarios"][0]


def check_of(result, name):
    return next(check for check in result["checks"] if check["id"] == name)


def test_a_late_answer_charges_twice_where_the_file_alone_never_does(folder):
    """Retry after a timeout: the file's own runs show nothing, and twenty seeds of exploration find it."""
    plain, _, before = run(folder, FILE)
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert "exploration" not in before
    done, _, result = run(folder, EXPLORED)
    assert done.returncode == 1, done.stdout + done.stderr
    failing = check_of(result, "duplicates")["failing_seeds"]
    modes = {one["seed"]: one["mode"] for one in result["exploration"]["seeds"]}
    assert {modes[seed] for seed in failing} == {"delay_points"}


def test_the_correct_twin_holds_whatever_is_late(folder):
    """A step that runs once for a key gives no finding in fifty seeds of every mode in which its memory stays."""
    modes = "explore: {modes: [file, delay_points, swarm, stall]}\n"
    done, _, result = run(folder, FILE + ONCE + modes, "--seeds", "50")
    assert done.returncode == 0, done.stdout + done.stderr
    assert result["exploration"]["modes"] == ["file", "delay_points", "swarm", "stall"]
    assert [check["id"] for check in result["checks"] if check["failing_seeds"]] == []


def test_thresholds_are_judged_on_the_files_own_runs_only(folder):
    """A bound on latency looks at as many requests as the seeds of mode `file` send."""
    _, _, result = run(folder, EXPLORED)
    plain_seeds = [one for one in result["exploration"]["seeds"] if one["mode"] == "file"]
    assert check_of(result, "fast")["samples"] == 2 * len(plain_seeds)
    assert check_of(result, "fast")["verdict"] == "pass"


def test_a_failing_seed_shows_its_plan_and_gives_it_again(folder):
    """Console, page and result tell the plan; the seed alone has the same plan and the same digests."""
    done, _, result = run(folder, EXPLORED)
    seed = check_of(result, "duplicates")["failing_seeds"][0]
    planned = next(one for one in result["exploration"]["seeds"] if one["seed"] == seed)
    assert f"--seed {seed} --explore" in done.stdout
    told = " ".join(done.stdout.split())
    assert f"seed {seed} delay_points {planned['plan']}" in told
    assert "legal on stock asyncio" in told
    assert "the ready queue stayed first in, first out" in told
    assert "legal on stock asyncio" in (folder / "report" / "report.html").read_text()
    _, _, alone = run(folder, EXPLORED, "--seed", str(seed), "--explore")
    assert alone["exploration"]["seeds"] == [planned]
    assert check_of(alone, "duplicates")["failing_seeds"] == [seed]


def test_two_processes_write_the_same_bytes(folder):
    """Another process with another hash seed writes the same result."""
    _, first, _ = run(folder, EXPLORED, "--explore")
    _, second, _ = run(folder, EXPLORED, "--explore", PYTHONHASHSEED="77")
    assert first == second


def test_the_order_of_the_seeds_changes_no_plan_and_no_run(folder):
    """Seeds forwards and backwards have the same plans and the same digests."""
    irregular = FILE.replace("load:\n", "load:\n  arrival: poisson\n").replace("2/s", "8/s")
    forwards, backwards = (
        run(folder, irregular, "--explore", *(f"--seed={seed}" for seed in order))[2]["exploration"]["seeds"]
        for order in (range(1, 9), range(8, 0, -1))
    )
    assert forwards == backwards[::-1]


def test_two_different_runs_of_a_seed_show_where_they_part(folder):
    """State that outlives a run ends with exit code 4, and with the first different events of both runs."""
    leaky = "\nseen = []\nasync def act():\n    seen.append(1)\n    await asyncio.sleep(0.02 * len(seen))\n"
    (folder / "pay_flow.py").write_text(FLOW + leaky)
    done, _, result = run(folder, FILE.partition("checks")[0])
    assert done.returncode == 4
    (finding,) = check_of(result, "determinism")["findings"]
    assert "first run: " in finding["summary"]
    assert "second run: " in finding["summary"]


SUBSET_FLOW = """\
from penguiflow import Node, NodePolicy, create

async def charge():
    return "receipt"

async def pay(message, ctx):
    await ctx.effect("charge", charge)
    return message

def build():
    return create(Node(pay, name="pay", policy=NodePolicy(max_retries=1, backoff_base=0.1)).to())
"""
SUBSET = """\
schema: penguiflow.sim/1
name: subset
flow: subset_flow:build
horizon: 60s
seeds: {first: 1, count: 8}
load: {stages: [{for: 2s, rate: 1/s}]}
explore: {modes: [subset], ties: false}
faults:
  - {id: lost, kind: tool_error, where: {tool: charge, attempt: 1}, after_effect: true}
  - {id: slow, kind: latency, where: {node: pay}, delay: 100ms}
checks: [{id: once, metric: effects.duplicates, max: 0}]
"""


def test_a_subset_of_the_faults_is_told_and_replayed(tmp_path):
    """A fault that is off does not act, the plan says so, and a capsule of a failing seed gives the same run."""
    (tmp_path / "subset_flow.py").write_text(SUBSET_FLOW)
    (tmp_path / "subset.sim.yaml").write_text(SUBSET)
    done = sim("run", "subset.sim.yaml", "--report", "report", cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    stored = json.loads((tmp_path / "report" / "result.json").read_text())["scenarios"][0]
    plans = {one["seed"]: one["plan"].get("off", {}) for one in stored["exploration"]["seeds"]}
    assert 0 < len([seed for seed, off in plans.items() if "lost" in off]) < len(plans)
    (duplicates,) = [check for check in stored["checks"] if check["id"] == "once"]
    assert duplicates["failing_seeds"] == [seed for seed, off in plans.items() if "lost" not in off]
    assert "{'off': {'slow': 1}" in done.stdout
    again = sim("replay", "report", cwd=tmp_path)
    assert again.returncode == 1
    assert "to the byte as it was saved" in again.stdout
