"""`result.json`: the one file that every report can be rebuilt from, byte-stable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sim.model.errors import ResultError
from sim.model.result import RESULT_SCHEMA_ID, SuiteResult

if TYPE_CHECKING:
    from pathlib import Path

_DECIMALS = 6
_RERUN = "run the scenarios again with --report to write a new one"


def dump(result: SuiteResult) -> bytes:
    """The result as JSON: sorted keys, numbers to the microsecond, one value a line, a newline at the end."""
    data = _rounded(result.model_dump(mode="json", by_alias=True))
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # A half of a surrogate pair, which UTF-8 cannot hold, becomes the JSON escape for it.
    return f"{text}\n".encode(errors="backslashreplace")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        # Adding nothing turns a negative zero into zero.
        return round(value, _DECIMALS) + 0.0
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list) else value


def parse(data: bytes, *, where: str) -> SuiteResult:
    """The result that `data` holds.

    Args:
        data: the bytes of a `result.json`.
        where: the file's name, for errors.

    Raises:
        ResultError: when `data` is no result, or one of another version.

    """
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        # Errors of decoding, of JSON and of endless nesting all say what stopped the reading.
        raise _corrupt(f"the file is no JSON: {error}", where) from None
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema != RESULT_SCHEMA_ID:
        raise ResultError(
            f"schema is {schema!r}", where=where, rule=f"this version reads {RESULT_SCHEMA_ID}", fix=_RERUN
        )
    try:
        return SuiteResult.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise _corrupt(f"{place}: {first['msg']}", where) from None


def load(path: Path) -> SuiteResult:
    """The result in the file `path`.

    Raises:
        ResultError: when the file cannot be read, is corrupt or of another version.

    """
    try:
        data = path.read_bytes()
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror}"
        raise ResultError(problem, where=str(path), rule="a report is built from result.json", fix=_RERUN) from None
    return parse(data, where=str(path))


def _corrupt(problem: str, where: str) -> ResultError:
    return ResultError(problem, where=where, rule=f"a result is valid JSON of {RESULT_SCHEMA_ID}", fix=_RERUN)
