"""Problems with scenario files, and the one place that puts them into words."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sim.model.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one file.

    Args:
        file: the file, as it is shown.
        line: line in the file, from 1; 0 when the file as a whole is meant.
        column: column in that line, from 1; 0 when the line or the file as a whole is meant.
        path: where in the scenario, such as `faults[0].delay`; empty for the file as a whole.
        message: what is wrong, with which value.
        rule: what holds instead.
        fix: one thing to try.
        source_line: the line of the file.

    """

    file: str
    line: int
    column: int
    path: str
    message: str
    rule: str | None = None
    fix: str | None = None
    source_line: str = ""

    def __str__(self) -> str:
        """The place, the message, and the line with a caret under the culprit."""
        numbers = [str(number) for number in (self.line, self.column) if number]
        place = ":".join([self.file, *numbers])
        sentence = "; ".join(part for part in (self.message, self.rule, self.fix) if part)
        headline = ": ".join(part for part in (place, self.path, sentence) if part)
        return "\n".join([headline, *self._excerpt()])

    def _excerpt(self) -> list[str]:
        """The line with a caret under the culprit; of a long line, what stands around it."""
        if not self.source_line or not self.column:
            return []
        start = max(0, self.column - _LINE_SHOWN // 2) if len(self.source_line) > _LINE_SHOWN else 0
        shown = self.source_line[start : start + _LINE_SHOWN]
        # A tab or an escape would move the caret, or the whole terminal.
        printable = "".join(character if character.isprintable() else " " for character in shown)
        margin = f"{self.line:>5}"
        return [f"{margin} | {printable}", f"{'':>5} | {'^':>{self.column - start}}"]


class ProblemAt(Protocol):
    """Makes a problem whose place is settled."""

    def __call__(self, message: str, *, rule: str | None = None, fix: str | None = None) -> Problem:
        """The problem with these words."""
        ...


class ScenarioError(UserError):
    """A scenario cannot be used, and the user can do something about it.

    Args:
        problems: everything that is wrong, in any order; `problems` holds it sorted by place.

    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(
            sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column, problem.path))
        )
        super().__init__(self.problems)

    def __str__(self) -> str:
        """All problems, one after the other."""
        return "\n".join(str(problem) for problem in self.problems)


class SelectionError(ScenarioError):
    """Nothing was selected to run."""


def file_problem(path: Path, message: str, *, rule: str | None = None, fix: str | None = None) -> Problem:
    """A problem of a file or folder as a whole."""
    return Problem(shown_path(path), 0, 0, "", message, rule, fix)


def shown_path(path: Path | str) -> str:
    """`path` relative to the working directory when it lies below it, else as it is."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links to names nobody typed
    if absolute.is_relative_to(Path.cwd()):
        return absolute.relative_to(Path.cwd()).as_posix()
    return str(path)
