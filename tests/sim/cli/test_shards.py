"""A run in shards, merged: the same bytes as one run, and a clear error for shards that do not belong together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import sim

from sim.model.errors import ResultError
from sim.sweep import merged, read_shard

FLOW = """\
import random
import sim
from penguiflow import Node, create

async def work(message, ctx):
    await sim.latency("shop", 0.01 + random.random() / 50)
    sim.sometimes(random.random() < 0.2, "seldom")
    return message

def build():
    return create(Node(work, name="work").to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: {name}
flow: my_flow:build
seeds: {{first: 1, count: 7, always: [40]}}
tenants: {{acme: {{}}, globex: {{}}}}
load: {{arrival: poisson, deadline: 900ms, stages: [{{for: 3s, rate: 3/s}}]}}
faults:
  - {{id: slow, kind: latency, where: {{node: work}}, window: {{from: 1s, for: 1s}}, delay: 1s, chance: 0.4}}
checks:
  - {{id: fast, metric: trace.latency, stat: p95, max: 500ms}}
  - {{id: ratio, metric: trace.deadline_exceeded, stat: count, versus: baseline, max: 3}}
explore: {{modes: [{modes}]}}
"""
SHARDS = ("1/3", "2/3", "3/3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    (folder / "my_flow.py").write_text(FLOW)
    for name, modes in (("plain", "file"), ("explored", "file, delay_points, swarm")):
        (folder / f"{name}.sim.yaml").write_text(SCENARIO.format(name=name, modes=modes))
    for shard in SHARDS:
        done = sim("run", ".", "--verify", "2", "--shard", shard, "--report", f"shard-{shard[0]}", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"exit 0: shard {shard}, ")
    return folder


@pytest.fixture
def shards(folder, tmp_path, monkeypatch):
    """Three files, to be spoiled."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return [Path(f"shard-{number}/shard.json") for number in (1, 2, 3)]


def together(files):
    return merged([(file, read_shard(file)) for file in files])


def change(file, edit):
    data = json.loads(file.read_text())
    edit(data)
    file.write_text(json.dumps(data))


def test_merged_shards_are_one_run_to_the_byte(folder):
    """Every file of the report but run.json is that of a run without shards, whatever the order of the shards."""
    one = sim("run", ".", "--verify", "2", "--report", "one", cwd=folder)
    names = [f"shard-{number}" for number in (3, 1, 2)]
    merge = sim("merge", *names, "--report", "merged", cwd=folder)
    assert (merge.returncode, merge.stdout.splitlines()[-1]) == (one.returncode, one.stdout.splitlines()[-1])
    trees = [
        {file.relative_to(folder / name): file.read_bytes() for file in (folder / name).rglob("*") if file.is_file()}
        for name in ("one", "merged")
    ]
    assert len(trees[0]) > 10
    assert trees[0].keys() == trees[1].keys()
    assert [str(name) for name in trees[0] if trees[0][name] != trees[1][name]] == ["run.json"]


def test_a_shard_holds_its_seeds_exactly(shards):
    """What is read from a shard writes the same bytes again; an infinite ratio and a latency that is no number, too."""
    for file in shards:
        assert read_shard(file).model_dump_json(by_alias=True) + "\n" == file.read_text()
    everything = "".join(file.read_text() for file in shards)
    assert "Infinity" in everything or "NaN" in everything


def test_a_missing_shard_is_told_with_its_number(shards):
    """Two of three shards are no sweep."""
    with pytest.raises(ResultError, match=r"shard 2/3 is missing; .*name the folders of all shards"):
        together([shards[0], shards[2]])


def test_a_shard_twice_is_told(shards):
    """The same part from two folders is a slip, even if both are the same."""
    with pytest.raises(ResultError, match=r"it is shard 1/3, as shard-1/shard.json is"):
        together([*shards, shards[0]])


def test_a_shard_of_another_sweep_is_told(shards):
    """Other seeds, another number of shards or another scenario do not belong together."""
    change(shards[1], lambda data: data["scenarios"][0].update(seeds=[1, 2]))
    with pytest.raises(ResultError, match=r"shard-2/shard.json: it is of another sweep than shard-1/shard.json"):
        together(shards)


def test_a_shard_that_ended_early_is_told_with_its_reason(shards):
    """A shard without some of its seeds cannot stand for all of them."""
    change(shards[2], lambda data: data["scenarios"][0].update(outcomes=[], stopped="the time was up"))
    with pytest.raises(ResultError, match="seeds are missing, because the shard ended early: the time was up"):
        together(shards)


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (lambda data: data.update(schema="penguiflow.sim.shard/9"), "schema is 'penguiflow.sim.shard/9'; this version"),
        (lambda data: data.update(version="0.0.1"), "it is of version 0.0.1 on Python"),
        (lambda data: data.pop("of"), "of: Field required"),
    ],
)
def test_a_shard_of_another_version_or_form_is_told(shards, edit, text):
    """What this version does not write it does not read."""
    change(shards[0], edit)
    with pytest.raises(ResultError, match=text):
        read_shard(shards[0])


def test_a_corrupt_or_missing_file_is_told(shards, tmp_path):
    """Half a file, and no file at all, end with their name."""
    shards[0].write_text(shards[0].read_text()[:100])
    with pytest.raises(ResultError, match=r"shard-1/shard.json: the file is no JSON"):
        read_shard(shards[0])
    with pytest.raises(ResultError, match="the file cannot be read: No such file"):
        read_shard(tmp_path / "nowhere")


def test_a_scenario_that_has_changed_is_told(shards):
    """A merge judges by the file that ran, so a changed or missing one is an error."""
    file = Path("plain.sim.yaml")
    file.write_text(file.read_text().replace("500ms", "600ms"))
    with pytest.raises(ResultError, match=r"plain: plain.sim.yaml is not what it was when the shard ran"):
        together(shards)
    file.unlink()
    with pytest.raises(ResultError, match=r"plain: its file plain.sim.yaml is not there; .*; merge in the same check"):
        together(shards)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--shard", "4/3", "--report", "r"), "'4/3' is no shard; a shard is K/N with K from 1 to N; write 1/8"),
        (("--shard", "1/3"), "--shard leaves its part in a folder; add --report FOLDER"),
        (("--shard", "1/3", "--report", "r", "--max-failures", "1"), "leave one out"),
    ],
)
def test_options_that_make_no_shard_are_told(folder, options, text):
    """Bad usage is exit 2, with the rule."""
    done = sim("run", ".", *options, cwd=folder)
    assert done.returncode == 2
    assert text in " ".join(done.stderr.split())


def test_a_merge_of_what_does_not_fit_ends_with_2(folder):
    """The command tells the same errors in one line."""
    done = sim("merge", "shard-1", "--report", "nothing", cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("shard-1: shard 2/3, 3/3 is missing; ")
    assert not (folder / "nothing").exists()
