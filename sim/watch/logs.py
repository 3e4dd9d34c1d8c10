"""Reading what a flow logs, instead of letting it out."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from typing import TYPE_CHECKING, Any, Self

import structlog

from sim.kernel.frames import place
from sim.kernel.whereabouts import user_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

_STANDARD = {*vars(logging.LogRecord("", 0, "", 0, "", (), None)), "message", "asctime", "taskName"}


def extras_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record carries besides its standard attributes."""
    if vars(record).keys() <= _STANDARD:  # nearly always: told apart in one step
        return {}
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def message_of(record: logging.LogRecord) -> str:
    """The record's message; where its arguments do not fit, both as they are (a handler passes over such a record)."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever formatting the user's arguments raises
        return f"{record.msg} {record.args}"


def calling_line() -> str:
    """`file:line` of the user's code that logs or prints just now."""
    return place(user_frame(sys._getframe(1)))  # noqa: SLF001 - the public way reads source files


class _Lines(io.TextIOBase):
    """A stream that hands on whole lines; bytes may be written to its `buffer`."""

    def __init__(self, read: Callable[[str], None]) -> None:
        self._read = read
        self._open = ""
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        """Take in `text`, and hand on every line that it completes."""
        *lines, self._open = (self._open + text).split("\n")
        for line in lines:
            self._read(line)
        return len(text)


class _Bytes(io.RawIOBase):
    """Takes in bytes, and hands them on as text."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines

    def write(self, data: Any) -> int:
        """Take in `data`."""
        self._lines.write(bytes(data).decode(errors="replace"))
        return len(data)


class LogCapture:
    """Hands what a flow logs and prints to its readers, and lets none of it out, for the length of a run.

    A record counts when it passes its logger's level, before any handler, so
    whatever propagates or not. Warnings of Python's own count as printed lines.
    An entry of structlog counts as its processors leave it. What the run
    changes in the configuration of loggers (levels, handlers, propagation) is
    put back at the end, so that nothing of it reaches the next run.

    Args:
        read: gets every record.
        read_line: gets every printed line.
        read_entry: gets what structlog writes without printing it.

    """

    def __init__(
        self,
        read: Callable[[logging.LogRecord], None],
        read_line: Callable[[str], None],
        read_entry: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._read = read
        self._streams = contextlib.ExitStack()
        self._read_line = read_line
        self._read_entry = read_entry
        self._call_handlers = logging.Logger.callHandlers
        self._before: dict[str, tuple[int, list[logging.Handler], bool]] = {}

    def __enter__(self) -> Self:
        read = self._read

        def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:  # noqa: ARG001 - a method
            read(record)

        self._before = {name: _settings(logger) for name, logger in _loggers().items()}
        for redirect in (contextlib.redirect_stdout, contextlib.redirect_stderr):
            self._streams.enter_context(redirect(_Lines(self._read_line)))
        self._streams.enter_context(_warnings(self._read_line))
        if self._read_entry is not None:
            self._streams.enter_context(_entries(self._read_entry))
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


@contextlib.contextmanager
def _warnings(read_line: Callable[[str], None]) -> Iterator[None]:
    """Read warnings; each counts again in each run, though Python shows one only once a process."""

    def show(message: Warning | str, category: type[Warning], *_place: object, **_also: object) -> None:
        read_line(f"{category.__name__}: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _entries(read_entry: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Read what structlog hands to a logger that neither prints nor passes it on to the standard library."""
    process = structlog.BoundLoggerBase._process_event  # noqa: SLF001 - structlog documents it for wrapper classes

    def read_and_process(self: Any, *args: Any) -> Any:
        processed = process(self, *args)
        if not isinstance(self._logger, (logging.Logger, structlog.PrintLogger)):
            read_entry({"event": processed[0], **processed[1]})
        return processed

    structlog.BoundLoggerBase._process_event = read_and_process  # type: ignore[method-assign,assignment]  # noqa: SLF001 - as above
    try:
        yield
    finally:
        structlog.BoundLoggerBase._process_event = process  # type: ignore[method-assign]  # noqa: SLF001 - as above


def _loggers() -> dict[str, logging.Logger]:
    known = logging.Logger.manager.loggerDict
    return {"": logging.getLogger()} | {
        name: logger for name, logger in known.items() if isinstance(logger, logging.Logger)
    }


def _settings(logger: logging.Logger) -> tuple[int, list[logging.Handler], bool]:
    return logger.level, list(logger.handlers), logger.propagate
