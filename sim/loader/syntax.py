"""What the YAML parser objects to, in words that do not need its grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

    from sim.loader.errors import Problem
    from sim.loader.source import Source

_INDENT = ("the indentation does not fit", "keys of one mapping start in one column", "line it up with its neighbours")
# Fragments of what the C parser and its pure twin say, then message, rule and fix.
_WORDS = (
    (
        "mapping values are not allowed",
        ("a ':' where no key can be", "a line holds one key and its value", "quote a text with ': ' in it"),
    ),
    ("expected ',' or ']'", ("the list is not closed", "a [ has its ]", "add a comma or the ]")),
    ("expected ',' or '}'", ("the mapping is not closed", "a { has its }", "add a comma or the }")),
    ("could not find expected ':'", ("a key without a ':'", "a key is followed by ': '", "add the ':'")),
    ("unexpected end of stream", ("the quoted text has no end", "a quote is closed again", "add the closing quote")),
    ("unknown escape character", ("an unknown escape", "\\ begins an escape in double quotes", "use single quotes")),
    ("node content", ("a value is missing", "a bracket or comma is followed by a value", "complete the value")),
    ("expected key", _INDENT),
    ("<block end>", _INDENT),
    ("'-' indicator", _INDENT),
    ("sequence entries are not allowed", _INDENT),
)
_TAB = ("a tab", "YAML is indented with spaces", "replace it with spaces")
_RESERVED = "@`%"
_UNCLOSED = ("the list is not closed", "the mapping is not closed", "the quoted text has no end")


def syntax_problem(source: Source, error: yaml.YAMLError) -> Problem:
    """The parser's complaint, with the place that it points at."""
    mark = getattr(error, "problem_mark", None)
    place = (0, 0) if mark is None else _inside(source, mark.line + 1, mark.column + 1)
    message, rule, fix = _explain(source, place, str(getattr(error, "problem", None) or error))
    start = getattr(error, "context_mark", None)
    if message in _UNCLOSED and start is not None:
        message = f"{message}; it begins in line {start.line + 1}"
    return source.problem(place, message, rule=rule, fix=fix)


def _inside(source: Source, line: int, column: int) -> tuple[int, int]:
    """The place, moved to the end of the text when the parser points behind it."""
    if 0 < len(source.lines) < line:
        return len(source.lines), len(source.lines[-1]) + 1
    return line, column


def _explain(source: Source, place: tuple[int, int], complaint: str) -> tuple[str, str, str]:
    line, column = place
    culprit = source.lines[line - 1][column - 1 : column] if 0 < line <= len(source.lines) else ""
    if "tab character" in complaint or ("cannot start any token" in complaint and culprit == "\t"):
        return _TAB
    if "cannot start any token" in complaint and culprit and culprit in _RESERVED:
        return f"a text cannot start with {culprit}", "YAML reserves it", "put the text in quotes"
    known = (words for fragment, words in _WORDS if fragment in complaint)
    plain = (f"this is no YAML: {complaint}", "a scenario file is YAML 1.2", "look at this line and the one above")
    return next(known, plain)
