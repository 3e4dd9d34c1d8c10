"""A sweep in parts: `penguiflow sim run --shard 3/8`, and `penguiflow sim merge`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penguiflow import ambient
from sim.cli.conclude import FORMATS, Telling, conclude_all
from sim.cli.exits import Exit, code_of, deciding, exits, tell
from sim.cli.folder import require_writable
from sim.cli.hashseed import pin_hash_seed
from sim.cli.machine import machine_facts
from sim.cli.sweeping import as_result, sweep_all
from sim.model.errors import ReportError
from sim.report import write_file
from sim.sweep import Part, merged, read_shard, scenario_shard, shard_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.cli.sweeping import Choice, Manner, Ready


def parse_part(_context: click.Context, _option: click.Parameter, value: str | None) -> Part | None:
    """A shard such as `3/8`."""
    if value is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]*)/([1-9][0-9]*)", value)
    if match is None or int(match[1]) > int(match[2]):
        raise click.BadParameter(f"{value!r} is no shard; a shard is K/N with K from 1 to N; write 1/8")
    return Part(int(match[1]), int(match[2]))


def require_whole_shard(part: Part | None, report: Path | None, max_failures: int | None) -> None:
    """Hold the options that go with a shard against each other."""
    if part is None:
        return
    if report is None:
        raise click.UsageError("--shard leaves its part in a folder; add --report FOLDER")
    if max_failures is not None:
        rule = "a shard does not know how many seeds of the others fail"
        raise click.UsageError(f"--shard and --max-failures do not go together; {rule}; leave one out")


def end_shard(ready: Sequence[Ready], choice: Choice, manner: Manner, telling: Telling) -> Exit:
    """Run a shard and write it, as far as it got."""
    part, report = manner.part, telling.report
    assert part is not None and report is not None  # noqa: S101, PT018 - checked with the options
    parts, errors = sweep_all(ready, choice, manner, scenario_shard)
    try:
        write_file(report / "shard.json", shard_bytes(part, manner.verify, parts))
        write_file(report / "run.json", machine_facts(telling.started_unix_s))
    except ReportError as error:
        errors.append(error)
    for each in errors:
        tell(each)
    code = deciding([code_of(each) for each in errors])
    seeds = sum(len(one.outcomes) for one in parts)
    facts = f"shard {part.number}/{part.of}, {seeds} seeds of {len(parts)} scenarios"
    click.echo(f"exit {code}: {facts}, is for sim merge {report}", err=manner.as_events)
    return code


@click.command()
@click.argument("shards", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--report", required=True, type=click.Path(path_type=Path), help="Write the report to this folder.")
@click.option("--allow", type=click.Choice(["inconclusive"]), help="End with 0 although something is inconclusive.")
@click.option("--fail-on", type=click.Choice(["warn"]), help="End with 1 where there are warnings.")
@click.option("--format", default="auto", type=click.Choice(FORMATS), help="How results are told on standard output.")
@exits
def merge(shards: tuple[Path, ...], report: Path, **options: Any) -> Exit:
    """Put the shards of a run together, as if it had been one.

    SHARDS are the folders that `sim run --shard K/N --report FOLDER` has
    left, all N of them. Only the failing seeds whose traces are written run
    once more. Each file of the report, but run.json, is the same to the byte
    as that of one run without shards.

    \b
    penguiflow sim run scenarios --shard 1/2 --report shard-1
    penguiflow sim run scenarios --shard 2/2 --report shard-2
    penguiflow sim merge shard-1 shard-2 --report reports

    Exit codes: those of `sim run`; 2 where a shard is missing, doubled,
    corrupt, of another run or version, or a scenario has changed since.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    pin_hash_seed()
    started_unix_s = ambient.wall()
    require_writable(report)
    whole = merged([(path, read_shard(path)) for path in shards])
    ended = [one for swept in whole if (one := as_result(swept)) is not None]
    telling = Telling(
        report=report,
        format=options["format"],
        inconclusive_allowed=options["allow"] is not None,
        warnings_fail=options["fail_on"] is not None,
        started_unix_s=started_unix_s,
    )
    return conclude_all(ended, [], planned=len(whole), telling=telling)
