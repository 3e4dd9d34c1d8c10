"""From paths on the command line to scenarios that can run."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

from sim.loader import ScenarioError, load_scenarios
from sim.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.loader import LoadedScenario, Problem
    from sim.model.prepared import Prepared

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def selected(paths: Sequence[Path]) -> list[tuple[LoadedScenario, Prepared]]:
    """Every scenario among and below `paths`, with its code loaded; the problems of all files come together.

    A scenario found in a folder whose recorded traffic is not on this machine is left out, with a line that says so.
    """
    ready: list[tuple[LoadedScenario, Prepared]] = []
    problems: list[Problem] = []
    for loaded in load_scenarios(paths):
        variable = None if loaded.path in paths else _unset_variable(loaded)
        if variable is not None:
            name = loaded.scenario.name
            click.echo(f"skipped {name}: {variable} is not set; it names the recorded traffic to replay", err=True)
            continue
        try:
            ready.append((loaded, prepare(loaded)))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(problems)
    return ready


def _unset_variable(loaded: LoadedScenario) -> str | None:
    trace = loaded.scenario.load.trace
    variables = [] if trace is None else _VARIABLE.findall(trace.csv)
    return next((name for name in variables if not os.environ.get(name)), None)
