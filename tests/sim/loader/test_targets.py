"""Nodes that a scenario names are nodes of its flow."""

import pytest
from scenario_files import LARGE, loaded

from sim.loader import ScenarioError, check_targets
from sim.model.limits import NodeLimits
from sim.model.targets import Targets


def test_known_nodes_pass(tmp_path):
    """A flow that has every node that faults and checks name is accepted."""
    check_targets(loaded(tmp_path, LARGE), Targets(("search", "pay", "ship"), {}))


def test_every_unknown_node_is_reported(tmp_path):
    """Each node that the flow lacks is a problem at its place, with the flow's nodes and a close match."""
    with pytest.raises(ScenarioError) as caught:
        check_targets(loaded(tmp_path, LARGE), Targets(("serach", "checkout"), {}))

    assert [(problem.line, problem.path, problem.fix) for problem in caught.value.problems] == [
        (27, "faults[0].where.node", "did you mean 'serach'?"),
        (39, "faults[2].where.node", None),
        (62, "checks[8].where.node", None),
    ]
    assert caught.value.problems[1].rule == "it is one of serach, checkout"


def scenario(tmp_path, fault):
    text = f"""\
schema: penguiflow.sim/1
name: aimed
flow: flows:build
load: {{stages: [{{for: 1s, rate: 1/s}}]}}
faults:
  - {{id: it, {fault}}}
"""
    return loaded(tmp_path, text)


TARGETS = Targets(
    ("search", "pay"),
    {},
    edges=(("search", "pay"),),
    limits={"search": NodeLimits(max_retries=2), "pay": NodeLimits()},
)


@pytest.mark.parametrize(
    "fault",
    [
        "kind: drop, where: {edge: search->pay}",
        "kind: drop, where: {edge: search -> pay}",
        "kind: drop, where: {edge: OpenSea->search}",
        "kind: drop, where: {edge: pay->Rookery}",
        "kind: hang, where: {node: search, attempt: 3}",
        "kind: hang, where: {tool: anything}",
    ],
)
def test_what_is_there_can_be_aimed_at(tmp_path, fault):
    """Edges, those into the flow and out of it included, attempts that a node makes, and tools of a flow."""
    check_targets(scenario(tmp_path, fault), TARGETS)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("kind: drop, where: {edge: search->bay}", "unknown edge 'search->bay'"),
        ("kind: drop, where: {edge: OpenSea->pay}", "unknown edge 'OpenSea->pay'"),
        (
            "kind: hang, where: {node: pay, attempt: 2}",
            "pay never makes attempt 2; with max_retries=0 it makes 1; write 1",
        ),
        ("kind: store_error", "the flow has no store"),
    ],
)
def test_a_where_that_can_match_nothing_is_an_error(tmp_path, fault, told):
    """What the flow does not have, and attempts that its node never makes, are told before anything runs."""
    with pytest.raises(ScenarioError) as caught:
        check_targets(scenario(tmp_path, fault), TARGETS)
    assert told in str(caught.value)


def test_known_tools_are_held_against_the_file(tmp_path):
    """A subject that knows its tools has a misspelt one found."""
    with pytest.raises(ScenarioError, match="did you mean 'charge'"):
        check_targets(scenario(tmp_path, "kind: hang, where: {tool: chrage}"), Targets((), {}, tools=("charge",)))
