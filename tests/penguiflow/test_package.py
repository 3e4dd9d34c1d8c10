"""RUNTIME 1.1: what the package offers, and which company it keeps."""

import os
import subprocess
import sys

import penguiflow


def imported(statement, path=""):
    environment = {**os.environ, "PYTHONPATH": str(path)}
    command = [sys.executable, "-c", statement]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - our own words


def test_every_public_name_is_there_and_sorted():
    """`__all__` names what exists, once each, in the order of the linter."""
    assert [name for name in penguiflow.__all__ if not hasattr(penguiflow, name)] == []
    assert len(set(penguiflow.__all__)) == len(penguiflow.__all__)


def test_a_star_import_brings_the_names_that_applications_use():
    """The words of the public library that exist here so far can be imported from the top."""
    known = (
        "__version__, create, PenguiFlow, Context, CycleError, DEFAULT_QUEUE_MAXSIZE, Node, NodePolicy, ModelRegistry, "
        "Headers, Message, StreamChunk, PlanStep, Thought, WM, FinalAnswer, FlowEvent, format_flow_event, FlowError, "
        "FlowErrorCode, Middleware, LatencyCallback, log_flow_events, configure_logging, StructuredFormatter, "
        "ExtraFormatter, StateStore, StoredEvent, RemoteBinding"
    )
    program = (
        f"from penguiflow import {known}\nfrom penguiflow.core import TraceCancelled, Endpoint, ROOKERY, OPEN_SEA, Floe"
    )

    assert imported(program).returncode == 0


def test_names_and_modules_come_in_when_they_are_used():
    """`import penguiflow` loads no engine, and still gives every module by its name; an unknown one is an error."""
    program = (
        "import sys, penguiflow\n"
        "assert 'penguiflow.core' not in sys.modules\n"
        "assert penguiflow.types.Message is penguiflow.Message\n"
        "assert set(penguiflow.__all__) <= set(dir(penguiflow))\n"
        "penguiflow.core.flow, penguiflow.patterns\n"
        "penguiflow.no_such_name\n"
    )
    finished = imported(program)

    assert finished.stderr.splitlines()[-1] == "AttributeError: module 'penguiflow' has no attribute 'no_such_name'"


def test_the_public_library_in_the_same_environment_is_refused(tmp_path):
    """Beside an installed distribution `penguiflow` the import fails, with the reason and a remedy."""
    company = tmp_path / "penguiflow-3.11.2.dist-info"
    company.mkdir()
    (company / "METADATA").write_text("Metadata-Version: 2.1\nName: penguiflow\nVersion: 3.11.2\n")
    finished = imported("import penguiflow", tmp_path)

    assert finished.returncode == 1
    last_line = finished.stderr.splitlines()[-1]
    assert last_line.startswith("ImportError: the distribution penguiflow 3.11.2 is installed beside penguiflow-sim")
    assert "python -m venv" in last_line
