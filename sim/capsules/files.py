"""Capsules as files: what is written, and what can be wrong with what is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sim.model.capsule import CAPSULE_SCHEMA_ID, CAPSULE_SUFFIX, Capsule
from sim.model.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_RULE = "a capsule is written by penguiflow sim run --report DIR, into DIR/failures"


class CapsuleError(UserError):
    """A capsule that cannot be read or replayed, and the user can do something about it.

    Args:
        where: the file.
        problem: what is wrong, with which value.
        rule: what holds instead.
        fix: one thing to try.

    """

    def __init__(self, where: str, problem: str, *, rule: str = _RULE, fix: str) -> None:
        super().__init__(f"{where}: {problem}; {rule}; {fix}")


def dump(capsule: Capsule) -> bytes:
    """The bytes of a capsule's file: the same ones for the same run."""
    data = capsule.model_dump(mode="json", by_alias=True)
    return f"{json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)}\n".encode()


def parse(path: Path) -> Capsule:
    """Read a capsule.

    Raises:
        CapsuleError: the file cannot be read, is no capsule, or one of another version.

    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise CapsuleError(str(path), f"the file cannot be read: {reason}", fix="check its path") from None
    except (ValueError, RecursionError):
        raise CapsuleError(str(path), "the file holds no JSON", fix="run its scenario again") from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != CAPSULE_SCHEMA_ID:
        problem = f"its schema is {schema!r}" if schema is not None else "it names no schema"
        rule = f"this version reads {CAPSULE_SCHEMA_ID}"
        raise CapsuleError(str(path), problem, rule=rule, fix="replay it with the version that wrote it")
    try:
        return Capsule.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        problem = f"it is damaged at {place}: {first['msg'].lower()}"
        raise CapsuleError(str(path), problem, fix="run its scenario again") from None


def find_capsules(paths: Sequence[Path]) -> list[Path]:
    """The capsules among and below `paths`, sorted, each once; hidden folders are left out.

    Raises:
        CapsuleError: a path does not exist.

    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise CapsuleError(str(path), "there is no such file or folder", fix="check the path")
        below = sorted(path.rglob(f"*{CAPSULE_SUFFIX}")) if path.is_dir() else [path]
        for file in below:
            inside = file.relative_to(path).parts if path.is_dir() else ()
            if not any(part.startswith(".") for part in inside):
                found.setdefault(file.resolve(), file)
    return sorted(found.values(), key=str)
