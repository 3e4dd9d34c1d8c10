"""From a loaded file to something that can run: the code and the data that it names."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from sim.harness import targets_of
from sim.kernel.environment import listed_environment
from sim.kernel.isolation import sealed
from sim.load import read_rows
from sim.loader import ScenarioError, check_targets, load_object, modules_of, place_of, resolve_csv
from sim.model.faults import CustomFault, FailingFault
from sim.model.prepared import Prepared
from sim.outside import made_of
from sim.usercode import user_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.loader import LoadedScenario, Problem
    from sim.loader.extensions import ExtensionKind


def prepare(loaded: LoadedScenario) -> Prepared:
    """Import what the scenario names, read its recorded traffic, build its flow once and hold its targets against it.

    Raises:
        ScenarioError: with everything that cannot be imported, read or built, or is not there, each at its place.

    """
    load, problems = loaded.scenario.load, _Problems()
    builder = problems.of(_function, loaded, loaded.scenario.flow, "flow")
    payload = None if load.payload is None else problems.of(_function, loaded, load.payload, "load.payload")
    shape = None if load.shape is None else problems.of(_load, loaded, load.shape, "load.shape")
    rows = None if load.trace is None else problems.of(_rows, loaded)
    errors = {
        name: problems.of(_error_class, loaded, name, f"faults[{index}].error")
        for index, fault in enumerate(loaded.scenario.faults)
        if isinstance(fault, FailingFault) and (name := fault.error_class) is not None
    }
    factories = {
        fault.factory: problems.of(_load, loaded, fault.factory, f"faults[{index}].factory")
        for index, fault in enumerate(loaded.scenario.faults)
        if isinstance(fault, CustomFault)
    }
    checks = {
        check.check: problems.of(_function, loaded, check.check, f"checks[{index}].check")
        for index, check in enumerate(loaded.scenario.checks)
        if check.check is not None
    }
    services = {
        name: problems.of(made_of, loaded, name, service) for name, service in loaded.scenario.world.services.items()
    }
    prepared = Prepared(loaded.scenario, builder, payload, rows, shape, errors, factories, checks, services)
    if builder is not None and None not in services.values():
        problems.of(_check_flow, loaded, prepared)
    problems.raise_all()
    return prepared


_EXTENSIONS: dict[str, ExtensionKind] = {"factory": "faults", "check": "checks", "shape": "shapes"}


class _Problems:
    """Problems of several parts, so that they are told together."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def of(self, part: Callable[..., Any], *args: Any) -> Any:
        """What `part` gives for `args`; nothing when it has problems, which are kept."""
        try:
            return part(*args)
        except ScenarioError as error:
            self._found.extend(error.problems)
            return None

    def raise_all(self) -> None:
        if self._found:
            raise ScenarioError(self._found)


def _function(loaded: LoadedScenario, reference: str, path: str) -> Any:
    """What a scenario names to be called, and answers when it is called."""
    function = _load(loaded, reference, path)
    called = (function, type(function).__call__)
    if any(map(inspect.iscoroutinefunction, called)):
        kind, fix = "a coroutine function", "write def instead of async def"
    elif path.endswith(".check"):
        return function
    elif any(map(inspect.isgeneratorfunction, called)) or any(map(inspect.isasyncgenfunction, called)):
        kind, fix = "a generator function", "write return instead of yield"
    else:
        return function
    rule = "builders, payload functions and checks are plain functions"
    raise ScenarioError([loaded.problem(path, f"{reference} is {kind}", rule=rule, fix=fix)])


def _load(loaded: LoadedScenario, reference: str, path: str) -> Any:
    def problem_at(message: str, *, rule: str | None = None, fix: str | None = None) -> Problem:
        return loaded.problem(path, message, rule=rule, fix=fix)

    with sealed(), listed_environment(loaded.scenario.env):
        kind = _EXTENSIONS.get(path.rpartition(".")[2])
        return load_object(reference, folder=loaded.folder, problem_at=problem_at, kind=kind)


def _rows(loaded: LoadedScenario) -> Any:
    try:
        return read_rows(resolve_csv(loaded), loaded.scenario.load)
    except ValueError as error:
        raise ScenarioError([loaded.problem("load.trace.csv", str(error))]) from None


def _error_class(loaded: LoadedScenario, reference: str, path: str) -> type[Exception]:
    """The exception class that a fault names; one is made on trial, as the fault is going to make them."""
    kind = _load(loaded, reference, path)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        rule, fix = "an injected error is a class of exceptions", "name a class that derives from Exception"
        raise ScenarioError([loaded.problem(path, f"{reference} is no exception class", rule=rule, fix=fix)])
    try:
        kind("on trial")
    except (Exception, SystemExit) as error:
        place = place_of(error, loaded.folder)
        message = f"{reference}(text) raises {type(error).__name__}: {error}" + (f" ({place})" if place else "")
        rule, fix = "an injected error is made from one text", "name a class that takes one, or derive one that does"
        raise ScenarioError([loaded.problem(path, message, rule=rule, fix=fix)]) from error
    return kind


def _check_flow(loaded: LoadedScenario, prepared: Prepared) -> None:
    with modules_of(loaded.folder), user_errors(loaded):
        targets = targets_of(prepared)
    check_targets(loaded, targets)
