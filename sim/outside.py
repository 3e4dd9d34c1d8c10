"""From the services that a file names to what they are made of."""

from __future__ import annotations

import inspect
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from sim.kernel.environment import listed_environment
from sim.kernel.isolation import sealed
from sim.loader import ScenarioError, load_exchanges, load_object, load_script, modules_of
from sim.services.clients import libraries
from sim.services.llm import Cassette, LlmApp, Scripted
from sim.services.swaps import Swap, Swaps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sim.loader import LoadedScenario, Problem
    from sim.model.world import Service

_APP_RULE = "app names a callable without parameters that makes the ASGI app, anew for each run"


def made_of(loaded: LoadedScenario, name: str, service: Service) -> Any:
    """What one service of a scenario is made of: a factory of ASGI apps, or the swaps of callables.

    Raises:
        ScenarioError: its code cannot be imported or is of another kind, or its script cannot be read.

    """
    place = f"world.services.{name}"
    if service.replace is not None:
        return Swaps(name, [_swap(loaded, place, real, stand_in) for real, stand_in in service.replace.items()])
    libraries()  # clients are imported before the first run, so that all runs are alike
    if service.llm is not None:
        return _llm(loaded, service.llm, f"{place}.llm")
    return _app(loaded, str(service.app), f"{place}.app")


def _app(loaded: LoadedScenario, reference: str, path: str) -> Callable[[], Any]:
    factory: Callable[[], Any] = _load(loaded, reference, path)
    called = (factory, type(factory).__call__)
    if any(map(inspect.iscoroutinefunction, called)):
        message = f"{reference} is an app, or another coroutine function"
    elif not _can_be_called_bare(factory):
        message = f"{reference} cannot be called without arguments"
    else:
        return factory
    last = reference.rpartition(":")[2].rpartition(".")[2]
    raise ScenarioError([loaded.problem(path, message, rule=_APP_RULE, fix=f"write def make_{last}(): return the app")])


def _can_be_called_bare(factory: Any) -> bool:
    try:
        inspect.signature(factory).bind()
    except (TypeError, ValueError):
        return False
    return True


def _llm(loaded: LoadedScenario, name: str, path: str) -> Callable[[], LlmApp]:
    file: Path = loaded.folder / name
    if file.suffix in (".yaml", ".yml"):
        script = load_script(file)
        return partial(LlmApp, Scripted(script), first_chunk_s=script.first_chunk, gap_s=script.gap)
    if file.suffix == ".jsonl":
        exchanges = load_exchanges(file)
        return lambda: LlmApp(Cassette(exchanges))
    rule = "a model answers from a script, which ends with .yaml, or from a cassette, which ends with .jsonl"
    raise ScenarioError([loaded.problem(path, f"{name!r} is neither", rule=rule, fix="name one of them")])


def _swap(loaded: LoadedScenario, place: str, real: str, stand_in: str) -> Swap:
    path = f"{place}.replace.{real}"
    module, _, attribute = real.partition(":")
    owner_name, _, last = attribute.rpartition(".")
    old = _load(loaded, real, path)
    owner = _load(loaded, f"{module}:{owner_name}", path) if owner_name else _module_of(loaded, real)
    if isinstance(owner, type):  # what a class inherits is swapped where it stands
        owner = next(base for base in owner.__mro__ if last in vars(base))
    return Swap(owner, last, old, _load(loaded, stand_in, path))


def _module_of(loaded: LoadedScenario, reference: str) -> Any:
    with modules_of(loaded.folder):
        return sys.modules[reference.partition(":")[0]]


def _load(loaded: LoadedScenario, reference: str, path: str) -> Any:
    def problem_at(message: str, *, rule: str | None = None, fix: str | None = None) -> Problem:
        return loaded.problem(path, message, rule=rule, fix=fix)

    with sealed(), listed_environment(loaded.scenario.env):
        return load_object(reference, folder=loaded.folder, problem_at=problem_at)
