"""Finding a mark, however it is written and whatever stands around it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import urllib.parse
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.watch import forms
from sim.watch.canaries import Canary
from sim.watch.forms import HASHES, LONGEST_FORM, Scanner, unescaped

if TYPE_CHECKING:
    from collections.abc import Callable

MARKS = st.integers(0, 2**64 - 1).map(lambda number: f"cnry{number:016x}")
# Most text has nothing of a mark; digits and letters are where one could be mistaken.
AROUND = st.text(max_size=30) | st.text("0123456789abcdefABCDEFcnryCNRY", max_size=40)


def everything_escaped(pattern: str) -> Callable[[str], str]:
    """Writes every character of a text by its number."""
    return lambda text: "".join(pattern.format(ord(character)) for character in text)


def quoted_in_json(text: str) -> str:
    return json.dumps({"inner": json.dumps({"text": text})})


WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper-case": str.upper,
    "title case": str.title,
    "url": lambda text: urllib.parse.quote_plus(f"\u00e9&{text} /"),
    "url, every character": everything_escaped("%{:02X}"),
    "url twice": lambda text: urllib.parse.quote(everything_escaped("%{:02x}")(text)),
    "json in json": quoted_in_json,
    "json, every character": everything_escaped("\\u{:04x}"),
    "json, every character, in json": lambda text: json.dumps(everything_escaped("\\u{:04x}")(text)),
    "repr": repr,
    "bytes": everything_escaped("\\x{:02x}"),
    "html": lambda text: html.escape(f"<{text}>"),
    "html, every character": everything_escaped("&#{};"),
    "html, hexadecimal": everything_escaped("&#x{:x};"),
}
ENCODED: dict[str, Callable[[bytes], str]] = {
    "base64": lambda raw: base64.b64encode(raw).decode(),
    "base64 url": lambda raw: base64.urlsafe_b64encode(raw).decode(),
    "base64 in a url": lambda raw: urllib.parse.quote(base64.b64encode(raw).decode()),
    "hex": bytes.hex,
    "upper-case hex": lambda raw: raw.hex().upper(),
}


def scanner_for(*marks: str) -> Scanner:
    scanner = Scanner()
    for mark in marks:
        scanner.add(Canary("peek", "payload", "acme", mark))
    return scanner


def found(scanner: Scanner, text: str) -> set[str]:
    return {form.canary.text for form in scanner.find(text)}


@given(mark=MARKS, before=AROUND, after=AROUND, way=st.sampled_from(sorted(WRITTEN)))
def test_a_mark_is_found_in_every_spelling_and_escape_at_any_offset(mark, before, after, way):
    """Whatever stands before and behind it, also where it looks like a part of another mark."""
    assert found(scanner_for(mark), f"{before}{WRITTEN[way](mark)}{after}") == {mark}


@given(mark=MARKS, before=st.binary(max_size=20), after=st.binary(max_size=20), way=st.sampled_from(sorted(ENCODED)))
def test_a_mark_is_found_in_encoded_bytes_at_any_offset(mark, before, after, way):
    """Base64 has three alignments, and its characters at both ends depend on the neighbours."""
    for text in (mark, mark.upper()):
        assert found(scanner_for(mark), ENCODED[way](before + text.encode() + after)) == {mark}


@given(mark=MARKS, before=AROUND, after=AROUND, name=st.sampled_from(HASHES))
def test_a_hash_of_a_mark_is_found_in_any_digits(mark, before, after, name):
    """A digest is found in either case, also inside a longer row of hexadecimal digits."""
    digest = hashlib.new(name, mark.encode()).hexdigest()
    assert found(scanner_for(mark), f"{before}{digest}{after}") == {mark}
    assert found(scanner_for(mark), f"{before}{digest.upper()}{after}") == {mark}


@given(planted=MARKS, others=st.lists(MARKS, max_size=3), text=AROUND, way=st.sampled_from(sorted(WRITTEN)))
def test_a_text_without_a_planted_mark_holds_none(planted, others, text, way):
    """Marks that nobody planted, and whatever else there is, are no sighting."""
    strangers = [mark for mark in others if mark != planted]
    noise = text.join([WRITTEN[way](mark) for mark in strangers] + [base64.b64encode(text.encode()).decode()])
    assert found(scanner_for(planted), noise) == set()


@given(marks=st.lists(MARKS, min_size=2, max_size=4, unique=True))
def test_marks_that_stand_side_by_side_are_all_found(marks):
    """The search for one does not swallow the next."""
    scanner = scanner_for(*marks)
    assert found(scanner, "".join(marks)) == set(marks)
    assert found(scanner, "".join(mark.encode().hex() for mark in marks)) == set(marks)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (str, "plain"),
        (str.upper, "upper-case"),
        (lambda text: text.encode().hex(), "hex"),
        (lambda text: base64.b64encode(text.encode()).decode(), "base64"),
        (lambda text: hashlib.sha256(text.encode()).hexdigest(), "sha256"),
        (everything_escaped("%{:02x}"), "escaped"),
        (lambda text: everything_escaped("%{:02x}")(text.encode().hex()), "escaped hex"),
    ],
)
def test_a_form_says_how_the_mark_was_written(write, name):
    """The report can say that the secret was hidden, and how."""
    mark = "cnry0123456789abcdef"
    assert [form.name for form in scanner_for(mark).find(write(mark))] == [name]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("%63%4E", "cN"),
        (r"\u0063\u004e", "cN"),
        (r"\\u0063", "c"),
        (r"\x63\x4E", "cN"),
        (r"\\x63", "c"),
        ("&#99;&#110;&#90;", "cnZ"),
        ("&#x63;&#x4e;", "cN"),
        ("%6 %zz u0063 &#9; &#1234; &#x6;", "%6 %zz u0063 &#9; &#1234; &#x6;"),
        ("100% of it", "100% of it"),
        ("a%2Fb\\x41", "a/bA"),
        ("", ""),
    ],
)
def test_a_character_stands_behind_its_number(text, plain):
    """As a URL, JSON, Python and HTML write it; anything else stays as it is."""
    assert unescaped(text) == plain


@pytest.mark.parametrize(("rounds", "seen"), [(1, True), (2, True), (3, True), (4, False)])
def test_what_is_escaped_over_and_over_is_found_three_times_deep(rounds, seen):
    """Deeper nesting than JSON in JSON in JSON is not looked into."""
    mark = "cnry0123456789abcdef"
    text = everything_escaped("%{:02x}")(mark)
    for _ in range(rounds - 1):
        text = text.replace("%", "%25")
    assert found(scanner_for(mark), text) == ({mark} if seen else set())


def test_a_mark_is_told_once_in_each_of_its_forms():
    """What stands there plainly is not told again as escaped; no form is longer than the longest hash."""
    mark = "cnry0123456789abcdef"
    digest = hashlib.sha512(mark.encode()).hexdigest()
    text = f"{mark} {mark} {mark.upper()} {digest} {everything_escaped('%{:02x}')(digest)}"
    names = [form.name for form in scanner_for(mark).find(text)]
    assert names == ["plain", "sha512"]
    assert len(digest) == LONGEST_FORM


def test_texts_that_come_again_and_again_are_searched_anew_for_a_new_mark(monkeypatch):
    """What was clean is known to be so, until there is one more mark to look for."""
    first, second = "cnry0123456789abcdef", "cnryfedcba9876543210"
    scanner = scanner_for(first)
    name = f"node of {second}"
    assert not scanner.is_in("node_start", name, None)
    monkeypatch.setattr(scanner, "find", None)
    assert not scanner.is_in("node_start", name, None)
    monkeypatch.undo()
    scanner.add(Canary("peek", "payload", "acme", second))
    assert scanner.is_in("node_start", name, None)
    assert scanner.is_in("node_start", f"node of {first}", None)


def test_what_is_known_to_be_clean_is_bounded(monkeypatch):
    """Names that never come again do not fill the memory, and every mark among them is found."""
    monkeypatch.setattr(forms, "_REMEMBERED_MAX", 8)
    mark = "cnry0123456789abcdef"
    scanner = scanner_for(mark)
    seen = [scanner.is_in("node_start", mark.upper() if number == 50 else f"node-{number}") for number in range(100)]
    assert [number for number, marked in enumerate(seen) if marked] == [50]
    assert len(scanner._clean) <= 8
