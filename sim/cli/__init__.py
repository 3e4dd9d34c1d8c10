"""The command line: `penguiflow sim ...`, also `python -m sim ...`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sim.cli.check import check
from sim.cli.run import run
from sim.kernel.namespace import enter_empty_network


@click.group()
def sim() -> None:
    """Run scenarios against flows under virtual time, and see what breaks.

    \b
    penguiflow sim check scenarios                   read the files, build the flows, send nothing
    penguiflow sim run scenarios --report reports    run them, write a report
    penguiflow sim run FILE --seed 17                run one seed again
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    if _owns_process():
        enter_empty_network()


def _owns_process() -> bool:
    """Whether this process does nothing but what is asked here: there is no way back from an empty network."""
    if any(word.partition("=")[0] == "--cluster" for word in sys.argv):
        return False  # the workers leave the network, each for itself
    program = Path(sys.argv[0])
    return program.stem == "penguiflow" or (program.name == "__main__.py" and program.parent.name == "sim")


sim.add_command(check)
sim.add_command(run)
