"""`penguiflow sim run`: run scenarios, say what was found, write the report."""

from __future__ import annotations

import signal
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from penguiflow import ambient
from sim.cli.conclude import FORMATS, Telling, conclude_all
from sim.cli.exits import Exit, exits
from sim.cli.folder import require_writable
from sim.cli.hashseed import pin_hash_seed
from sim.cli.select import selected
from sim.cli.sharding import end_shard, parse_part, require_whole_shard
from sim.cli.sweeping import Choice, Manner, as_result, as_told_result, sweep_all
from sim.model.known import parse_day
from sim.model.rules import BrokenRule
from sim.model.units import parse_positive_duration


def _report_folder(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value is not None and not value.strip():
        raise click.BadParameter("'' names no folder; give one, or leave --report out")
    return None if value is None else Path(value)


def _jobs(_context: click.Context, _option: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"{value!r} is no number of processes; give auto, or a whole number from 1")
    return int(value)


def _seconds(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return parse_positive_duration(value)
    except BrokenRule as error:
        raise click.BadParameter(str(error)) from None


def _day(_context: click.Context, _option: click.Parameter, value: str | None) -> date:
    if value is None:
        return datetime.fromtimestamp(ambient.wall(), UTC).date()
    try:
        return parse_day(value)
    except BrokenRule as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--seed", "seeds", multiple=True, type=click.IntRange(min=0), help="Run this seed only; may be repeated.")
@click.option("--seeds", "count", type=click.IntRange(min=1), help="How many seeds in a row, instead of the file's.")
@click.option("--first", type=click.IntRange(min=0), help="The first seed of the row, instead of the file's.")
@click.option("-k", "words", help="Only scenarios whose name holds this text.")
@click.option("--tag", "tags", multiple=True, help="Only scenarios with this tag; may be repeated: any of them.")
@click.option("-j", "--jobs", default="auto", callback=_jobs, help="Worker processes; `auto` is one a core.")
@click.option("--cluster", metavar="ADDRESS", help="Have a Dask cluster do it, such as tcp://10.0.0.5:8786.")
@click.option("--max-failures", type=click.IntRange(min=1), help="End a scenario after so many seeds that fail.")
@click.option("--time-limit", callback=_seconds, help="End after this wall-clock time, such as 10m; keep what is done.")
@click.option("--verify", default=1, type=click.IntRange(min=0), help="So many seeds run twice, to compare the bytes.")
@click.option("--shard", callback=parse_part, metavar="K/N", help="Run every N-th seed from the K-th on, for merge.")
@click.option("--report", callback=_report_folder, help="Write result.json, report.html and plots to this folder.")
@click.option("--traces", type=click.Choice(["all"]), help="Write the traces of all seeds, not of failing ones only.")
@click.option("--allow", type=click.Choice(["inconclusive"]), help="End with 0 although something is inconclusive.")
@click.option("--fail-on", type=click.Choice(["warn"]), help="End with 1 where there are warnings.")
@click.option("--format", default="auto", type=click.Choice(FORMATS), help="How results are told on standard output.")
@click.option("--explore", is_flag=True, help="Vary from seed to seed what is late, also where the file does not.")
@click.option(
    "--today", callback=_day, help="The day to hold `known` entries against; the real one, in UTC, if left out."
)
@exits
def run(paths: tuple[Path, ...], report: Path | None, jobs: int | None, **options: Any) -> Exit:
    """Run scenario files, or all that lie in a folder.

    Running a scenario executes the code that it names. What is finished
    when something goes wrong is printed and written in any case.

    \b
    penguiflow sim run scenarios --report reports
    penguiflow sim run FILE --seed 17                one seed again
    penguiflow sim run FILE --first 1000 --seeds 500 other seeds
    penguiflow sim run scenarios --shard 3/8 --report shard-3

    Exit codes: 0 everything passed, 1 a check failed, 2 a file or its code
    cannot be used, 3 nothing but inconclusive verdicts is left, 4 one seed
    gave two different runs, 5 there is nothing to run, 70 a bug in the
    harness, 74 the report cannot be written, 130 after Ctrl-C. A shard ends
    with 0 when it ran to its end; `sim merge` judges.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    choice = Choice(options["seeds"], options["count"], options["first"])
    if choice.seeds and (choice.count is not None or choice.first is not None):
        raise click.UsageError("--seed names single seeds, --seeds and --first a row of them; give one or the other")
    require_whole_shard(options["shard"], report, options["max_failures"])
    pin_hash_seed()
    started_unix_s = ambient.wall()
    signal.signal(signal.SIGTERM, _interrupt)
    ready = selected(paths, words=options["words"], tags=options["tags"])
    if not ready:
        return Exit.NOTHING_SELECTED
    if report is not None:
        require_writable(report)
    telling = Telling(
        report=report,
        format=options["format"],
        inconclusive_allowed=options["allow"] is not None,
        warnings_fail=options["fail_on"] is not None,
        started_unix_s=started_unix_s,
        every_trace=options["traces"] is not None,
    )
    manner = Manner(
        explore=options["explore"],
        verify=options["verify"],
        failures=options["max_failures"],
        time_limit_s=options["time_limit"],
        jobs=jobs,
        cluster=options["cluster"],
        as_events=options["format"] == "json",
        today=options["today"],
        part=options["shard"],
    )
    if manner.part is not None:
        return end_shard(ready, choice, manner, telling)
    ended, errors = sweep_all(ready, choice, manner, as_told_result if manner.as_events else as_result)
    return conclude_all(ended, errors, planned=len(ready), telling=telling)


def _interrupt(_number: int, _frame: object) -> None:
    """A polite request to end is taken as Ctrl-C."""
    raise KeyboardInterrupt
