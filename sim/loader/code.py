"""Loading the code that a scenario names as `module:callable`."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import penguiflow
from sim.loader.errors import ScenarioError, shown_path
from sim.loader.extensions import reference_of
from sim.loader.modules import modules_of
from sim.loader.words import suggestion
from sim.model.rules import shortened, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from sim.loader.errors import Problem, ProblemAt
    from sim.loader.extensions import ExtensionKind

_LIBRARY_FOLDERS = ("site-packages", "dist-packages")
_OUR_PACKAGES = (Path(penguiflow.__file__).parent, Path(__file__).parents[1])


def load_object(reference: str, *, folder: Path, problem_at: ProblemAt, kind: ExtensionKind | None = None) -> Any:
    """The object that `reference` names.

    Importing runs the module's code.

    Args:
        reference: `module:callable`; the part after the colon may have dots. With a `kind`, also the name of an
            entry point.
        folder: where modules are looked for first; the working directory comes next.
        problem_at: makes a problem at the place in the file that holds `reference`.
        kind: what may be named by an entry point here.

    Raises:
        ScenarioError: when the module cannot be imported, or has no such callable.

    """
    if kind is not None and ":" not in reference:
        reference = reference_of(reference, kind, problem_at)
    module_name, _, attribute = reference.partition(":")
    with modules_of(folder):
        module = _imported(module_name, folder, problem_at)
        loaded = _attribute(module, attribute, problem_at)
    if not callable(loaded):
        rule = "a scenario names a function or a class"
        fix = f"name one that {module_name} defines"
        raise ScenarioError([problem_at(f"{shown(reference)} is no callable", rule=rule, fix=fix)])
    return loaded


def _imported(name: str, folder: Path, problem_at: ProblemAt) -> ModuleType:
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ScenarioError([_no_module(name, error.name, folder, problem_at)]) from None
        raise ScenarioError([_failed(name, error, folder, problem_at)]) from error
    except BaseException as error:  # a module that calls sys.exit() is a broken module too
        raise ScenarioError([_failed(name, error, folder, problem_at)]) from error


def _no_module(name: str, missing: str, folder: Path, problem_at: ProblemAt) -> Problem:
    parent, _, last = missing.rpartition(".")
    package = sys.modules.get(parent)
    if package is not None and not hasattr(package, "__path__"):
        rule = f"{parent} is a module and not a package"
        return problem_at(f"there is no module {name!r}", rule=rule, fix=f"write {parent}:callable")
    places = list(package.__path__) if package is not None else [str(folder), str(Path.cwd())]
    known = [f"{parent}.{module.name}".strip(".") for module in pkgutil.iter_modules(places)]
    fix = suggestion(missing, known) or f"create {last}.py, or correct the name"
    rule = "modules are looked for beside the scenario, then in the working directory"
    return problem_at(f"there is no module {missing!r}", rule=rule, fix=fix)


def _failed(name: str, error: BaseException, folder: Path, problem_at: ProblemAt) -> Problem:
    text = shortened(" ".join(str(error).split()))
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = place_of(error, folder)
    message = f"importing {name} fails: {reason}" + (f" ({place})" if place else "")
    return problem_at(message, rule="the module has to be importable by itself", fix="correct that line")


def place_of(error: BaseException, folder: Path) -> str:
    """The innermost line of the user's own code, or of any code that is no part of the import machinery."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{shown_path(error.filename)}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    frames = frames[1:]  # the first is this module's
    own = [frame for frame in frames if _is_own(Path(frame.filename), folder)]
    return next((f"{shown_path(frame.filename)}:{frame.lineno}" for frame in reversed(own or frames)), "")


def _is_own(file: Path, folder: Path) -> bool:
    beside = any(file.is_relative_to(root) for root in (folder, folder.resolve(), Path.cwd()))
    ours = any(file.is_relative_to(package) for package in _OUR_PACKAGES)  # in a checkout they lie beside the user's
    return beside and not ours and not any(part in _LIBRARY_FOLDERS for part in file.parts)


def _attribute(module: ModuleType, dotted_name: str, problem_at: ProblemAt) -> Any:
    owner: Any = module
    named = module.__name__
    for name in dotted_name.split("."):
        if not hasattr(owner, name):
            fix = suggestion(name, _public_names(owner)) or f"define {name}, or correct the name"
            raise ScenarioError([problem_at(f"{named} has no {name!r}", fix=fix)])
        owner, named = getattr(owner, name), f"{named}.{name}"
    return owner


def _public_names(owner: Any) -> Iterator[str]:
    return (name for name in dir(owner) if not name.startswith("_"))
