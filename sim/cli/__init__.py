"""The command line: `penguiflow sim ...`, also `python -m sim ...`."""

from __future__ import annotations

import click

from sim.cli.check import check
from sim.cli.run import run


@click.group()
def sim() -> None:
    """Run scenarios against flows under virtual time, and see what breaks.

    \b
    penguiflow sim check scenarios                   read the files, build the flows, send nothing
    penguiflow sim run scenarios --report reports    run them, write a report
    penguiflow sim run FILE --seed 17                run one seed again
    """  # noqa: D301 - \b is click's mark for lines that stay as they are


sim.add_command(check)
sim.add_command(run)
