"""`sim init`: what it writes runs at once, and what is there stays."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml
from command import SCENARIOS, sim

from sim.model.scenario import Scenario

FLOW = "flows.checkout:hardened"
PICKY = """\
from penguiflow import Node, create

async def work(message, ctx):
    return message.payload["order"]

def build():
    return create(Node(work, name="work").to())
"""


@pytest.fixture
def project(tmp_path):
    shutil.copytree(SCENARIOS / "flows", tmp_path / "flows")
    return tmp_path


def names(folder):
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def test_an_example_runs_at_once_and_passes(tmp_path):
    """Without a flow there is a small one, with scenarios that pass, and the editor's settings."""
    assert sim("init", cwd=tmp_path).stdout.splitlines()[-1] == "next: penguiflow sim run scenarios"
    assert names(tmp_path) == [
        ".vscode/settings.json",
        "scenarios/example_flow.py",
        "scenarios/latency.sim.yaml",
        "scenarios/scenario.schema.json",
        "scenarios/tool-error.sim.yaml",
    ]
    done = sim("run", "scenarios", "--seeds", "3", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "exit 0: all 2 scenarios hold")


def test_a_flow_gets_a_scenario_for_each_fault_that_suits_it(project):
    """The scenarios have the names of its nodes, pass the check, and run: every fault finds something to hit."""
    assert sim("init", "--flow", FLOW, cwd=project).returncode == 0
    files = sorted((project / "scenarios").glob("*.sim.yaml"))
    assert len(files) > 8
    faults = [fault for file in files for fault in yaml.safe_load(file.read_text())["faults"]]
    assert {fault["where"]["node"] for fault in faults if "where" in fault} == {"price"}
    assert not (project / "scenarios" / "store-error.sim.yaml").exists()  # this flow has no store
    assert sim("check", "scenarios", cwd=project).returncode == 0
    done = sim("run", "scenarios", "-k", "latency", "--seeds", "2", cwd=project)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "exit 0: the scenario holds")


def test_requests_are_what_the_flow_understands(project):
    """A payload function beside the builder is named; a flow that fails at a plain request is told with its error."""
    done = sim("init", "--flow", FLOW, cwd=project)
    assert done.stderr == ""
    load = yaml.safe_load((project / "scenarios" / "drop.sim.yaml").read_text())["load"]
    assert load["payload"] == "flows.checkout:order"

    (project / "picky.py").write_text(PICKY)
    done = sim("init", "--flow", "picky:build", "other", cwd=project)
    assert done.returncode == 0
    told = 'a request of {"request": 0} ends with error (NODE_EXCEPTION: KeyError); a scenario tests what happens to'
    assert told in done.stderr
    assert "payload" not in yaml.safe_load((project / "other" / "drop.sim.yaml").read_text())["load"]


def test_the_editor_finds_the_schema(project):
    """The first line names the schema file, which is there; the settings map it to the suffix."""
    sim("init", "checks", cwd=project)
    text = (project / "checks" / "latency.sim.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./scenario.schema.json\nschema: penguiflow.sim/1\n")
    schema = json.loads((project / "checks" / "scenario.schema.json").read_text())
    assert set(schema["properties"]) >= {"flow", "faults", "checks"}
    settings = json.loads((project / ".vscode" / "settings.json").read_text())
    assert settings == {"yaml.schemas": {"./checks/scenario.schema.json": "*.sim.yaml"}}
    assert Scenario.model_validate(yaml.safe_load(text)).flow == "example_flow:build"


def test_nothing_is_written_over_without_force(project):
    """What is there stays and is told; `--force` writes it anew; `--dry-run` writes nothing."""
    file = project / "scenarios" / "latency.sim.yaml"
    assert "would write  scenarios/latency.sim.yaml" in sim("init", "--dry-run", cwd=project).stdout
    assert not file.exists()
    sim("init", cwd=project)
    whole = file.read_text()
    file.write_text("mine")
    assert "kept   scenarios/latency.sim.yaml: it is there; --force" in sim("init", cwd=project).stdout
    assert file.read_text() == "mine"
    sim("init", "--force", cwd=project)
    assert file.read_text() == whole


@pytest.mark.parametrize(
    ("system", "name", "jobs"),
    [("github", ".github/workflows/sim.yml", "jobs"), ("gitlab", ".gitlab/sim.gitlab-ci.yml", "sim")],
)
def test_a_job_for_ci(project, system, name, jobs):
    """The job is YAML, and checks and runs the folder that was written."""
    sim("init", "--ci", system, cwd=project)
    text = (project / name).read_text()
    assert jobs in yaml.safe_load(text)
    assert "penguiflow sim check scenarios" in text
    assert "penguiflow sim run scenarios --first" in text


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        ("shop", "--flow 'shop' names no code; code is named as module:callable; write shop.flows:build"),
        ("flows.nothing:build", "no module"),
        ("flows.checkout:hardend", "did you mean"),
    ],
)
def test_a_flow_that_is_not_there_is_told(project, flow, words):
    """Exit 2, with what to write."""
    done = sim("init", "--flow", flow, cwd=project)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (project / "scenarios").exists()
