"""Reading what a flow logs, instead of letting it out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_STANDARD = (*vars(logging.LogRecord("", 0, "", 0, "", (), None)), "message", "asctime", "taskName")


def extras_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record carries besides its standard attributes."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class LogCapture:
    """Hands every record that passes its logger's level to `read`, and to no handler, for the length of a run.

    What the run changes in the configuration of loggers (levels, handlers,
    propagation) is put back at the end, so that nothing of it reaches the next run.
    """

    def __init__(self, read: Callable[[logging.LogRecord], None]) -> None:
        self._read = read
        self._call_handlers = logging.Logger.callHandlers
        self._before: dict[str, tuple[int, list[logging.Handler], bool]] = {}

    def __enter__(self) -> Self:
        read = self._read

        def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:  # noqa: ARG001 - replaces a method
            read(record)

        self._before = {name: _settings(logger) for name, logger in _loggers().items()}
        logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
