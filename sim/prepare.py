"""From a loaded file to something that can run: the code and the data that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.faults.errors import ERRORS
from sim.harness import Prepared, nodes_of
from sim.load import read_rows
from sim.loader import Problem, ScenarioError, load_object, resolve_csv
from sim.model.scenario import ToolErrorFault
from sim.subject.build import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.loader import LoadedScenario


def prepare(loaded: LoadedScenario) -> Prepared:
    """Import what the scenario names, and read its recorded traffic.

    Raises:
        ScenarioError: something cannot be imported or read, with its place in the file.

    """
    scenario = loaded.scenario
    payload = scenario.load.payload
    return Prepared(
        scenario=scenario,
        builder=load_object(scenario.flow, loaded=loaded, path="flow"),
        payload=None if payload is None else load_object(payload, loaded=loaded, path="load.payload"),
        rows=_rows(loaded),
        errors=_errors(loaded),
    )
