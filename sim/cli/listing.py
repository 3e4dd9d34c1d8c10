"""`penguiflow sim list` and `penguiflow sim explain`."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import groupby

import click

from sim.cli.catalogue import catalogue, explained
from sim.cli.exits import Exit, exits

_HEADINGS = {"fault": "FAULTS", "metric": "METRICS", "check": "ALWAYS ON", "verdict": "VERDICTS"}


@click.command(name="list")
@exits
def list_all() -> Exit:
    """List faults, metrics, always-on checks, verdicts and exit codes.

    One line each; `sim explain NAME` tells the rest.

    \b
    penguiflow sim list

    Exit codes: 0.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    entries = catalogue()
    width = max(len(entry.name) for entry in entries) + 2
    for kind, of_kind in groupby(entries, key=lambda entry: entry.kind):
        click.echo(_HEADINGS.get(kind, "EXIT CODES"))
        for entry in of_kind:
            click.echo(f"  {entry.name:{width}}{entry.meaning}")
    return Exit.PASSED


@click.command()
@click.argument("name")
@exits
def explain(name: str) -> Exit:
    """Explain a fault, metric, check, verdict or exit code.

    NAME is one of `sim list`. Parameters, units, defaults and the example
    come from the models that read scenario files.

    \b
    penguiflow sim explain tool_error
    penguiflow sim explain trace.latency
    penguiflow sim explain 3

    Exit codes: 0 explained, 2 there is no such name.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    found = [entry for entry in catalogue() if entry.name == name]
    if not found:
        names = list(dict.fromkeys(entry.name for entry in catalogue()))
        close = get_close_matches(name, names, n=1, cutoff=0.5)
        fix = f"did you mean {close[0]}?" if close else "see penguiflow sim list"
        raise click.UsageError(f"nothing is called {name!r}; {fix}")
    click.echo("\n".join(map(explained, found)), nl=False)
    return Exit.PASSED
