"""The command line: `penguiflow sim ...`, also `python -m sim ...`."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import click

COMMANDS = {
    "init": ("init:init", "Write scenarios for a flow, or an example to start from."),
    "check": ("check:check", "Read scenario files and build their flows; send nothing."),
    "run": ("run:run", "Run scenarios, and write a report."),
    "replay": ("replay:replay_command", "Run saved failures again."),
    "merge": ("sharding:merge", "Put the shards of a run together."),
    "report": ("reporting:report", "Write a report again from its result.json."),
    "plot": ("reporting:plot", "Draw the plots of a result."),
    "diff": ("reporting:diff", "Compare two results."),
    "schema": ("schema:schema", "Print the JSON schema of scenario files, for editors."),
    "doctor": ("doctor:doctor", "Look for what keeps a flow from repeating itself."),
    "list": ("listing:list_all", "List faults, metrics, checks, verdicts and exit codes."),
    "explain": ("listing:explain", "Explain one of them, with an example."),
}
"""Every command, in the order of its use: where it is, from this package, and what its help begins with."""


class _Lazy(click.Group):
    """Imports a command only when it is called: the help of the group needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command of this name, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"sim.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the line calls; an unknown one is told with the one that was meant."""
        close = get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            fix = f"did you mean {close[0]}?" if close else f"the commands are {', '.join(COMMANDS)}"
            ctx.fail(f"there is no command {args[0]!r}; {fix}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The list of commands in the help, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_Lazy)
def sim() -> None:
    """Run scenarios against flows under virtual time, and see what breaks.

    \b
    penguiflow sim init --flow shop.flows:build      write scenarios for a flow
    penguiflow sim check scenarios                   read the files, build the flows, send nothing
    penguiflow sim run scenarios --report reports    run them, write a report
    penguiflow sim run FILE --seed 17                run one seed again
    penguiflow sim replay reports                    run saved failures again
    penguiflow sim explain tool_error                what a fault does, with an example
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    if _owns_process():
        from sim.kernel.namespace import enter_empty_network  # noqa: PLC0415 - the help needs no kernel

        enter_empty_network()


def _owns_process() -> bool:
    """Whether this process does nothing but what is asked here: there is no way back from an empty network."""
    if any(word.partition("=")[0] == "--cluster" for word in sys.argv):
        return False  # the workers leave the network, each for itself
    program = Path(sys.argv[0])
    return program.stem == "penguiflow" or (program.name == "__main__.py" and program.parent.name == "sim")
