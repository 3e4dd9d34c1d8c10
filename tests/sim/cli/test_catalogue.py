"""`sim list` and `sim explain`: everything that has a name, told from the models."""

from __future__ import annotations

import pytest
import yaml
from command import sim
from golden_files import hold_against
from pydantic import TypeAdapter

from sim.cli.catalogue import FAULT_MODELS, catalogue, explained, fault_example, metric_example
from sim.cli.exits import EXIT_MEANINGS, Exit
from sim.model.checks import RESERVED_CHECK_IDS, Check
from sim.model.faults import FAULT_KINDS, Fault
from sim.model.meanings import CHECK_MEANINGS, METRIC_MEANINGS, VERDICT_MEANINGS
from sim.model.metrics import METRICS
from sim.model.result import VERDICT_ORDER


def test_nothing_that_has_a_name_is_left_out():
    """Every fault, metric, always-on check, verdict and exit code has its meaning, in the order of the models."""
    assert tuple(FAULT_MODELS) == FAULT_KINDS
    assert list(METRIC_MEANINGS) == list(METRICS)
    assert tuple(CHECK_MEANINGS) == RESERVED_CHECK_IDS
    assert tuple(VERDICT_MEANINGS) == VERDICT_ORDER
    assert list(EXIT_MEANINGS) == list(Exit)


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_the_example_of_a_fault_can_stand_in_a_file(kind):
    """What `explain` shows of a fault is one that the models take, with nothing but its own keys."""
    (entry,) = [one for one in catalogue() if (one.name, one.kind) == (kind, "fault")]
    (example,) = yaml.safe_load(explained(entry).partition("example\n")[2])["faults"]
    assert TypeAdapter(Fault).validate_python(example).kind == kind
    assert example == fault_example(FAULT_MODELS[kind])


@pytest.mark.parametrize("metric", METRICS)
def test_the_example_of_a_metric_can_stand_in_a_file(metric):
    """What `explain` shows of a metric is a check that the models take."""
    assert Check.model_validate(metric_example(metric)).metric == metric


@pytest.mark.parametrize("model", FAULT_MODELS.values(), ids=FAULT_MODELS)
def test_every_parameter_is_described(model):
    """No field of a fault is without words, so none is listed without."""
    assert all(field.description for field in model.model_fields.values())


def test_the_list():
    """One line each."""
    done = sim("list")
    assert done.returncode == 0
    hold_against("list.txt", done.stdout)


@pytest.mark.parametrize("name", ["latency", "squeeze", "trace.latency", "determinism", "inconclusive", "3", "custom"])
def test_an_explanation(name):
    """A fault, a metric, a check, a verdict, an exit code, and a name that two things share."""
    text = "\n".join(explained(entry) for entry in catalogue() if entry.name == name)
    hold_against(f"explain-{name}.txt", text)


def test_an_unknown_name_is_told_with_the_one_that_was_meant():
    """Exit 2, with a close match."""
    done = sim("explain", "tool_eror")
    assert done.returncode == 2
    assert "nothing is called 'tool_eror'; did you mean tool_error?" in done.stderr


def test_the_help_of_the_group():
    """Every command with what it is for."""
    hold_against("help.txt", sim("--help", COLUMNS="80").stdout)


def test_each_command_teaches():
    """The help of a command shows an example of it and names its exit codes; it begins with the line of the group."""
    from sim.cli import COMMANDS  # noqa: PLC0415 - imports every command
    from sim.cli import sim as group  # noqa: PLC0415 - as above

    for name in COMMANDS:
        command = group.get_command(None, name)
        assert f"sim {name}" in command.help, name
        assert "xit code" in command.help, name
        assert all(option.help for option in command.params if option.param_type_name == "option"), name
