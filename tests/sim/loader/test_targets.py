"""Nodes that a scenario names are nodes of its flow."""

import pytest
from scenario_files import LARGE, loaded

from sim.loader import ScenarioError, check_targets


def test_known_nodes_pass(tmp_path):
    """A flow that has every node that faults and checks name is accepted."""
    check_targets(loaded(tmp_path, LARGE), ["search", "pay", "ship"])


def test_every_unknown_node_is_reported(tmp_path):
    """Each node that the flow lacks is a problem at its place, with the flow's nodes and a close match."""
    with pytest.raises(ScenarioError) as caught:
        check_targets(loaded(tmp_path, LARGE), ["serach", "checkout"])

    assert [(problem.line, problem.path, problem.fix) for problem in caught.value.problems] == [
        (27, "faults[0].where.node", "did you mean 'serach'?"),
        (39, "faults[2].where.node", None),
        (62, "checks[8].where.node", None),
    ]
    assert caught.value.problems[1].rule == "it is one of serach, checkout"
