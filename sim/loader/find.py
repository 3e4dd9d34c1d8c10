"""From paths to scenario files, and all of them loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.loader.errors import ScenarioError, SelectionError, file_problem, shown_path
from sim.loader.load import load_variants
from sim.loader.words import suggestion
from sim.model.rules import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sim.loader.errors import Problem
    from sim.loader.load import LoadedScenario

SUFFIX = ".sim.yaml"


def find_scenarios(paths: Sequence[Path]) -> list[Path]:
    """The scenario files among and below `paths`, sorted, each once.

    Raises:
        ScenarioError: when a path does not exist or is no scenario file.
        SelectionError: when a folder holds none.

    """
    problems = [problem for path in paths if (problem := _unusable(path)) is not None]
    if problems:
        raise ScenarioError(problems)
    files = {path: _below(path) if path.is_dir() else [path] for path in paths}
    empty = [path for path, found in files.items() if not found]
    if empty:
        raise SelectionError([_holds_nothing(path) for path in empty])
    # A file that is both named and below a named folder counts once, under its first name.
    by_place = {file.resolve(): file for found in reversed(files.values()) for file in found}
    return sorted(by_place.values(), key=shown_path)


def load_scenarios(paths: Sequence[Path]) -> list[LoadedScenario]:
    """Every scenario among and below `paths`; the problems of all files come together.

    Raises:
        ScenarioError: when a file cannot be used, or two of them have one name.
        SelectionError: when there is no scenario.

    """
    loaded: list[LoadedScenario] = []
    problems: list[Problem] = []
    for path in find_scenarios(paths):
        try:
            loaded.extend(load_variants(path))
        except ScenarioError as error:
            problems.extend(error.problems)
    problems.extend(_shared_names(loaded))
    if problems:
        raise ScenarioError(problems)
    return loaded


def _shared_names(loaded: Sequence[LoadedScenario]) -> Iterator[Problem]:
    """Results are kept under the scenario's name, so two scenarios cannot share one."""
    first: dict[str, LoadedScenario] = {}
    for item in loaded:
        name = item.scenario.name
        if name in first:
            message = f"{shown(name)} is the name of {shown_path(first[name].path)} too"
            yield item.problem(
                "name", message, rule="scenarios that run together have their own names", fix="rename one"
            )
        first.setdefault(name, item)


def _below(folder: Path) -> list[Path]:
    """Scenario files in `folder`, hidden folders left out."""
    found = (file for file in folder.rglob(f"*{SUFFIX}") if file.is_file())
    return [file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts)]


def _unusable(path: Path) -> Problem | None:
    if path.is_dir():
        return None
    if not path.exists():
        return file_problem(path, "there is no such file or folder", fix=_neighbour(path))
    if not path.name.endswith(SUFFIX):
        return file_problem(path, "this is no scenario file", rule=f"its name ends in {SUFFIX}", fix="rename it")
    return None


def _neighbour(path: Path) -> str:
    names = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
    return suggestion(path.name, names) or "check the path"


def _holds_nothing(folder: Path) -> Problem:
    return file_problem(folder, "the folder holds no scenario", rule=f"a scenario file ends in {SUFFIX}", fix="add one")
