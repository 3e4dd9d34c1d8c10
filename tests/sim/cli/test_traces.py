"""The traces of failing runs, as lines of JSON."""

from __future__ import annotations

import gzip
import json

import pytest
from command import sim

FLOW = """\
from penguiflow import Node, NodePolicy, create

async def charge():
    return "receipt"

async def pay(message, ctx):
    await ctx.effect("charge", charge)
    return message

def build():
    return create(Node(pay, name="pay", policy=NodePolicy(max_retries=1, backoff_base=0.5, jitter=0)).to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: twice
flow: traced_flow:build
horizon: 60s
seeds: {first: 3, count: 14}
load: {stages: [{for: 2s, rate: 1/s}], deadline: 20s}
faults: [{id: lost, kind: tool_error, where: {tool: charge, attempt: 1}, after_effect: true, chance: 0.9}]
checks: [{id: once, metric: effects.duplicates, max: 0}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of which every seed fails."""
    place = tmp_path_factory.mktemp("traces")
    (place / "traced_flow.py").write_text(FLOW)
    (place / "twice.sim.yaml").write_text(SCENARIO)
    assert sim("run", "twice.sim.yaml", "--report", "report", "-j", "1", cwd=place).returncode == 1
    return place


def names(report):
    return sorted(path.relative_to(report / "traces").as_posix() for path in (report / "traces").rglob("*.gz"))


def lines(path):
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def test_the_smallest_failing_seeds_leave_their_traces(folder):
    """Each saved failure has its trace beside it, and nothing else has."""
    capsules = {path.name.split(".")[0] for path in (folder / "report" / "failures").iterdir()}
    assert len(capsules) == 10
    assert {name.replace("/", "-").split(".")[0] for name in names(folder / "report")} == capsules


def test_a_trace_tells_what_happened_in_order_of_time(folder):
    """Arrival, attempt, effect, fault, backoff, second attempt, second effect and answer, each with its numbers."""
    head, *told = lines(folder / "report" / "traces" / "twice" / "3.ndjson.gz")
    assert head["schema"] == "penguiflow.sim.trace/1"
    assert (head["scenario"], head["seed"]) == ("twice", 3)
    assert [line["at_s"] for line in told] == sorted(line["at_s"] for line in told)
    retried = next(line["trace"] for line in told if line["kind"] == "backoff")
    of_one = [line for line in told if line.get("trace") == retried]
    kinds = [(line["kind"], line.get("attempt"), line.get("result", "")) for line in of_one]
    assert kinds == [
        ("arrival", None, ""), ("running", 1, "error"), ("backoff", 1, ""), ("effect", 1, ""),
        ("running", 2, "ok"), ("effect", 2, ""), ("answer", None, ""),
    ]  # fmt: skip
    assert of_one[-1]["outcome"] == "ok"
    assert of_one[-1]["latency_s"] == 0.5
    (fire,) = [line for line in told if line["kind"] == "fault" and line["at_s"] == of_one[0]["at_s"]]
    assert fire["fault"] == "lost"


def test_traces_have_the_same_bytes_however_the_seeds_are_run(folder):
    """Two processes, and two shards that are merged, leave the same files."""
    options = ("run", "twice.sim.yaml", "--report")
    assert sim(*options, "two", "-j", "2", cwd=folder).returncode == 1
    for shard in ("1/2", "2/2"):
        assert sim(*options, f"part-{shard[0]}", "--shard", shard, cwd=folder).returncode == 0
    assert sim("merge", "part-1", "part-2", "--report", "merged", cwd=folder).returncode == 1
    for other in ("two", "merged"):
        assert names(folder / other) == names(folder / "report")
        for name in names(folder / "report"):
            assert (folder / other / "traces" / name).read_bytes() == (folder / "report" / "traces" / name).read_bytes()


def test_all_traces_can_be_had_and_those_of_an_earlier_run_go(folder):
    """`--traces all` keeps passing seeds, too; a later run removes what it does not write."""
    options = ("run", "twice.sim.yaml", "--report", "again")
    sim(*options, "--seeds", "12", "--traces", "all", cwd=folder)
    assert len(names(folder / "again")) == 12
    sim(*options, "--seed", "4", cwd=folder)
    assert names(folder / "again") == ["twice/4.ndjson.gz"]
