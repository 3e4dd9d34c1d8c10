"""`penguiflow sim run`: run scenarios, say what was found, write the report."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from penguiflow import __version__
from sim.cli.exits import Exit, exits
from sim.cli.select import selected
from sim.model.result import SuiteResult, worst
from sim.report import render_console, write_all
from sim.sweep import run_scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.model.result import ScenarioResult
    from sim.model.scenario import Seeds

WIDTH_WITHOUT_TERMINAL = 100


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--seed", "seeds", multiple=True, type=click.IntRange(min=0), help="Run this seed only; may be repeated.")
@click.option("--seeds", "count", type=click.IntRange(min=1), help="How many seeds in a row, instead of the file's.")
@click.option("--first", type=click.IntRange(min=0), help="The first seed of the row, instead of the file's.")
@click.option(
    "--report", type=click.Path(path_type=Path), help="Write result.json, report.html and plots to this folder."
)
@exits
def run(
    paths: tuple[Path, ...], seeds: tuple[int, ...], count: int | None, first: int | None, report: Path | None
) -> Exit:
    """Run scenario files, or all that lie in a folder.

    Running a scenario executes the code that it names. The exit code is 0
    when everything passed, 1 when a check failed, 2 when a file cannot be
    used, 3 when only inconclusive verdicts are left, and 4 when one seed
    gave two different runs.
    """
    pin_hash_seed()
    results = [_run_one(loaded, prepared, seeds, count, first) for loaded, prepared in selected(paths)]
    if not results:
        return Exit.NOTHING_SELECTED
    suite = SuiteResult(
        version=__version__,
        verdict=worst([result.verdict for result in results]),
        exit_code=_exit_code(results),
        scenarios=tuple(results),
    )
    told, last_line = render_console(suite, colour=_colour(), width=_width()).rsplit("\n", 1)
    click.echo(told)
    if report is not None:
        written = write_all(suite, report)
        for error in written.errors:
            click.echo(error, err=True)
        click.echo(f"REPORT     {written.html}\n")
    click.echo(last_line)
    return Exit(suite.exit_code)


def _run_one(
    loaded: LoadedScenario, prepared: Prepared, seeds: Sequence[int], count: int | None, first: int | None
) -> ScenarioResult:
    chosen = _chosen(loaded.scenario.seeds, seeds, count, first)
    with _progress(loaded.scenario.name, len(chosen)) as bar:
        return run_scenario(loaded, prepared, chosen, progress=lambda _seed: bar.update(1))


def pin_hash_seed() -> None:
    """Start the command anew with a fixed hash seed: sets of strings in a flow are ordered by it."""
    is_program = Path(sys.argv[0]).name in ("penguiflow", "__main__.py")
    if is_program and os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command, once more


def _chosen(planned: Seeds, seeds: Sequence[int], count: int | None, first: int | None) -> list[int]:
    if seeds:
        return list(dict.fromkeys(seeds))
    if count is None and first is None:
        return planned.all()
    start = planned.first if first is None else first
    return list(range(start, start + (planned.count if count is None else count)))


def _exit_code(results: Sequence[ScenarioResult]) -> Exit:
    verdicts = [result.verdict for result in results]
    if any(check.id == "determinism" and check.verdict == "fail" for result in results for check in result.checks):
        return Exit.NONDETERMINISTIC
    if "error" in verdicts or "fail" in verdicts:
        return Exit.FAILED
    return Exit.INCONCLUSIVE if "inconclusive" in verdicts else Exit.PASSED


def _progress(name: str, seeds: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - click keeps the class private
    label = f"{name}, {seeds} seeds"
    return click.progressbar(length=seeds, label=label, file=sys.stderr)


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _width() -> int:
    return (
        shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_WITHOUT_TERMINAL
    )
