"""Logs that people and machines can read (RUNTIME contract 1.19); rendering is structlog's work."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

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

    """

    def __init__(self, include_timestamp: bool = True, indent: int | None = None) -> None:  # noqa: FBT001, FBT002 - contract
        self._include_timestamp = include_timestamp
        renderer = structlog.processors.JSONRenderer(indent=indent, default=str, allow_nan=False)
        super().__init__(processors=[self._shape, renderer])

    def _shape(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
        record: logging.LogRecord = event["_record"]
        shaped: dict[str, Any] = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if self._include_timestamp:
            shaped["timestamp"] = datetime.fromtimestamp(record.created, tz=UTC).isoformat()
        extra = {key: _jsonable(value) for key, value in vars(record).items() if key not in _STANDARD}
        if extra:
            shaped["extra"] = extra
        if event.get("exc_info"):
            shaped["exception"] = logging.Formatter().formatException(event["exc_info"])
        return shaped


class ExtraFormatter(logging.Formatter):
    """The usual line, then what the record carries besides: `[node="a", attempt=1]`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for `record`."""
        text = super().format(record)
        pairs = [f"{key}={_short(value)}" for key, value in vars(record).items() if key not in _STANDARD]
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
    return ExtraFormatter(text) if include_extras else logging.Formatter(text)


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
