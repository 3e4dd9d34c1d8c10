"""Exit codes (SCENARIOS section 2.2), and the one place that turns an error into one."""

from __future__ import annotations

import functools
import platform
import sys
import traceback
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import click

from penguiflow import __version__
from sim.load import PayloadError
from sim.loader import ScenarioError, SelectionError
from sim.report import ReportError
from sim.subject.build import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable


_BUG = (
    f"This is a bug in penguiflow-sim {__version__} (Python {platform.python_version()}), not in your files. "
    "Please report it with the lines above and the scenario."
)


class Exit(IntEnum):
    """What the exit code of a command means; when several apply, the first of 130, 70, 74, 4, 2, 1, 3 decides."""

    PASSED = 0
    FAILED = 1
    UNUSABLE = 2
    INCONCLUSIVE = 3
    NONDETERMINISTIC = 4
    NOTHING_SELECTED = 5
    HARNESS_BUG = 70
    NOT_WRITTEN = 74
    INTERRUPTED = 130


def exits(command: Callable[..., Exit]) -> Callable[..., None]:
    """End the process with the code that `command` gives; errors of the user become one clear message."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except SelectionError as error:
            click.echo(str(error), err=True)
            code = Exit.NOTHING_SELECTED
        except (ScenarioError, BuildError, PayloadError) as error:
            click.echo(str(error), err=True)
            code = Exit.UNUSABLE
        except ReportError as error:
            click.echo(str(error), err=True)
            code = Exit.NOT_WRITTEN
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            code = Exit.INTERRUPTED
        except Exception:  # noqa: BLE001 - whatever is left is no fault of the user
            click.echo(f"{traceback.format_exc()}\n{_BUG}", err=True)
            code = Exit.HARNESS_BUG
        sys.exit(code)

    return run
