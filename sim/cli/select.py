"""From paths on the command line to scenarios that can run."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

from sim.loader import ScenarioError, SelectionError, load_scenarios
from sim.loader.errors import file_problem
from sim.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.loader import LoadedScenario, Problem
    from sim.model.prepared import Prepared
    from sim.model.scenario import Scenario

_NAMES_SHOWN = 8
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def selected(
    paths: Sequence[Path], *, words: str | None = None, tags: Sequence[str] = ()
) -> list[tuple[LoadedScenario, Prepared]]:
    """Every scenario among and below `paths`, with its code loaded; the problems of all files come together.

    A scenario found in a folder whose recorded traffic is not on this machine is left out, with a line that says so.

    Args:
        paths: files and folders.
        words: only scenarios whose name holds this text.
        tags: only scenarios that have one of these tags, if there are any.

    Raises:
        ScenarioError: a file cannot be used.
        SelectionError: nothing is left to run.

    """
    ready: list[tuple[LoadedScenario, Prepared]] = []
    problems: list[Problem] = []
    for loaded in _matching(load_scenarios(paths), words, tags):
        variable = None if loaded.path in paths else unset_variable(loaded)
        if variable is not None:
            name = loaded.scenario.name
            click.echo(f"skipped {name}: {variable} is not set; it names the recorded traffic to replay", err=True)
            continue
        try:
            ready.append((loaded, prepare(loaded)))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(dict.fromkeys(problems))  # what all variants of a file share is told once
    return ready


def _matching(found: Sequence[LoadedScenario], words: str | None, tags: Sequence[str]) -> Sequence[LoadedScenario]:
    kept = [one for one in found if _matches(one.scenario, words, tags)]
    if not kept:
        asked = " and ".join(
            ([f"{words!r} in its name"] if words else []) + ([f"the tag {' or '.join(tags)}"] if tags else [])
        )
        names = ", ".join(one.scenario.name for one in found[:_NAMES_SHOWN])
        more = f" and {len(found) - _NAMES_SHOWN} more" if len(found) > _NAMES_SHOWN else ""
        message = f"no scenario has {asked}; there are {names}{more}"
        raise SelectionError([file_problem(found[0].path.parent, message, fix="ask for less")])
    return kept


def _matches(scenario: Scenario, words: str | None, tags: Sequence[str]) -> bool:
    return (words is None or words in scenario.name) and (not tags or any(tag in scenario.tags for tag in tags))


def unset_variable(loaded: LoadedScenario) -> str | None:
    """The environment variable that names a scenario's recorded traffic, where it is not set."""
    trace = loaded.scenario.load.trace
    variables = [] if trace is None else _VARIABLE.findall(trace.csv)
    return next((name for name in variables if not os.environ.get(name)), None)
