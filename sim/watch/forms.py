"""The texts under which a mark may turn up, and the search for all of them in one pass.

A mark is `cnry` and sixteen hexadecimal digits. Every form of every mark
begins with one of nine fixed texts, or is a row of hexadecimal digits, so the
search costs the same however many marks are planted: what stands behind a fixed
text is looked up in one table. Ten plain searches are quicker here than one
regular expression with ten branches: 8 against 15 microseconds for 550 characters.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.watch.canaries import Canary

PREFIX = "cnry"
DIGITS = 16
MARK_LENGTH = len(PREFIX) + DIGITS
HASHES = ("md5", "sha1", "sha256", "sha512")
_HASH_LENGTHS = (32, 40, 64, 128)
LONGEST_FORM = max(_HASH_LENGTHS)
"""No form is longer than this, unless single characters of it are escaped."""

_ROUNDS_MAX = 3
_TWO = "([0-9a-fA-F]{2})"
_SHIFTS = range(3)  # base64 writes three bytes at a time
_ESCAPED = re.compile(rf"%{_TWO}|\\+u00{_TWO}|\\+x{_TWO}|&#x{_TWO};|&#(\d{{2,3}});")


class Form(NamedTuple):
    """One text that betrays a mark: whose it is, and how it is written."""

    canary: Canary
    name: str


def _base64_core(text: str, shift: int) -> str:
    """The characters of the base64 of `text`, `shift` bytes into it, that do not depend on what stands around it."""
    encoded = base64.b64encode(b"\0" * shift + text.encode() + b"\0" * 2)
    # A character holds six bits; those that hold a bit of a neighbour are cut off.
    first, end = -(-shift * 8 // 6), (shift + len(text)) * 8 // 6
    return encoded[first:end].decode()


class _Anchor(NamedTuple):
    """A fixed text that a form begins with, and how long the whole form is."""

    text: str
    length: int


_SPELLINGS = (PREFIX, PREFIX.upper())
_FOLDED = (_Anchor(PREFIX, MARK_LENGTH), *(_Anchor(text.encode().hex(), 2 * MARK_LENGTH) for text in _SPELLINGS))
"""In these forms the case of letters says nothing."""

# A base64 character that holds bits of what follows the prefix is not part of the anchor.
_BASE64 = tuple(
    _Anchor(_base64_core(text, shift), len(_base64_core("x" * MARK_LENGTH, shift)))
    for text in _SPELLINGS
    for shift in _SHIFTS
)
_RUN = re.compile(r"[0-9a-fA-F]{32,}")
_REMEMBERED_MAX = 1024


class Scanner:
    """Finds every mark that it knows, in any of its forms, in any text."""

    def __init__(self) -> None:
        self._known: dict[str, Form] = {}
        self._clean: dict[tuple[str | None, ...], None] = {}

    def add(self, canary: Canary) -> None:
        """Find this one too, from now on."""
        self._clean.clear()
        mark = canary.text
        for text in (mark, mark.upper()):
            raw = text.encode()
            self._known[raw.hex()] = Form(canary, "hex")
            for shift in _SHIFTS:
                self._known[_base64_core(text, shift)] = Form(canary, "base64")
        for name in HASHES:
            self._known[hashlib.new(name, mark.encode(), usedforsecurity=False).hexdigest()] = Form(canary, name)
        self._known[mark] = Form(canary, "plain")

    def find(self, text: str) -> dict[Form, None]:
        """Every mark in `text`, each with every form that it has there."""
        if len(text) < MARK_LENGTH:  # no form is shorter, and what is escaped only gets longer
            return {}
        found = dict.fromkeys(self._forms(text))
        for _ in range(_ROUNDS_MAX):
            # What was escaped twice, such as JSON in JSON or a URL in a URL, takes two rounds.
            plain = unescaped(text)
            if plain is text or plain == text:
                break
            text = plain
            found.update(dict.fromkeys(_escaped(form) for form in self._forms(text) if form not in found))
        return found

    def is_in(self, *texts: str | None) -> bool:
        """Whether any of `texts` holds a mark; those that come again and again are searched once."""
        if texts in self._clean:
            return False
        if any(self.find(text) for text in texts if text is not None):
            return True
        if len(self._clean) == _REMEMBERED_MAX:
            self._clean.clear()
        self._clean[texts] = None
        return False

    def _forms(self, text: str) -> list[Form]:
        found: list[Form] = []
        folded = text.lower()
        for start, length in _FOLDED:
            if start in folded:
                for form in self._behind(start, length, folded):
                    upper = form.name == "plain" and form.canary.text not in text
                    found.append(form._replace(name="upper-case") if upper else form)
        for start, length in _BASE64:
            if start in text:
                found.extend(self._behind(start, length, text))
        if len(text) >= _HASH_LENGTHS[0]:
            found.extend(self._hashes(text))
        return found

    def _behind(self, anchor: str, length: int, text: str) -> Iterator[Form]:
        """The known forms that begin with `anchor` anywhere in `text`."""
        start = text.find(anchor)
        while start >= 0:
            form = self._known.get(text[start : start + length])
            if form is not None:
                yield form
            start = text.find(anchor, start + 1)

    def _hashes(self, text: str) -> list[Form]:
        runs = [run.lower() for run in _RUN.findall(text)]
        candidates = (
            run[start : start + length]
            for run in runs
            for length in _HASH_LENGTHS
            for start in range(len(run) - length + 1)
        )
        return [self._known[candidate] for candidate in candidates if candidate in self._known] if runs else []


def unescaped(text: str) -> str:
    r"""`text` with `%63`, `\u0063`, `\x63`, `&#99;` and `&#x63;` as the characters that they stand for."""
    if "%" not in text and "\\" not in text and "&#" not in text:
        return text
    return _ESCAPED.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    *hexadecimal, decimal = match.groups()
    code = int(decimal) if decimal else int(next(digits for digits in hexadecimal if digits), 16)
    return chr(code)


def _escaped(form: Form) -> Form:
    return form._replace(name="escaped" if form.name == "plain" else f"escaped {form.name}")
