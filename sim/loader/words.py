"""Words that error messages share."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from sim.model.rules import shortened, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTED = 12


def close_match(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    by_folded = {one.lower(): one for one in known}
    close = get_close_matches(word.lower(), by_folded, n=1)
    return by_folded[close[0]] if close else None


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """`did you mean 'delay'?`, if some known word is close."""
    close = close_match(word, known)
    return None if close is None else f"did you mean {close!r}?"


def listing(words: Iterable[str]) -> str:
    """Words in a row, such as `a, b, c`; of many, the first dozen."""
    all_words = list(words)
    listed = ", ".join(shortened(word) if word.isprintable() else shown(word) for word in all_words[:_LISTED])
    more = len(all_words) - _LISTED
    return f"{listed} and {more} more" if more > 0 else listed or "none"


def unknown(noun: str, word: str, known: Iterable[str]) -> tuple[str, str, str | None]:
    """Message, rule and fix for a word that names nothing: `unknown metric 'trace.latancy'`."""
    names = list(known)
    return f"unknown {noun} {shown(word)}", f"it is one of {listing(names)}", suggestion(word, names)
