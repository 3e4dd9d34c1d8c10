"""Which scenarios and seeds `sim run` takes, who runs them, and when it ends early."""

from __future__ import annotations

import json

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
name: {name}
tags: [{tag}]
flow: my_flow:build
seeds: {{first: 1, count: 3}}
load: {{stages: [{{for: 5s, rate: 2/s}}]}}
checks:
  - {{id: impossible, metric: trace.latency, stat: max, min: 1s}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my_flow.py").write_text(FLOW)
    for name, tag in (("shop-calm", "ci"), ("shop-storm", "nightly"), ("desk", "ci")):
        (tmp_path / f"{name}.sim.yaml").write_text(SCENARIO.format(name=name, tag=tag))
    return tmp_path


def run(folder, *options):
    done = sim("run", folder, "--report", folder / "report", *options)
    assert "Traceback" not in done.stderr
    file = folder / "report" / "result.json"
    return done, json.loads(file.read_text())["scenarios"] if file.exists() else []


@pytest.mark.parametrize(
    ("options", "names"),
    [(["-k", "shop"], ["shop-calm", "shop-storm"]), (["--tag", "ci"], ["desk", "shop-calm"])],
)
def test_scenarios_are_chosen_by_name_and_by_tag(folder, options, names):
    """`-k` takes a piece of the name, `--tag` a tag."""
    _, scenarios = run(folder, *options)
    assert [scenario["name"] for scenario in scenarios] == names


def test_a_choice_that_fits_nothing_names_what_there_is(folder):
    """Nothing selected ends with exit 5, and with the names that could have been meant."""
    done, _ = run(folder, "-k", "shoop", "--tag", "ci")
    assert done.returncode == 5
    assert "no scenario has 'shoop' in its name and the tag ci; there are desk, shop-calm, shop-storm" in done.stderr


def test_the_number_of_processes_changes_no_byte(folder):
    """One process or two: the same result.json."""
    results = [run(folder, "-j", jobs)[1] for jobs in ("1", "2")]
    assert results[0] == results[1]
    assert len(results[0]) == 3


def test_a_scenario_ends_after_so_many_failing_seeds(folder):
    """`--max-failures 1` takes in the seeds up to the first that fails, and says so."""
    done, scenarios = run(folder, "--max-failures", "1")
    assert [(scenario["seeds"], scenario["stopped"]) for scenario in scenarios] == [([1], "a seed failed")] * 3
    assert "the sweep ended early, after 1 seed: a seed failed" in " ".join(done.stdout.split())


def test_a_time_limit_keeps_what_is_done_and_names_the_rest(folder):
    """When the time is up the seeds that are done are told, and so is what never ran."""
    done, scenarios = run(folder, "--time-limit", "1us")
    assert [(scenario["name"], scenario["seeds"]) for scenario in scenarios] == [("desk", [1])]
    assert "the time was up; not run: shop-calm, shop-storm" in done.stderr


@pytest.mark.parametrize(
    ("option", "text"),
    [
        (["-j", "many"], "'many' is no number of processes; give auto, or a whole number from 1"),
        (["--time-limit", "10"], "a duration is a number and a unit"),
    ],
)
def test_a_wrong_option_is_told_with_its_rule(folder, option, text):
    """Exit 2, with what was wrong and what to write instead."""
    done, _ = run(folder, *option)
    assert done.returncode == 2
    assert text in done.stderr
