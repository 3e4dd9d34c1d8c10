"""Logs that people and machines can read (RUNTIME contract 1.19); rendering is structlog's work.

Every form masks secrets (see `penguiflow.redaction`): in the message, in what a record carries besides, in tracebacks.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from penguiflow.redaction import Redactor, default_redactor

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_STANDARD = frozenset(
    [*vars(logging.LogRecord("", 0, "", 0, "", (), None)), "message", "asctime", "taskName", "_logger", "_name"]
)
_EXTRA_TEXT_MAX = 100


class StructuredFormatter(structlog.stdlib.ProcessorFormatter):
    """One JSON object for each record: `level`, `logger`, `message`, `timestamp`, `extra`, `exception`.

    Args:
        include_timestamp: add the record's time, UTC, ISO 8601.
        indent: spaces of indentation; one line if left out.
        redactor: masks secrets; the one of the process if left out.

    """

    def __init__(
        self,
        include_timestamp: bool = True,  # noqa: FBT001, FBT002 - contract
        indent: int | None = None,
        *,
        redactor: Redactor | None = None,
    ) -> None:
        self._include_timestamp = include_timestamp
        self._redactor = redactor or default_redactor()
        renderer = structlog.processors.JSONRenderer(indent=indent, default=str, allow_nan=False)
        super().__init__(processors=[self._shape, renderer])

    def _shape(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
        record: logging.LogRecord = event["_record"]
        message = self._redactor.text(str(event["event"]))
        shaped: dict[str, Any] = {"level": record.levelname, "logger": record.name, "message": message}
        if self._include_timestamp:
            shaped["timestamp"] = datetime.fromtimestamp(record.created, tz=UTC).isoformat()
        extra = _extra_of(record)
        if extra:
            shaped["extra"] = _jsonable(self._redactor.value(extra))
        if event.get("exc_info"):
            shaped["exception"] = self._redactor.text(logging.Formatter().formatException(event["exc_info"]))
        return shaped


class PlainFormatter(logging.Formatter):
    """The usual line, with secrets masked.

    Args:
        fmt: the line, as `logging.Formatter` takes it.
        datefmt: the time in it.
        redactor: masks secrets; the one of the process if left out.

    """

    def __init__(self, fmt: str | None = None, datefmt: str | None = None, *, redactor: Redactor | None = None) -> None:
        super().__init__(fmt, datefmt)
        self._redactor = redactor or default_redactor()

    def format(self, record: logging.LogRecord) -> str:
        """The line for `record`, with its traceback."""
        return self._redactor.text(super().format(record))


class ExtraFormatter(PlainFormatter):
    """The usual line, then what the record carries besides: `[node="a", attempt=1]`; secrets are masked."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for `record`."""
        text = super().format(record)
        extra = self._redactor.value(_extra_of(record))
        pairs = [f"{key}={_short(value)}" for key, value in extra.items()]
        return f"{text} [{', '.join(pairs)}]" if pairs else text


def configure_logging(
    level: int | str = logging.INFO,
    *,
    structured: bool = False,
    include_extras: bool = True,
    logger_name: str = "penguiflow",
) -> None:
    """Write the runtime's logs to stderr: one handler, all others of this logger removed.

    Args:
        level: the lowest level written.
        structured: one JSON object a line, instead of text.
        include_extras: with text, append what records carry besides.
        logger_name: the logger to configure, with everything below it.

    """
    logger = logging.getLogger(logger_name)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(structured=structured, include_extras=include_extras))
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


def _formatter(*, structured: bool, include_extras: bool) -> logging.Formatter:
    if structured:
        return StructuredFormatter()
    text = "%(asctime)s %(levelname)s %(name)s %(message)s"
    return ExtraFormatter(text) if include_extras else PlainFormatter(text)


def _extra_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record carries besides the attributes that every record has."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _jsonable(value: Any) -> Any:
    """JSON has no NaN, no infinity and no keys but text; they become text, at any depth."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    return value


def _short(value: Any) -> str:
    if not isinstance(value, str):
        return str(value)
    return f'"{value if len(value) <= _EXTRA_TEXT_MAX else value[:_EXTRA_TEXT_MAX] + "..."}"'
