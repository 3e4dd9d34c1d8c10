"""The end of a run: what was found is printed and written, whatever else went wrong."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from penguiflow import __version__
from sim.cli.exits import Exit, code_of, deciding, tell
from sim.model.result import SuiteResult, worst
from sim.report import ReportError, render_console, write_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.model.result import ScenarioResult

WIDTH_WITHOUT_TERMINAL = 100


def conclude(
    results: Sequence[ScenarioResult], errors: list[BaseException], *, planned: int, report: Path | None
) -> Exit:
    """Print and write what is finished, tell what went wrong, and say last how it ended.

    Args:
        results: of the scenarios that ran to their end.
        errors: what kept others from it.
        planned: how many there were to run.
        report: the folder to write to.

    """
    code = deciding([_exit_code(results), *map(code_of, errors)])
    last_line = None
    if results:
        verdict = worst([result.verdict for result in results])
        suite = SuiteResult(version=__version__, verdict=verdict, exit_code=code, scenarios=tuple(results))
        told, last_line = render_console(suite, colour=_colour(), width=_width()).rsplit("\n", 1)
        click.echo(told)
        try:
            _write(suite, report)
        except ReportError as error:
            errors.append(error)
            code = deciding([code, Exit.NOT_WRITTEN])
    for each in errors:
        tell(each)
    click.echo(f"exit {code}: {_shortfall(code, results, planned)}" if errors else last_line)
    return code


def _write(suite: SuiteResult, report: Path | None) -> None:
    if report is None:
        return
    written = write_all(suite, report)
    for error in written.errors:
        click.echo(error, err=True)
    click.echo(f"REPORT     {written.html}\n")


def _shortfall(code: Exit, results: Sequence[ScenarioResult], planned: int) -> str:
    """What is missing, in the last line."""
    in_part = sum(bool(result.stopped) for result in results)
    end = {Exit.INTERRUPTED: "aborted; ", Exit.NOT_WRITTEN: "the report is not written; "}.get(code, "")
    partly = f", {in_part} in part" if in_part else ""
    return f"{end}{len(results) - in_part} of {planned} scenarios finished{partly}"


def _exit_code(results: Sequence[ScenarioResult]) -> Exit:
    verdicts = [result.verdict for result in results]
    if any(check.id == "determinism" and check.verdict == "fail" for result in results for check in result.checks):
        return Exit.NONDETERMINISTIC
    if "error" in verdicts or "fail" in verdicts:
        return Exit.FAILED
    return Exit.INCONCLUSIVE if "inconclusive" in verdicts else Exit.PASSED


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _width() -> int:
    return (
        shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_WITHOUT_TERMINAL
    )
