"""The text of a scenario file, before it is YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.loader.errors import Problem, ScenarioError, file_problem, shown_path

if TYPE_CHECKING:
    from pathlib import Path

SIZE_LIMIT_BYTES = 1024 * 1024

# YAML 1.2, section 5.1: the characters that a file may hold.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Source:
    """A file as lines of text.

    Args:
        file: its path, as it is shown.
        lines: its lines, without their ends.

    """

    file: str
    lines: tuple[str, ...]

    def problem(
        self,
        place: tuple[int, int],
        message: str,
        *,
        path: str = "",
        rule: str | None = None,
        fix: str | None = None,
    ) -> Problem:
        """A problem at `place`: line and column, from 1."""
        line, column = place
        source_line = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Problem(self.file, line, column, path, message, rule, fix, source_line)


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        ScenarioError: when it cannot be read, is larger than 1 MiB, or is no UTF-8 text.

    """
    content = _read_bytes(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError([_not_utf8(path, content, error)]) from None
    unprintable = _UNPRINTABLE.search(text)
    if unprintable is not None:
        source, place = _place_in(path, text, unprintable.start())
        code = f"the control character {unprintable[0]!r}"
        raise ScenarioError([source.problem(place, code, rule="a scenario file is plain text", fix="remove it")])
    return text


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        problem = file_problem(path, f"the file cannot be read: {reason}", fix="check its path and permissions")
        raise ScenarioError([problem]) from None
    if len(content) > SIZE_LIMIT_BYTES:
        rule = "a scenario file holds at most 1 MiB"
        problem = file_problem(path, "the file is too large", rule=rule, fix="keep recorded data in a CSV file")
        raise ScenarioError([problem])
    return content


def _not_utf8(path: Path, content: bytes, error: UnicodeDecodeError) -> Problem:
    readable = content[: error.start].decode("utf-8-sig")
    _, place = _place_in(path, f"{readable}?", len(readable))
    source = Source(shown_path(path), tuple(content.decode("utf-8-sig", "replace").splitlines()))
    byte = f"the byte 0x{content[error.start]:02x} is not UTF-8"
    return source.problem(place, byte, rule="a scenario file is UTF-8 text", fix="save it as UTF-8")


def _place_in(path: Path, text: str, position: int) -> tuple[Source, tuple[int, int]]:
    """Line and column of the character at `position`."""
    lines = text[: position + 1].splitlines() or [""]
    return Source(shown_path(path), tuple(text.splitlines())), (len(lines), len(lines[-1]))
