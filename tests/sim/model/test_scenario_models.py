"""The models of a scenario file."""

import inspect

import pytest
from pydantic import BaseModel, ValidationError

from sim.model import checks, faults, fields, load, scenario
from sim.model.bounds import parse_bound
from sim.model.rules import BrokenRule
from sim.model.scenario import FAULT_KINDS, Check, LatencyFault, Seeds

MODULES = (checks, faults, fields, load, scenario)
MODELS = dict.fromkeys(
    model
    for module in MODULES
    for _, model in inspect.getmembers(module, inspect.isclass)
    if issubclass(model, BaseModel) and model.__module__ == module.__name__
)
FIELDS = [(model, name) for model in MODELS for name in model.model_fields]


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=lambda part: part if isinstance(part, str) else part.__name__)
def test_every_field_is_described_by_an_example(model, name):
    """Every key of a scenario file has a sentence and at least one example, for editors to show."""
    field = model.model_fields[name]

    assert field.description
    assert field.description.endswith(".")
    assert field.examples


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=lambda part: part if isinstance(part, str) else part.__name__)
def test_every_example_is_valid(model, name):
    """No example is one that the loader refuses."""
    field = model.model_fields[name]
    for example in field.examples or ():
        with pytest.raises(ValidationError) as caught:
            model.model_validate({field.alias or name: example, "no such key": 1, **needed_by(model, name, example)})
        wrong = [error["loc"][0] for error in caught.value.errors()]

        assert (field.alias or name) not in wrong


def needed_by(model, name, example):
    """What decides on the unit of a check's bound."""
    if model is not Check or name not in ("max", "min"):
        return {}
    return {"metric": "trace.latency" if isinstance(example, str) else "queue.depth", "stat": "p99"}


def test_the_schema_can_be_exported():
    """The models give a JSON schema, which names every kind of fault."""
    schema = str(scenario.Scenario.model_json_schema())

    assert all(kind in schema for kind in FAULT_KINDS)


@pytest.mark.parametrize(
    ("given", "needed"), [({}, 1), ({"chance": 0}, 0), ({"chance": 0, "must_fire": 2}, 2), ({"must_fire": 0}, 0)]
)
def test_a_fault_has_to_fire_unless_it_cannot(given, needed):
    """A fault needs one hit in the sweep, none with a chance of 0, and always what the file says."""
    fault = LatencyFault.model_validate({"id": "slow", "kind": "latency", "delay": "1s", **given})

    assert fault.must_fire_effective == needed


def test_pinned_seeds_run_once():
    """Seeds come in the order of the range, then the pinned ones, and none of them twice."""
    assert Seeds(first=3, count=3, always=(5, 9, 9, 1)).all() == [3, 4, 5, 9, 1]


@pytest.mark.parametrize(
    ("metric", "stat", "versus", "value", "bound"),
    [
        ("trace.latency", "p99", None, "400ms", 0.4),
        ("recovery.time", "max", None, "2m", 120.0),
        ("trace.latency", "count", None, 400, 400.0),
        ("trace.latency", "p99", "baseline", 1.2, 1.2),
        ("trace.timeouts", "rate", None, 0.01, 0.01),
        ("trace.timeouts", "count", None, 12, 12.0),
        ("attempts.per_request", "mean", None, 2.5, 2.5),
        ("queue.depth", "max", None, 64, 64.0),
    ],
)
def test_bounds_have_the_unit_of_their_number(metric, stat, versus, value, bound):
    """A time is bounded by a duration, in seconds, and everything else by a plain number."""
    assert parse_bound(value, metric, stat, versus) == bound


@pytest.mark.parametrize(
    ("metric", "stat", "versus", "value"),
    [
        ("trace.latency", "p99", None, 400),
        ("trace.latency", "count", None, "400ms"),
        ("trace.latency", "p99", "baseline", "400ms"),
        ("trace.timeouts", "rate", None, 5),
        ("trace.timeouts", "rate", None, "5%"),
        ("trace.timeouts", "rate", None, "%"),
        ("queue.depth", "max", None, "64"),
        ("queue.depth", "max", None, -1),
        ("queue.depth", "max", None, True),
        ("queue.depth", "max", None, float("inf")),
    ],
)
def test_bounds_of_another_unit_are_refused(metric, stat, versus, value):
    """A bound with the wrong unit, a percent sign or no sense is refused."""
    with pytest.raises(BrokenRule):
        parse_bound(value, metric, stat, versus)
