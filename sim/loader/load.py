"""From a scenario file to its model, with every problem of the file at once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sim.loader.compose import composed
from sim.loader.document import dotted
from sim.loader.errors import ScenarioError
from sim.loader.explain import problems_of
from sim.loader.matrix import variants
from sim.loader.names import name_problems
from sim.loader.timing import timing_problems
from sim.loader.words import listing
from sim.model.rules import shown
from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from sim.loader.document import Document
    from sim.loader.errors import Problem
    from sim.loader.matrix import Variant
    from sim.loader.source import Source

_ROOT_MARKERS = ("pyproject.toml", ".git")


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A scenario and where its parts stand.

    Args:
        scenario: the content.
        path: the file, as it was given.
        lines: line and column, from 1, by path: `checks[2]`, `faults[0].where.node`.
        source: the file's text.
        data: the same as data, in the words of the file; empty where there is no file.
        sources: the texts of what stands in the file that this one extends, by path.

    """

    scenario: Scenario
    path: Path
    lines: dict[str, tuple[int, int]]
    source: Source
    data: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def own_lines(self) -> dict[str, int]:
        """The line of each path in this file; what stands in its base is led to by the line that names the base."""
        extends = next((number for number, line in enumerate(self.source.lines, 1) if line.startswith("extends")), 1)
        return {
            path: line if self.sources.get(path, self.source) is self.source else extends
            for path, (line, _column) in self.lines.items()
        }

    @property
    def folder(self) -> Path:
        """Where code and recorded traffic are looked for first; absolute."""
        return Path(os.path.abspath(self.path)).parent  # noqa: PTH100 - a linked file belongs where its link stands

    @property
    def file(self) -> str:
        """The file from the root of its project: the same from any working directory."""
        path = self.folder / self.path.name
        for root in self.folder, *self.folder.parents:
            if any((root / marker).exists() for marker in _ROOT_MARKERS):
                return path.relative_to(root).as_posix()
        return path.name

    def problem(self, path: str, message: str, *, rule: str | None = None, fix: str | None = None) -> Problem:
        """A problem at `path`, such as `faults[0].where.node`; in the first line for a value that has no place."""
        # A mapping that only a matrix makes has no place itself; what it puts inside has.
        inside = next((one for one in self.lines if one.startswith(f"{path}.")), path)
        place = path if path in self.lines else inside
        source = self.sources.get(place, self.source)
        return source.problem(self.lines.get(place, (1, 1)), message, path=path, rule=rule, fix=fix)


def load_scenario(path: Path) -> LoadedScenario:
    """Read a file that holds one scenario; run nothing, import nothing.

    Raises:
        ScenarioError: with everything that is wrong with the file; or it has a matrix, and holds several.

    """
    first, *others = load_variants(path)
    if others:
        names = listing(one.scenario.name for one in (first, *others))
        rule, fix = "one scenario is asked for here", "take the matrix out, or use load_variants"
        raise ScenarioError([first.problem("matrix", f"the file holds {names}", rule=rule, fix=fix)])
    return first


def load_variants(path: Path) -> list[LoadedScenario]:
    """Read one scenario file; give the scenarios that it stands for, one for each combination of its matrix.

    Raises:
        ScenarioError: with everything that is wrong with the file; what is wrong in all variants is told once.

    """
    loaded: list[LoadedScenario] = []
    problems: dict[Problem, None] = {}
    for variant in variants(composed(path)):
        try:
            loaded.append(_loaded(path, variant))
        except ScenarioError as error:
            problems.update(dict.fromkeys(error.problems))
    if problems:
        raise ScenarioError(problems)
    return loaded


def _loaded(path: Path, variant: Variant) -> LoadedScenario:
    document = variant.document
    scenario = _validated(document)
    data = document.value
    if variant.label:
        data = {**data, "name": f"{scenario.name}[{variant.label}]"}
        scenario = scenario.model_copy(update={"name": data["name"]})
    lines = {dotted(keys): place for keys, place in document.places.items()}
    sources = {dotted(keys): source for keys, source in document.sources.items()}
    return LoadedScenario(scenario, path, lines, document.source, data, sources)


def _validated(document: Document) -> Scenario:
    if not isinstance(document.value, dict):
        message = f"the file holds {shown(document.value)}"
        rule, fix = "a scenario is a mapping of keys", "begin with schema: penguiflow.sim/1"
        raise ScenarioError([*document.problems, document.problem((), message, rule=rule, fix=fix)])
    problems = [*document.problems, *name_problems(document)]
    try:
        scenario = Scenario.model_validate(document.value)
    except ValidationError as error:
        raise ScenarioError([*problems, *problems_of(error, document)]) from None
    problems = problems or list(timing_problems(document, scenario))
    if problems:
        raise ScenarioError(problems)
    return scenario
