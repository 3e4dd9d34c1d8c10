"""`penguiflow sim schema`: the format for editors, and whether a copy of it is up to date."""

from __future__ import annotations

from pathlib import Path

import click

from sim.cli.exits import Exit, exits
from sim.loader.errors import ScenarioError, file_problem, shown_path
from sim.loader.export import schema_text


@click.command()
@click.option("--check", "copy", type=click.Path(path_type=Path), help="Compare with this file instead of printing.")
@exits
def schema(copy: Path | None) -> Exit:
    """Print the JSON schema of scenario files, for editors.

    Keep it beside the scenarios, and begin each with
    `# yaml-language-server: $schema=./scenario.schema.json`.
    With --check, the exit code is 0 when the file holds this schema, and 1
    when it holds another.

    \b
    penguiflow sim schema > scenarios/scenario.schema.json

    Exit codes: 0 printed or up to date, 1 another schema, 2 the file cannot
    be read.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    text = schema_text()
    if copy is None:
        click.echo(text, nl=False)
        return Exit.PASSED
    try:
        kept = copy.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        message, fix = f"the schema cannot be read: {reason.lower()}", _renewal(copy)
        raise ScenarioError([file_problem(copy, message, fix=fix)]) from None
    if kept == text:
        click.echo(f"{shown_path(copy)}: up to date")
        return Exit.PASSED
    rule = "a copy is what this version prints"
    click.echo(file_problem(copy, "the schema is another one", rule=rule, fix=_renewal(copy)), err=True)
    return Exit.FAILED


def _renewal(copy: Path) -> str:
    return f"penguiflow sim schema > {shown_path(copy)}"
