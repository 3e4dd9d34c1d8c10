"""`penguiflow sim replay`: run saved failures again, and say what became of each."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.capsules import CapsuleError, Replayed, find_capsules, replay
from sim.cli.exits import Exit, deciding, exits
from sim.cli.hashseed import pin_hash_seed
from sim.loader import ScenarioError
from sim.model.errors import ReportError
from sim.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.capsules.replay import Status

_DEFAULT = Path("reports")
_CODES: dict[Status, Exit] = {
    "FIXED": Exit.NOT_REPRODUCED,
    "FAILED": Exit.FAILED,
    "DIVERGED": Exit.DIVERGED,
    "INCONCLUSIVE": Exit.INCONCLUSIVE,
    "ERROR": Exit.UNUSABLE,
}
_SYMBOLS: dict[Status, str] = {"FIXED": "✓", "FAILED": "✗", "DIVERGED": "≠", "INCONCLUSIVE": "?", "ERROR": "!"}
_COLOURS: dict[Status, str] = {
    "FIXED": "green",
    "FAILED": "red",
    "DIVERGED": "red",
    "INCONCLUSIVE": "yellow",
    "ERROR": "red",
}


@click.command("replay")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--keep", is_flag=True, help="Leave the capsules of what is fixed where they are.")
@click.option("--trace", is_flag=True, help="Print everything that happens in each run.")
@click.option("--scenarios", type=click.Path(path_type=Path), help="The folder of the scenarios in this checkout.")
@exits
def replay_command(paths: tuple[Path, ...], scenarios: Path | None, *, keep: bool, trace: bool) -> Exit:
    """Run saved failures again: capsules, or all that lie in folders; without any, those below reports.

    Replaying a capsule executes the code that it names. Each one is FIXED
    (nothing that was broken is broken now; its file is removed), FAILED,
    DIVERGED (the same code did something else), INCONCLUSIVE or ERROR. The
    exit code is 1 when something fails, 2 when a capsule cannot be used, 3
    when nothing was tested, 5 when there is no capsule, 6 when what failed no
    longer does, 7 when the same code diverged; of several, the first of 2, 1,
    7, 3, 6 decides.

    \b
    penguiflow sim replay reports/failures
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    pin_hash_seed()
    found = _found(paths)
    if not found:
        click.echo("no capsule; penguiflow sim run --report DIR writes one for each failing seed into DIR/failures")
        return Exit.NOTHING_SELECTED
    codes: list[Exit] = []
    counts: Counter[Status] = Counter()
    for path in found:
        done = _replayed(path, scenarios, trace=trace)
        _tell(done)
        counts[done.status] += 1
        codes.append(_CODES[done.status])
        if done.status == "FIXED" and not keep:
            _remove(path)
    code = deciding(codes)
    click.echo(f"\nexit {code}: {', '.join(f'{counts[status]} {status}' for status in _CODES if counts[status])}")
    return code


def _found(paths: Sequence[Path]) -> list[Path]:
    if paths:
        return find_capsules(paths)
    return find_capsules([_DEFAULT]) if _DEFAULT.is_dir() else []


def _replayed(path: Path, scenarios: Path | None, *, trace: bool) -> Replayed:
    try:
        return replay(path, scenarios=scenarios, trace=trace)
    except (CapsuleError, ScenarioError) as error:
        first, *more = str(error).splitlines()
        return Replayed(path, "ERROR", first, tuple(more))


def _tell(done: Replayed) -> None:
    word = f"{_SYMBOLS[done.status]} {done.status}".ljust(len("? INCONCLUSIVE"))
    shown = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    head = click.style(word, fg=_COLOURS[done.status]) if shown else word
    place = "" if done.status == "ERROR" else f"   {done.path}"
    click.echo(f"{head}  {printable(done.text)}{place}", color=shown)
    for line in (*done.details, *done.trace):
        click.echo(f"    {printable(line)}")


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise ReportError(
            f"the capsule of what is fixed cannot be removed: {error.strerror or error}",
            where=str(path),
            rule="replay keeps only what still fails",
            fix="give --keep",
        ) from error
