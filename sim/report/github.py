"""Annotations for GitHub Actions: an error at the line of each check that broke.

The form is that of workflow commands
(docs.github.com/actions/reference/workflow-commands-for-github-actions).
GitHub shows ten errors of a step, so the tenth tells how many there are more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.report.sentences import claim, seeds_of
from sim.report.status import check_status, is_broken
from sim.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.model.result import CheckResult, ScenarioResult, SuiteResult

SHOWN_MAX = 9
_LEVELS = {"warn": "warning", "inconclusive": "warning"}


class Annotation(NamedTuple):
    """A mark at a line of a file: `error` or `warning`."""

    level: str
    file: str
    line: int
    title: str
    message: str


def render(result: SuiteResult) -> list[str]:
    """One line for each check that needs a look, errors first: nine of them, and one for all others."""
    return commands([one for scenario in result.scenarios for one in _annotations(scenario)])


def commands(annotations: Iterable[Annotation]) -> list[str]:
    """The same for any marks."""
    found = sorted(annotations, key=lambda one: one.level)  # "error" comes before "warning"
    lines = [_command(one) for one in found[:SHOWN_MAX]]
    if len(found) > SHOWN_MAX:
        more = len(found) - SHOWN_MAX
        lines.append(f"::{found[SHOWN_MAX].level} title=penguiflow sim::and {more} more in the report")
    return lines


def _annotations(scenario: ScenarioResult) -> list[Annotation]:
    told = [_of_check(scenario, check) for check in scenario.checks if _worth_a_look(check)]
    if not told and scenario.verdict not in ("pass", "warn"):
        level = _LEVELS.get(scenario.verdict, "error")
        told.append(Annotation(level, scenario.file, 1, scenario.name, scenario.reason))
    return told


def _worth_a_look(check: CheckResult) -> bool:
    return is_broken(check) or check_status(check).key in _LEVELS


def _of_check(scenario: ScenarioResult, check: CheckResult) -> Annotation:
    parts = [claim(check) or check.explanation, seeds_of(check, scenario), *(one.summary for one in check.findings[:1])]
    level = _LEVELS.get(check_status(check).key, "error")
    return Annotation(level, scenario.file, check.line or 1, check.id, "; ".join(part for part in parts if part))


def _command(one: Annotation) -> str:
    place = f"file={_property(one.file)},line={one.line},title={_property(one.title)}"
    return f"::{one.level} {place}::{_data(one.message)}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
