"""Scenario files: from text to models, with every problem at its place."""

from sim.loader.code import load_object, place_of
from sim.loader.declared import declared_properties
from sim.loader.errors import Problem, ProblemAt, ScenarioError, SelectionError
from sim.loader.find import find_scenarios, load_scenarios
from sim.loader.load import LoadedScenario, load_scenario, load_variants
from sim.loader.modules import modules_of
from sim.loader.scripts import load_exchanges, load_script
from sim.loader.targets import check_targets
from sim.loader.traffic import resolve_csv

__all__ = [
    "LoadedScenario",
    "Problem",
    "ProblemAt",
    "ScenarioError",
    "SelectionError",
    "check_targets",
    "declared_properties",
    "find_scenarios",
    "load_exchanges",
    "load_object",
    "load_scenario",
    "load_scenarios",
    "load_script",
    "load_variants",
    "modules_of",
    "place_of",
    "resolve_csv",
]
