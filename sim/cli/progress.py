"""How far a sweep is, on standard error: a live line on a terminal, one line a scenario elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(name: str, seeds: int) -> Iterator[Callable[[int], None]]:
    """Tell that a scenario runs, and give what is to be called with each seed that is done.

    Args:
        name: the scenario.
        seeds: how many seeds it has.

    """
    label = f"{name}, {seeds} seeds"
    bar = None if os.environ.get("CI") or not sys.stderr.isatty() else _rich(label, seeds)
    if bar is not None:
        with bar as live:
            yield live
        return
    with click.progressbar(length=seeds, label=label, file=sys.stderr) as plain:
        yield lambda _seed: plain.update(1)


def _rich(label: str, seeds: int) -> Any:
    """A bar of rich's, where it is installed."""
    try:
        from rich.console import Console  # noqa: PLC0415 - not everybody has it, and it is slow to import
        from rich.progress import Progress  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        return None

    @contextmanager
    def shown() -> Iterator[Callable[[int], None]]:
        with Progress(console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(label, total=seeds)
            yield lambda _seed: bars.advance(task)
        click.echo(label, err=True)

    return shown()
