"""The `penguiflow` command; other packages add commands through the entry points `penguiflow.commands`."""

from __future__ import annotations

from importlib.metadata import entry_points

import click

from penguiflow import __version__


class _Group(click.Group):
    """Finds commands by entry point, and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted({*super().list_commands(ctx), *entry_points(group="penguiflow.commands").names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; `None` if there is none, or what it needs is not installed."""
        for entry in entry_points(group="penguiflow.commands", name=cmd_name):
            try:
                command: click.Command = entry.load()
            except ModuleNotFoundError as error:
                raise click.UsageError(
                    f"`penguiflow {cmd_name}` needs the package {error.name}, which is not installed. "
                    f"Install the extra: pip install 'penguiflow-sim[{cmd_name}]'"
                ) from error
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Group)
@click.version_option(__version__, prog_name="penguiflow")
def main() -> None:
    """Run and examine PenguiFlow flows."""
