"""`penguiflow sim check`: read scenario files and resolve what they name; send nothing."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.exits import Exit, exits
from sim.cli.select import selected


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@exits
def check(paths: tuple[Path, ...]) -> Exit:
    """Check scenario files without running them.

    Every problem of every file is listed with its place. Checking a file
    imports the code that it names, and builds the flow once, so that a node
    that does not exist is found here and not in the run; it sends nothing.
    """
    ready = selected(paths)
    for loaded, _ in ready:
        click.echo(f"{loaded.path}: {loaded.scenario.name}: ok")
    return Exit.PASSED if ready else Exit.NOTHING_SELECTED
