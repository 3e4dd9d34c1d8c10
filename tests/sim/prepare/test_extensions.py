"""Faults, checks and load shapes that installed packages offer under a name."""

from __future__ import annotations

import pytest

from sim.checks.evaluate import evaluate_seed
from sim.harness import run_seed
from sim.loader import ScenarioError, load_scenario
from sim.prepare import prepare

OFFER = """\
[penguiflow.faults]
never-first = acme_sim_offer:NeverFirst
[penguiflow.checks]
oversold = acme_sim_offer:oversold
[penguiflow.shapes]
pair = acme_sim_offer:pair
"""
CODE = """\
class NeverFirst:
    def __init__(self, fault, draws):
        pass

    async def apply(self, call, proceed):
        if call.attempt == 0:
            raise ConnectionError("never first")
        return await proceed()

def oversold(recording):
    return [float(len(recording.effects))]

def pair(rng, horizon_s):
    return [1.0, 2.0]
"""
FLOW = """\
from penguiflow import Node, NodePolicy, create

async def work(message, ctx):
    return message

def build():
    return create(Node(work, name="work", policy=NodePolicy(max_retries=2)).to())
"""
SCENARIO = """\
schema: penguiflow.sim/1
name: extended
flow: extended_flow:build
horizon: 60s
load: {shape: pair}
faults: [{id: first, kind: custom, factory: never-first, where: {node: work}}]
checks: [{id: sold, metric: custom, check: oversold, max: 0}]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A scenario beside its flow, and a package that is installed."""
    site = tmp_path / "site"
    (site / "acme_sim_offer-1.0.dist-info").mkdir(parents=True)
    (site / "acme_sim_offer-1.0.dist-info" / "METADATA").write_text("Name: acme-sim-offer\nVersion: 1.0\n")
    (site / "acme_sim_offer-1.0.dist-info" / "entry_points.txt").write_text(OFFER)
    (site / "acme_sim_offer.py").write_text(CODE)
    (tmp_path / "extended_flow.py").write_text(FLOW)
    monkeypatch.syspath_prepend(str(site))
    return tmp_path


def loaded(folder, text):
    (folder / "a.sim.yaml").write_text(text)
    return load_scenario(folder / "a.sim.yaml")


def test_what_a_package_offers_is_used_by_name(folder):
    """The shape brings two requests, the fault costs each its first attempt, and the check has looked."""
    prepared = prepare(loaded(folder, SCENARIO))
    recording = run_seed(prepared, 1)
    assert [request.arrival_s for request in recording.requests] == [1.0, 2.0]
    assert [request.outcome for request in recording.requests] == ["ok", "ok"]
    assert recording.fault_counts["first"].fired == 4  # it is asked at both attempts of both
    verdict = next(
        check
        for check in evaluate_seed(prepared.scenario, recording, custom=prepared.checks).checks
        if check.id == "sold"
    )
    assert verdict.value == 1.0  # it gave one number


@pytest.mark.parametrize(
    ("offered", "written", "told"),
    [
        ("never-first", "never-frist", "did you mean 'never-first'?"),
        ("oversold", "stock", "write module:callable, or install the package that offers it"),
        ("pair", "pear", "did you mean 'pair'?"),
    ],
)
def test_a_name_that_nobody_offers_is_told_at_its_place(folder, offered, written, told):
    """The error names the group that is looked through, and the name that was probably meant."""
    with pytest.raises(ScenarioError, match=rf"no installed package offers '{written}'") as caught:
        prepare(loaded(folder, SCENARIO.replace(offered, written)))
    assert "entry point of the group penguiflow." in str(caught.value)
    assert told in str(caught.value)
