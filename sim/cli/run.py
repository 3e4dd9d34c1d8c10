"""`penguiflow sim run`: run scenarios, say what was found, write the report."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.conclude import conclude
from sim.cli.exits import Exit, exits
from sim.cli.folder import require_writable
from sim.cli.select import selected
from sim.loader import ScenarioError
from sim.search.scenarios import explore_scenario, wanted
from sim.sweep import run_scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.model.result import ScenarioResult
    from sim.model.scenario import Seeds


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which seeds to run; without any wish, those of the file."""

    seeds: tuple[int, ...]
    count: int | None
    first: int | None

    def among(self, planned: Seeds) -> list[int]:
        if self.seeds:
            return list(dict.fromkeys(self.seeds))
        if self.count is None and self.first is None:
            return planned.all()
        start = planned.first if self.first is None else self.first
        return list(range(start, start + (planned.count if self.count is None else self.count)))


def _report_folder(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value is not None and not value.strip():
        raise click.BadParameter("'' names no folder; give one, or leave --report out")
    return None if value is None else Path(value)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--seed", "seeds", multiple=True, type=click.IntRange(min=0), help="Run this seed only; may be repeated.")
@click.option("--seeds", "count", type=click.IntRange(min=1), help="How many seeds in a row, instead of the file's.")
@click.option("--first", type=click.IntRange(min=0), help="The first seed of the row, instead of the file's.")
@click.option("--report", callback=_report_folder, help="Write result.json, report.html and plots to this folder.")
@click.option("--explore", is_flag=True, help="Vary from seed to seed what is late, also where the file does not.")
@exits
def run(
    paths: tuple[Path, ...],
    seeds: tuple[int, ...],
    count: int | None,
    first: int | None,
    report: Path | None,
    *,
    explore: bool,
) -> Exit:
    """Run scenario files, or all that lie in a folder.

    Running a scenario executes the code that it names. The exit code is 0
    when everything passed, 1 when a check failed, 2 when a file cannot be
    used, 3 when only inconclusive verdicts are left, 4 when one seed gave
    two different runs, 74 when the report cannot be written, and 130 after
    Ctrl-C. What is finished by then is printed and written in any case.
    """
    if seeds and (count is not None or first is not None):
        raise click.UsageError("--seed names single seeds, --seeds and --first a row of them; give one or the other")
    pin_hash_seed()
    ready = selected(paths)
    if not ready:
        return Exit.NOTHING_SELECTED
    if report is not None:
        require_writable(report)
    results, errors = _run_all(ready, _Choice(seeds, count, first), explore=explore)
    return conclude(results, errors, planned=len(ready), report=report)


def _run_all(
    ready: Sequence[tuple[LoadedScenario, Prepared]], choice: _Choice, *, explore: bool
) -> tuple[list[ScenarioResult], list[BaseException]]:
    """What the scenarios gave, and what kept others from giving anything: one's own errors stop no other."""
    results: list[ScenarioResult] = []
    errors: list[BaseException] = []
    for loaded, prepared in ready:
        try:
            results.append(_run_one(loaded, prepared, choice.among(loaded.scenario.seeds), explore=explore))
        except ScenarioError as error:
            errors.append(error)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told, with its code, below what is finished
            errors.append(error)
            break
    return results, errors


def _run_one(loaded: LoadedScenario, prepared: Prepared, seeds: Sequence[int], *, explore: bool) -> ScenarioResult:
    exploration = wanted(loaded.scenario, asked=explore)
    with _progress(loaded.scenario.name, len(seeds)) as bar:

        def progress(_seed: int) -> None:
            bar.update(1)

        if exploration is None:
            return run_scenario(loaded, prepared, seeds, progress=progress)
        return explore_scenario(loaded, prepared, seeds, exploration, progress=progress)


def pin_hash_seed() -> None:
    """Start the command anew with a fixed hash seed: sets of strings in a flow are ordered by it."""
    is_program = Path(sys.argv[0]).name in ("penguiflow", "__main__.py")
    if is_program and os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command, once more


def _progress(name: str, seeds: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - click keeps the class private
    label = f"{name}, {seeds} seeds"
    return click.progressbar(length=seeds, label=label, file=sys.stderr)
