"""From a loaded file to something that can run: the code and the data that it names."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.harness import nodes_of
from sim.load import read_rows
from sim.loader import ScenarioError, check_targets, load_object, modules_of, resolve_csv
from sim.model.prepared import Prepared
from sim.model.scenario import NAMED_ERRORS, ToolErrorFault
from sim.subject.build import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.loader import LoadedScenario, Problem


def prepare(loaded: LoadedScenario) -> Prepared:
    """Import what the scenario names, read its recorded traffic, build its flow once and hold its targets against it.

    Raises:
        ScenarioError: something cannot be imported, read or built, or is not there, with its place in the file.

    """
    load = loaded.scenario.load
    prepared = Prepared(
        scenario=loaded.scenario,
        builder=_load(loaded, loaded.scenario.flow, "flow"),
        payload=None if load.payload is None else _load(loaded, load.payload, "load.payload"),
        rows=None if load.trace is None else _rows(loaded),
        errors=_errors(loaded),
    )
    check_targets(loaded, _nodes(loaded, prepared))
    return prepared


def _load(loaded: LoadedScenario, reference: str, path: str) -> Any:
    def problem_at(message: str, *, rule: str | None = None, fix: str | None = None) -> Problem:
        return loaded.problem(path, message, rule=rule, fix=fix)

    return load_object(reference, folder=loaded.folder, problem_at=problem_at)


def _rows(loaded: LoadedScenario) -> Any:
    try:
        return read_rows(resolve_csv(loaded), loaded.scenario.load)
    except ValueError as error:
        raise ScenarioError([loaded.problem("load.trace.csv", str(error))]) from None


def _errors(loaded: LoadedScenario) -> dict[str, Callable[[str], Exception]]:
    """The exception classes that faults name as `module:Class`."""
    errors: dict[str, Callable[[str], Exception]] = {}
    for index, fault in enumerate(loaded.scenario.faults):
        if not isinstance(fault, ToolErrorFault) or fault.error in NAMED_ERRORS:
            continue
        path = f"faults[{index}].error"
        kind = _load(loaded, fault.error, path)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            rule, fix = "an injected error is a class of exceptions", "name a class that derives from Exception"
            raise ScenarioError([loaded.problem(path, f"{fault.error} is no exception class", rule=rule, fix=fix)])
        errors[fault.error] = kind
    return errors


def _nodes(loaded: LoadedScenario, prepared: Prepared) -> tuple[str, ...]:
    try:
        with modules_of(loaded.folder):
            return nodes_of(prepared)
    except BuildError as error:
        raise ScenarioError([loaded.problem("flow", str(error))]) from None
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        message = f"building the flow fails: {type(error).__name__}: {error} ({place})"
        rule, fix = "the builder has to give a flow in an empty world", "correct that line"
        raise ScenarioError([loaded.problem("flow", message, rule=rule, fix=fix)]) from error
