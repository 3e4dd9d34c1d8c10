"""`penguiflow sim check`: read scenario files and resolve what they name; send nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import click

from sim.cli.exits import Exit, exits
from sim.cli.select import selected
from sim.loader import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.loader import Problem

Format = Literal["text", "json", "github"]


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format", default="text", type=click.Choice(get_args(Format)), help="`json`: an object a line; `github`: marks."
)
@exits
def check(paths: tuple[Path, ...], format: Format) -> Exit:
    """Check scenario files without running them.

    Every problem of every file is listed with its place. Checking a file
    imports the code that it names, and builds the flow once, so that a node
    that does not exist is found here and not in the run; it sends nothing.

    \b
    penguiflow sim check scenarios
    penguiflow sim check scenarios --format github     marks the lines of a pull request

    Exit codes: 0 all can run, 2 something is wrong with a file or its code,
    5 there is no scenario.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    try:
        ready = selected(paths)
    except ScenarioError as error:
        if format == "text":
            raise
        click.echo("\n".join(map(_as_json, error.problems) if format == "json" else _as_marks(error.problems)))
        return Exit.UNUSABLE
    for loaded, _ in ready:
        fact = {"file": str(loaded.path), "scenario": loaded.scenario.name, "ok": True}
        click.echo(json.dumps(fact) if format == "json" else f"{loaded.path}: {loaded.scenario.name}: ok")
    return Exit.PASSED if ready else Exit.NOTHING_SELECTED


def _as_json(problem: Problem) -> str:
    facts = {name: getattr(problem, name) for name in ("file", "line", "column", "path", "message", "rule", "fix")}
    return json.dumps({"ok": False, **facts})


def _as_marks(problems: Sequence[Problem]) -> list[str]:
    from sim.report.github import Annotation, commands  # noqa: PLC0415 - reports are slow to import

    return commands(
        Annotation(
            "error",
            problem.file,
            max(problem.line, 1),
            problem.path or "scenario",
            "; ".join(part for part in (problem.message, problem.rule, problem.fix) if part),
        )
        for problem in problems
    )
