"""Exit codes (SCENARIOS section 2.2), and the one place that turns an error into one."""

from __future__ import annotations

import functools
import logging
import os
import platform
import sys
import traceback
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penguiflow import __version__
from sim.loader import SelectionError, place_of
from sim.model.errors import ReportError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


_BUG = (
    f"This is a bug in penguiflow-sim {__version__} (Python {platform.python_version()}), not in your files. "
    "Please report it with the lines above and the scenario."
)


class Exit(IntEnum):
    """What the exit code of a command means; when several apply, the first of 130, 70, 74, 4, 2, 1, 7, 3, 6 decides."""

    PASSED = 0
    FAILED = 1
    UNUSABLE = 2
    INCONCLUSIVE = 3
    NONDETERMINISTIC = 4
    NOTHING_SELECTED = 5
    NOT_REPRODUCED = 6
    DIVERGED = 7
    HARNESS_BUG = 70
    NOT_WRITTEN = 74
    INTERRUPTED = 130


EXIT_MEANINGS: Mapping[Exit, str] = {
    Exit.PASSED: "Everything passed; warnings are allowed.",
    Exit.FAILED: "A check failed.",
    Exit.UNUSABLE: "Bad usage, an invalid scenario, or code that cannot be imported.",
    Exit.INCONCLUSIVE: "Nothing failed, and something is inconclusive: a fault that never fired, too few samples.",
    Exit.NONDETERMINISTIC: "The same seed gave two different runs.",
    Exit.NOTHING_SELECTED: "There is nothing to run.",
    Exit.NOT_REPRODUCED: "Replay: the saved failure is gone.",
    Exit.DIVERGED: "Replay: the same code, and another run.",
    Exit.HARNESS_BUG: "A bug in the harness.",
    Exit.NOT_WRITTEN: "Output could not be written; what was computed is kept.",
    Exit.INTERRUPTED: "Ctrl-C; what is finished is written and marked.",
}


_CODES: tuple[tuple[tuple[type[BaseException], ...], Exit], ...] = (
    ((KeyboardInterrupt,), Exit.INTERRUPTED),
    ((SelectionError,), Exit.NOTHING_SELECTED),
    ((ReportError,), Exit.NOT_WRITTEN),
    ((SystemExit, UserError), Exit.UNUSABLE),
)  # the first that fits; whatever is left is no fault of the user
_FIRST_DECIDES = (
    Exit.INTERRUPTED, Exit.HARNESS_BUG, Exit.NOT_WRITTEN, Exit.NONDETERMINISTIC, Exit.UNUSABLE, Exit.FAILED,
    Exit.DIVERGED, Exit.INCONCLUSIVE, Exit.NOT_REPRODUCED,
)  # fmt: skip


def deciding(codes: Collection[Exit]) -> Exit:
    """The code that decides when several apply."""
    return next((code for code in _FIRST_DECIDES if code in codes), Exit.PASSED)


def code_of(error: BaseException) -> Exit:
    """The exit code of an error."""
    for kinds, code in _CODES:
        if isinstance(error, kinds):
            return code
    return Exit.HARNESS_BUG


def tell(error: BaseException) -> None:
    """Say on standard error what went wrong; with a traceback only where the harness is to blame."""
    code = code_of(error)
    if code is Exit.INTERRUPTED:
        text = "interrupted"
    elif isinstance(error, SystemExit):
        place = place_of(error, Path.cwd())
        text = f"code under test ends the process: SystemExit: {error.code} ({place}); take sys.exit() out of that line"
    elif code is Exit.HARNESS_BUG:
        text = "".join(traceback.format_exception(error)) + f"\n{_BUG}"
    else:
        text = str(error)
    click.echo(text, err=True)


def exits(command: Callable[..., Exit]) -> Callable[..., None]:
    """End the process with the code that `command` gives; errors of the user become one clear message."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        # What ended the process is told here, and not once more by each task that it went through.
        logging.getLogger("asyncio").addFilter(_is_no_end)
        try:
            code = command(*args, **kwargs)
        except click.ClickException:
            raise
        except BrokenPipeError:
            # Whoever read the output has had enough; nothing more can be told, not even at the end of the process.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = Exit.NOT_WRITTEN
        except BaseException as error:  # noqa: BLE001 - the end of the line: nothing leaves but an exit code
            tell(error)
            code = code_of(error)
            click.echo(f"exit {code}: {EXIT_MEANINGS[code]}", err=True)
        sys.exit(code)

    return run


def _is_no_end(record: logging.LogRecord) -> bool:
    """Whether a record of asyncio is anything else than an echo of the error that ended a run."""
    return not (record.exc_info and isinstance(record.exc_info[1], KeyboardInterrupt | SystemExit))
