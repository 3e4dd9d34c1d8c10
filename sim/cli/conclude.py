"""The end of a run: what was found is printed and written, whatever else went wrong."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import click

from penguiflow import __version__
from sim.capsules import dump
from sim.cli.events import tell_end
from sim.cli.exits import Exit, code_of, deciding, tell
from sim.cli.machine import machine_facts
from sim.cli.tracing import write_traces
from sim.loader import ScenarioError
from sim.model.capsule import capsule_file
from sim.model.result import SuiteResult, worst
from sim.report import ReportError, render_console, render_github, write_all, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sim.cli.sweeping import Ended
    from sim.model.capsule import Capsule
    from sim.model.result import ScenarioResult
    from sim.report import Written

WIDTH_WITHOUT_TERMINAL = 100
FAILURES = "failures"
"""The folder of a report in which capsules lie; those of earlier runs stay until they are fixed."""


Format = Literal["auto", "rich", "plain", "github", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True)
class Telling:
    """How results are told.

    Args:
        report: the folder to write to; `None` to write nothing.
        format: `rich` with colours, `plain` without, `github` with annotations, `json` as events; `auto` is `rich` on
            a terminal and `plain` elsewhere.
        inconclusive_allowed: whether inconclusive verdicts end with 0.
        warnings_fail: whether warnings end with 1.
        started_unix_s: when the command began.
        every_trace: whether the traces of all seeds are written, and not only those of failing ones.

    """

    report: Path | None = None
    format: Format = "auto"
    inconclusive_allowed: bool = False
    warnings_fail: bool = False
    started_unix_s: float = 0.0
    every_trace: bool = False


def conclude_all(ended: Sequence[Ended], errors: list[BaseException], *, planned: int, telling: Telling) -> Exit:
    """Print and write what is finished, tell what went wrong, and say last how it ended.

    Args:
        ended: the scenarios that ran to their end.
        errors: what kept others from it.
        planned: how many there were to run.
        telling: how.

    """
    results = [one.result for one in ended]
    capsules = [capsule for one in ended for capsule in one.capsules]
    code = deciding([_exit_code(results, telling), *map(code_of, errors)])
    last_line = ""
    if results:
        suite = suite_of(results, telling, errors)
        last_line = _tell_suite(suite, _capsule_paths(capsules, telling), telling)
        try:
            _write(suite, ended, telling)
        except (ReportError, ScenarioError) as error:
            errors.append(error)
            code = deciding([code, code_of(error)])
    for each in errors:
        tell(each)
    if telling.format == "json":
        tell_end(code)
    else:
        click.echo(
            f"exit {code}: {_shortfall(code, results, planned)}" if errors else last_line, color=_colour(telling)
        )
    return code


def suite_of(results: Sequence[ScenarioResult], telling: Telling, errors: Sequence[BaseException] = ()) -> SuiteResult:
    """What is finished, as one result with the exit code that it deserves."""
    code = deciding([_exit_code(results, telling), *map(code_of, errors)])
    verdict = worst([result.verdict for result in results])
    return SuiteResult(version=__version__, verdict=verdict, exit_code=code, scenarios=tuple(results))


def write_suite(suite: SuiteResult, telling: Telling) -> Written:
    """Write the report to the folder that is named.

    Raises:
        ReportError: a file cannot be written.
        ValueError: no folder is named.

    """
    if telling.report is None:
        raise ValueError("report=None names no folder; a report is written to one; give it")
    written = write_all(suite, telling.report, skip_inconclusive=telling.inconclusive_allowed)
    write_file(telling.report / "run.json", machine_facts(telling.started_unix_s))
    return written


def _tell_suite(suite: SuiteResult, capsules: Mapping[tuple[str, int], str], telling: Telling) -> str:
    """Print the summary but for its last line, and give that."""
    if telling.format == "json":
        return ""
    told, last_line = render_console(suite, colour=_colour(telling), width=_width(), capsules=capsules).rsplit("\n", 1)
    click.echo(told, color=_colour(telling))
    if telling.format == "github":
        click.echo("\n".join(render_github(suite)))
    return last_line


def _capsule_paths(capsules: Sequence[Capsule], telling: Telling) -> dict[tuple[str, int], str]:
    """Where the capsule of each failing seed lies, by scenario and seed; nowhere without a report."""
    if telling.report is None:
        return {}
    folder = telling.report / FAILURES
    return {(one.name, one.seed): str(folder / capsule_file(one.name, one.seed)) for one in capsules}


def _write(suite: SuiteResult, ended: Sequence[Ended], telling: Telling) -> None:
    if telling.report is None:
        return
    written = write_suite(suite, telling)
    for one in ended:
        for capsule in one.capsules:
            write_file(telling.report / FAILURES / capsule_file(capsule.name, capsule.seed), dump(capsule))
    write_traces((one.swept for one in ended), telling.report, every=telling.every_trace)
    for error in written.errors:
        click.echo(error, err=True)
    if telling.format != "json":
        click.echo(f"REPORT     {written.html}\n")


def _shortfall(code: Exit, results: Sequence[ScenarioResult], planned: int) -> str:
    """What is missing, in the last line."""
    in_part = sum(bool(result.stopped) for result in results)
    end = {Exit.INTERRUPTED: "aborted; ", Exit.NOT_WRITTEN: "the report is not written; "}.get(code, "")
    partly = f", {in_part} in part" if in_part else ""
    return f"{end}{len(results) - in_part} of {planned} scenarios finished{partly}"


def _exit_code(results: Sequence[ScenarioResult], telling: Telling) -> Exit:
    verdicts = [result.verdict for result in results]
    if any(check.id == "determinism" and check.verdict == "fail" for result in results for check in result.checks):
        return Exit.NONDETERMINISTIC
    if "error" in verdicts or "fail" in verdicts or ("warn" in verdicts and telling.warnings_fail):
        return Exit.FAILED
    return Exit.INCONCLUSIVE if "inconclusive" in verdicts and not telling.inconclusive_allowed else Exit.PASSED


def _colour(telling: Telling) -> bool:
    wanted = telling.format == "rich" or (telling.format in ("auto", "github") and sys.stdout.isatty())
    return wanted and not os.environ.get("NO_COLOR")


def _width() -> int:
    return (
        shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_WITHOUT_TERMINAL
    )
