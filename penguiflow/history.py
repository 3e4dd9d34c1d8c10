"""`penguiflow history`: what a state store holds of a trace."""

from __future__ import annotations

import asyncio
import sys

import click

from penguiflow.admin import StateStoreError, describe_events, render_events, stored_history
from penguiflow.printable import printable


@click.command()
@click.argument("trace")
@click.option("--state-store", "spec", required=True, metavar="MODULE:FACTORY", help="What makes the store.")
@click.option("--tail", type=click.IntRange(min=1), metavar="N", help="Only the newest N events.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with everything that is stored.")
def history(trace: str, spec: str, tail: int | None, *, as_json: bool) -> None:
    """Print the stored events of TRACE, oldest first.

    The store's module is found from the working directory. Ends with 1 if
    the store cannot be used, or holds nothing of the trace.
    """
    sys.path.insert(0, "")
    try:
        events = asyncio.run(stored_history(spec, trace))
    except StateStoreError as error:
        raise click.ClickException(printable(str(error))) from error
    if not events:
        raise click.ClickException(
            f"{spec!r} holds no events of trace {trace!r}; check the id, and that the store outlives the flow's process"
        )
    render = render_events if as_json else describe_events
    for line in render(events, tail=tail):
        click.echo(line)
