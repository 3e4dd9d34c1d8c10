"""Reading what a flow logs, instead of letting it out."""

from __future__ import annotations

import contextlib
import io
import logging
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_STANDARD = (*vars(logging.LogRecord("", 0, "", 0, "", (), None)), "message", "asctime", "taskName")


def extras_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record carries besides its standard attributes."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def message_of(record: logging.LogRecord) -> str:
    """The record's message; where its arguments do not fit, both as they are (a handler passes over such a record)."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever formatting the user's arguments raises
        return f"{record.msg} {record.args}"


class _Lines(io.TextIOBase):
    """A stream that hands on whole lines."""

    def __init__(self, read: Callable[[str], None]) -> None:
        self._read = read
        self._open = ""

    def write(self, text: str) -> int:
        """Take in `text`, and hand on every line that it completes."""
        *lines, self._open = (self._open + text).split("\n")
        for line in lines:
            self._read(line)
        return len(text)


class LogCapture:
    """Hands what a flow logs and prints to its readers, and lets none of it out, for the length of a run.

    A record counts when it passes its logger's level. What the run changes in
    the configuration of loggers (levels, handlers, propagation) is put back at
    the end, so that nothing of it reaches the next run.

    Args:
        read: gets every record.
        read_line: gets every printed line.

    """

    def __init__(self, read: Callable[[logging.LogRecord], None], read_line: Callable[[str], None]) -> None:
        self._read = read
        self._streams = contextlib.ExitStack()
        self._read_line = read_line
        self._call_handlers = logging.Logger.callHandlers
        self._before: dict[str, tuple[int, list[logging.Handler], bool]] = {}

    def __enter__(self) -> Self:
        read = self._read

        def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:  # noqa: ARG001 - a method
            read(record)

        self._before = {name: _settings(logger) for name, logger in _loggers().items()}
        self._streams.enter_context(contextlib.redirect_stdout(_Lines(self._read_line)))
        self._streams.enter_context(contextlib.redirect_stderr(_Lines(self._read_line)))
        logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._streams.close()
        logging.Logger.callHandlers = self._call_handlers  # type: ignore[method-assign]
        for name, logger in _loggers().items():
            level, handlers, propagate = self._before.get(name, (logging.NOTSET, [], True))
            if _settings(logger) != (level, handlers, propagate):
                logger.setLevel(level)
                logger.handlers[:] = handlers
                logger.propagate = propagate


def _loggers() -> dict[str, logging.Logger]:
    known = logging.Logger.manager.loggerDict
    return {"": logging.getLogger()} | {
        name: logger for name, logger in known.items() if isinstance(logger, logging.Logger)
    }


def _settings(logger: logging.Logger) -> tuple[int, list[logging.Handler], bool]:
    return logger.level, list(logger.handlers), logger.propagate
