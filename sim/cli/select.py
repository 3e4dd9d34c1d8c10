"""From paths on the command line to scenarios that can run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from sim.loader import ScenarioError, check_targets, find_scenarios, load_scenario
from sim.prepare import nodes_of, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sim.harness import Prepared
    from sim.loader import LoadedScenario


def load_all(paths: Sequence[Path]) -> list[LoadedScenario]:
    """Read every scenario below `paths`; the problems of all files are reported together."""
    loaded, problems = [], []
    for path in find_scenarios(paths):
        try:
            loaded.append(load_scenario(path))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(problems)
    return [item for item in loaded if not _lacks_traffic(item, named=item.path in paths)]


def prepare_all(loaded: Sequence[LoadedScenario]) -> Iterator[tuple[LoadedScenario, Prepared]]:
    """Load what the scenarios name, and hold them against their flows; all problems are reported together."""
    prepared, problems = [], []
    for item in loaded:
        try:
            ready = prepare(item)
            check_targets(item, nodes_of(ready))
            prepared.append((item, ready))
        except ScenarioError as error:
            problems.extend(error.problems)
    if problems:
        raise ScenarioError(problems)
    return iter(prepared)


def _lacks_traffic(item: LoadedScenario, *, named: bool) -> bool:
    """Whether a scenario found in a folder has to be left out, because its recorded traffic is not on this machine."""
    trace = item.scenario.load.trace
    if trace is None or named or not trace.csv.startswith("${"):
        return False
    variable = trace.csv.partition("}")[0].removeprefix("${")
    if os.environ.get(variable):
        return False
    click.echo(
        f"skipped {item.scenario.name}: {variable} is not set; it names the recorded traffic to replay", err=True
    )
    return True
