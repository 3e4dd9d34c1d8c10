"""From a scenario file to its model, with every problem of the file at once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sim.loader.document import dotted
from sim.loader.errors import ScenarioError, shown_path
from sim.loader.explain import problems_of
from sim.loader.names import name_problems
from sim.loader.source import read_text
from sim.loader.timing import timing_problems
from sim.loader.yaml12 import parse
from sim.model.rules import shown
from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from sim.loader.document import Document
    from sim.loader.errors import Problem
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

    """

    scenario: Scenario
    path: Path
    lines: dict[str, tuple[int, int]]
    source: Source
    data: dict[str, Any] = field(default_factory=dict)

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
        return self.source.problem(self.lines.get(path, (1, 1)), message, path=path, rule=rule, fix=fix)


def load_scenario(path: Path) -> LoadedScenario:
    """Read one scenario file; run nothing, import nothing.

    Raises:
        ScenarioError: with everything that is wrong with the file.

    """
    document = parse(shown_path(path), read_text(path))
    scenario = _validated(document)
    lines = {dotted(keys): place for keys, place in document.places.items()}
    return LoadedScenario(scenario, path, lines, document.source, document.value)


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
