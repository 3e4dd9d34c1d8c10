"""docs/commands.md says what is true: its commands run, and its exit codes are those of the command line."""

from __future__ import annotations

import re
import shlex

from command import ROOT, sim

from sim.cli import COMMANDS
from sim.cli.exits import EXIT_MEANINGS

PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_run(tmp_path):
    """From nothing to a report, in shards, merged, compared and examined: every line of the page ends with 0."""
    lines = [line for block in re.findall(r"```sh\n(.+?)```", PAGE, flags=re.DOTALL) for line in block.splitlines()]
    assert len(lines) > 8
    for line in lines:
        done = sim(*shlex.split(line)[2:], cwd=tmp_path)
        assert done.returncode == 0, (line, done.stdout, done.stderr)


def test_the_page_tells_every_command_and_exit_code():
    """Nothing is left out, and codes mean what `sim list` says."""
    assert all(f"`{name}`" in PAGE for name in COMMANDS)
    codes = re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, flags=re.MULTILINE)
    assert codes == [(str(int(code)), meaning) for code, meaning in EXIT_MEANINGS.items()]
