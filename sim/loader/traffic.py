"""The file of recorded traffic that a load names."""

from __future__ import annotations

import csv
import os
import re
from itertools import chain
from typing import TYPE_CHECKING

from sim.loader.errors import ScenarioError, shown_path
from sim.loader.words import unknown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sim.loader.errors import Problem
    from sim.loader.load import LoadedScenario
    from sim.model.scenario import Trace

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_CSV = "load.trace.csv"


def resolve_csv(loaded: LoadedScenario) -> Path:
    """The CSV file of a load that replays recorded traffic; its columns are there.

    Raises:
        ScenarioError: when a variable in its name is not set, the file cannot be read, or a column is missing.
        ValueError: when the load has no `trace`.

    """
    trace = loaded.scenario.load.trace
    if trace is None:
        raise ValueError(f"{loaded.scenario.name} has no load.trace; only recorded traffic has a CSV file")
    path = loaded.folder / _expanded(loaded, trace.csv)
    header = _header(loaded, path)
    problems = list(_missing_columns(loaded, trace, header))
    if problems:
        raise ScenarioError(problems)
    return path


def _expanded(loaded: LoadedScenario, text: str) -> str:
    unset = [name for name in _VARIABLE.findall(text) if not os.environ.get(name)]
    if unset:
        rule, fix = "it names the recorded traffic", f"export {unset[0]}=traffic.csv"
        raise ScenarioError(
            [loaded.problem(_CSV, f"the environment variable {name} is not set", rule=rule, fix=fix) for name in unset]
        )
    if "${" in _VARIABLE.sub("", text):
        fix = "write ${TRAFFIC_CSV}"
        raise ScenarioError([loaded.problem(_CSV, "a ${ without a name and }", rule="it reads ${NAME}", fix=fix)])
    return _VARIABLE.sub(lambda match: os.environ[match["name"]], text)


def _header(loaded: LoadedScenario, path: Path) -> list[str]:
    file = shown_path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return next(csv.reader(lines), [])
    except UnicodeDecodeError:
        problem = loaded.problem(_CSV, f"{file} is no UTF-8 text", rule="recorded traffic is UTF-8", fix="convert it")
    except csv.Error as error:
        problem = loaded.problem(_CSV, f"{file} is no CSV: {error}", fix="check the file")
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        reason = getattr(error, "strerror", None) or str(error)
        rule = "the path starts at the scenario's folder"
        problem = loaded.problem(_CSV, f"{file} cannot be read: {reason.lower()}", rule=rule, fix="check the path")
    raise ScenarioError([problem])


def _missing_columns(loaded: LoadedScenario, trace: Trace, header: list[str]) -> Iterator[Problem]:
    named = [("load.trace.time", trace.time)]
    if trace.tenant is not None:
        named.append(("load.trace.tenant", trace.tenant))
    fields = ((f"load.trace.fields[{index}]", name) for index, name in enumerate(trace.fields))
    for path, name in chain(named, fields):
        if name not in header:
            message, rule, fix = unknown("column", name, header)
            yield loaded.problem(path, message, rule=rule, fix=fix)
