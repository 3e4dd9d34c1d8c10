"""Exit codes: which error gives which, and which of several decides."""

from __future__ import annotations

import platform
from pathlib import Path

import click
import pytest

from penguiflow import __version__
from sim.cli.exits import Exit, deciding, exits
from sim.loader import ScenarioError, SelectionError
from sim.report import ReportError


def raising(error):
    @exits
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (RuntimeError("unforeseen"), 70),
        (ReportError("full", where="report", rule="rule", fix="fix"), 74),
        (ScenarioError([]), 2),
        (SelectionError([]), 5),
        (SystemExit(0), 2),
        (SystemExit(), 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_its_exit_code(error, code):
    """Whatever comes out of a command ends the process with a code of ours, and never with 0."""
    with pytest.raises(SystemExit) as ended:
        raising(error)()
    assert ended.value.code == code


def test_an_error_ends_with_its_code(capsys):
    """The last line of a command that an error ends says the exit code, as that of a run does."""
    with pytest.raises(SystemExit):
        raising(ScenarioError([]))()
    assert capsys.readouterr().err.splitlines()[-1].startswith("exit 2: Bad usage, ")


@pytest.mark.parametrize("code", list(Exit))
def test_a_command_ends_with_the_code_that_it_gives(code):
    """The exit code of a command is the one that it returns."""
    with pytest.raises(SystemExit) as ended:
        exits(lambda: code)()
    assert ended.value.code == code


def test_a_bug_of_ours_gives_all_that_a_report_of_it_needs(capsys):
    """The traceback, the version and the Python stand there, and whose fault it is."""
    with pytest.raises(SystemExit):
        raising(RuntimeError("unforeseen"))()
    told = capsys.readouterr().err
    assert "RuntimeError: unforeseen" in told
    assert f"This is a bug in penguiflow-sim {__version__} (Python {platform.python_version()}), not in" in told
    assert told.splitlines()[-1] == "exit 70: A bug in the harness."


def test_a_foreign_exit_is_told_with_its_line(capsys):
    """Code under test that ends the process is named with file and line."""
    with pytest.raises(SystemExit):
        raising(SystemExit(0))()
    assert f"{Path(__file__).name}:" in capsys.readouterr().err


def test_an_error_of_usage_is_left_to_click():
    """Click tells how a command is used; it is no bug of the harness."""
    with pytest.raises(click.UsageError):
        raising(click.UsageError("no such option"))()


@pytest.mark.parametrize(
    ("codes", "decides"),
    [((), 0), ((0, 3), 3), ((3, 1), 1), ((1, 2), 2), ((2, 4), 4), ((4, 74), 74), ((74, 70), 70), ((70, 130), 130)],
)
def test_the_gravest_code_decides(codes, decides):
    """Of several codes the first of 130, 70, 74, 4, 2, 1, 3 is the one of the process."""
    assert deciding([Exit(code) for code in codes]) == decides
