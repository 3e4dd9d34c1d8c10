"""`penguiflow sim report`, `sim plot` and `sim diff`: from stored results, without a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from sim.cli.exits import Exit, exits
from sim.cli.folder import require_writable
from sim.report import load_result, write_all, write_plots, write_rendered
from sim.report.compare import compare, render, worst_change
from sim.report.plots import FORMATS, KINDS, Format, Kind

if TYPE_CHECKING:
    from sim.report.write import Rendering

_RESULT = click.Path(path_type=Path)
_WHOLE = 100


def _file(result: Path) -> Path:
    return result / "result.json" if result.is_dir() else result


@click.command()
@click.argument("results", nargs=-1, required=True, type=_RESULT)
@click.option("--html", "wanted", flag_value="html", multiple=True, help="Only report.html.")
@click.option("--md", "wanted", flag_value="md", multiple=True, help="Only summary.md.")
@click.option("--junit", "wanted", flag_value="junit", multiple=True, help="Only junit.xml.")
@exits
def report(results: tuple[Path, ...], wanted: tuple[Rendering, ...]) -> Exit:
    """Write the reports of stored results again, beside them.

    RESULTS are files result.json, or folders that hold one. Nothing runs:
    result.json holds all that a report shows, so the files are the same to
    the byte as those of the run.

    \b
    penguiflow sim report reports
    penguiflow sim report reports/result.json --md >> "$GITHUB_STEP_SUMMARY"

    Exit codes: 0 written, 2 a result cannot be read, 74 a file cannot be
    written.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    read = [(_file(path).parent, load_result(_file(path))) for path in results]
    for folder, result in read:
        require_writable(folder)
        files = [write_rendered(result, folder, one) for one in wanted] or write_all(result, folder).files
        click.echo("\n".join(map(str, files)))
    return Exit.PASSED


def _kinds(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[Kind, ...]:
    wanted = KINDS if value is None else tuple(word.strip() for word in value.split(","))
    for word in wanted:
        if word not in KINDS:
            raise click.BadParameter(f"{word!r} is no plot; the plots are {', '.join(KINDS)}; write --kind {KINDS[0]}")
    return tuple(kind for kind in KINDS if kind in wanted)


@click.command()
@click.argument("result", type=_RESULT)
@click.option("--kind", "kinds", callback=_kinds, help=f"Which plots: {', '.join(KINDS)}; all of them if left out.")
@click.option("--format", "form", default="svg", type=click.Choice(get_args(Format)), help=" or ".join(FORMATS))
@exits
def plot(result: Path, kinds: tuple[Kind, ...], form: Format) -> Exit:
    """Draw the plots of a stored result, with the numbers behind each as CSV.

    RESULT is a result.json, or a folder that holds one; the plots go to
    plots/SCENARIO beside it. Nothing runs.

    \b
    penguiflow sim plot reports --kind latency --format png

    Exit codes: 0 drawn, 2 the result cannot be read, 5 it has no numbers for
    any of these plots, 74 a file cannot be written.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    stored, folder = load_result(_file(result)), _file(result).parent
    require_writable(folder)
    written = write_plots(stored, folder, kinds, form)
    for line in written.errors:
        click.echo(line, err=True)
    for file in written.files:
        click.echo(file)
    if not written.files and not written.errors:
        click.echo(f"{result}: there are no numbers for {', '.join(kinds)}; run scenarios that have requests", err=True)
        return Exit.NOTHING_SELECTED
    return Exit.NOT_WRITTEN if written.errors else Exit.PASSED


def _share(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is no share; it is a number of percent; write 10%")
    return float(match[1]) / _WHOLE


@click.command()
@click.argument("before", type=_RESULT)
@click.argument("after", type=_RESULT)
@click.option("--fail-if-worse", "allowed", callback=_share, metavar="PERCENT", help="End with 1 beyond it: 10%.")
@exits
def diff(before: Path, after: Path, allowed: float | None) -> Exit:
    """Compare two stored results: checks, latencies, outcomes, digests.

    BEFORE and AFTER are files result.json, or folders that hold one. Worse
    is a worse verdict, a check or scenario that is gone, a number nearer to
    or further beyond its bound, a higher latency, a smaller share of ok, a
    larger one of any other outcome.

    \b
    penguiflow sim diff reports-main reports --fail-if-worse 10%

    Exit codes: 0 compared, 1 something is worse by more than is allowed,
    2 a result cannot be read.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    changes = compare(*(load_result(_file(path)) for path in (before, after)))
    click.echo(render(changes, allowed))
    return Exit.FAILED if allowed is not None and worst_change(changes) > allowed else Exit.PASSED
