"""Exit codes (SCENARIOS section 2.2), and the one place that turns an error into one."""

from __future__ import annotations

import functools
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import click

from sim.load import PayloadError
from sim.loader import ScenarioError
from sim.report import ReportError
from sim.subject.build import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable


class Exit(IntEnum):
    """What the exit code of a command means; when several apply, the first of 130, 74, 4, 2, 1, 3 decides."""

    PASSED = 0
    FAILED = 1
    UNUSABLE = 2
    INCONCLUSIVE = 3
    NONDETERMINISTIC = 4
    NOTHING_SELECTED = 5
    NOT_WRITTEN = 74
    INTERRUPTED = 130


def exits(command: Callable[..., Exit]) -> Callable[..., None]:
    """End the process with the code that `command` gives; errors of the user become one clear message."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except (ScenarioError, BuildError, PayloadError) as error:
            click.echo(str(error), err=True)
            code = Exit.UNUSABLE
        except ReportError as error:
            click.echo(str(error), err=True)
            code = Exit.NOT_WRITTEN
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            code = Exit.INTERRUPTED
        sys.exit(code)

    return run
