"""What plain scalars mean: the core schema of YAML 1.2 (section 10.3), and not the one of YAML 1.1."""

from __future__ import annotations

import re
from math import inf, nan

from sim.model.rules import BrokenRule, shown

_NULLS = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"(?P<sign>[-+]?)\.(inf|Inf|INF)")
_NANS = (".nan", ".NaN", ".NAN")
_NUMBER_START = frozenset("+-.0123456789")
_LONGEST_NUMBER = 40


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar.

    Raises:
        BrokenRule: when it is a number that readers disagree about, or no number of a sane size.

    """
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return _number(text) if text[0] in _NUMBER_START else text


def _number(text: str) -> str | int | float:
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _BASED.fullmatch(text):
        return int(_sane(text), 0)
    if _FLOAT.fullmatch(text):
        return float(_sane(text))
    infinity = _INFINITY.fullmatch(text)
    if infinity is not None:
        return -inf if infinity["sign"] == "-" else inf
    return nan if text in _NANS else text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    if digits.startswith("0") and digits != "0":
        stripped = text[: len(text) - len(digits)] + (digits.lstrip("0") or "0")
        raise BrokenRule(
            f"{shortened_number(text)} has a leading zero",
            rule="YAML 1.1 reads such a number as octal, YAML 1.2 does not",
            fix=f"write {shortened_number(stripped)}, or {text[:_LONGEST_NUMBER]!r} for text",
        )
    return int(_sane(text))


def _sane(text: str) -> str:
    if len(text) > _LONGEST_NUMBER:
        raise BrokenRule(
            f"the number {shown(text)} has {len(text)} digits",
            rule=f"a number has at most {_LONGEST_NUMBER}",
            fix="write it in quotes if it is text",
        )
    return text


def shortened_number(text: str) -> str:
    """A number as it is written, cut where it gets absurd."""
    return text if len(text) <= _LONGEST_NUMBER else f"{text[:_LONGEST_NUMBER]}..."
