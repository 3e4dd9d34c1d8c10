"""`extends`: a scenario over another one."""

import pytest
from scenario_files import LARGE, loaded, write

from sim.loader import ScenarioError, load_scenario

CHILD = """\
schema: penguiflow.sim/1
name: child
extends: base.yaml
load: {deadline: 1s}
tenants: {initech: {}}
faults:
  - {id: storm, share: 0.5}
  - {id: new, kind: latency, delay: 1s, window: {from: 30s}}
checks:
  - {id: drain, max: 20s}
expect: []
"""


@pytest.fixture
def child(tmp_path):
    write(tmp_path, LARGE, "base.yaml")
    return loaded(tmp_path, CHILD)


def test_mappings_are_merged_by_key(child):
    """What the file does not say is as in its base, at any depth."""
    scenario = child.scenario

    assert scenario.name == "child"
    assert scenario.flow == "shop.flows:build_checkout"
    assert (scenario.load.deadline, scenario.load.arrival, len(scenario.load.stages)) == (1.0, "poisson", 2)
    assert list(scenario.tenants) == ["acme", "globex", "initech"]


def test_lists_with_ids_are_merged_by_id(child):
    """An entry with an id of the base changes that entry; others come behind it."""
    scenario = child.scenario

    assert [fault.id for fault in scenario.faults] == ["slow-search", "card-tool-down", "storm", "peek", "new"]
    assert (scenario.faults[2].share, scenario.faults[2].clients) == (0.5, 200)
    assert next(check.max for check in scenario.checks if check.id == "drain") == 20.0


def test_other_lists_are_replaced(tmp_path):
    """A list of stages, tags or seeds is that of the file alone where it has one."""
    write(tmp_path, LARGE, "base.yaml")
    text = "schema: penguiflow.sim/1\nname: child\nextends: base.yaml\ntags: []\n"
    scenario = loaded(tmp_path, text + "load: {stages: [{for: 1s, rate: 1/s}]}\n").scenario

    assert (scenario.tags, len(scenario.load.stages)) == ((), 1)


def test_a_fault_of_another_kind_replaces_that_of_the_base(tmp_path):
    """What belongs to one kind of fault is not carried into another."""
    write(tmp_path, LARGE, "base.yaml")
    text = "schema: penguiflow.sim/1\nname: child\nextends: base.yaml\n"
    fault = "faults:\n  - {id: slow-search, kind: tool_error, where: {tool: search}, window: {from: 20s, for: 5s}}\n"
    scenario = loaded(tmp_path, text + fault).scenario

    assert (scenario.faults[0].kind, scenario.faults[0].where.tenant) == ("tool_error", None)


def test_every_value_has_its_place_in_its_own_file(child):
    """A problem found later, too, points into the file that holds the value."""
    assert str(child.problem("load.deadline", "late")).startswith(f"{child.path}:4:18:")
    assert str(child.problem("faults[2].share", "high")).startswith(f"{child.path}:7:")
    assert str(child.problem("faults[2].where.node", "gone")).startswith(f"{child.path.with_name('base.yaml')}:39:19:")


def test_lines_of_results_are_lines_of_the_file_itself(child):
    """What stands in the base is led to by the line that names the base."""
    assert child.own_lines["load.deadline"] == 4
    assert child.own_lines["checks[0]"] == 3
    assert child.lines["checks[0]"] != (3, 1)


def test_a_base_is_found_from_the_files_own_folder(tmp_path, monkeypatch):
    """The working directory does not matter, and the base may lie elsewhere."""
    write(tmp_path, LARGE, "shared/base.yaml")
    path = write(tmp_path, CHILD.replace("base.yaml", "../shared/base.yaml"), "suite/child.sim.yaml")
    monkeypatch.chdir(tmp_path)

    assert load_scenario(path).scenario.flow == "shop.flows:build_checkout"


def test_problems_of_both_files_come_together(tmp_path):
    """What is wrong in the base and what is wrong here is one list, sorted by file."""
    write(tmp_path, LARGE.replace("deadline: 2s", "deadline: 2"), "base.yaml")

    with pytest.raises(ScenarioError) as caught:
        loaded(tmp_path, CHILD.replace("share: 0.5", "share: 50").replace("load: {deadline: 1s}\n", ""))

    assert [(problem.file.rpartition("/")[2], problem.path) for problem in caught.value.problems] == [
        ("base.yaml", "load.deadline"),
        ("test.sim.yaml", "faults[2].share"),
    ]
