"""What the models object to, in plain words and at its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.loader.fixes import converted, identifier_like
from sim.loader.schema import child, example_of, known_keys, union_tag
from sim.loader.words import close_match, listing, suggestion, unknown
from sim.model.fields import (
    CODE_PATTERN,
    EDGE_PATTERN,
    EXTENSION_PATTERN,
    IDENTIFIER_PATTERN,
    SCENARIO_PATTERN,
    VARIABLE_PATTERN,
)
from sim.model.rules import BrokenRule, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from sim.loader.document import Document, KeyPath
    from sim.loader.errors import Problem

_QUOTED = re.compile(r"'([^']*)'")
_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_PATTERNS = {
    VARIABLE_PATTERN: "an environment variable is named by letters, digits and '_', and not by its value",
    **dict.fromkeys(
        (IDENTIFIER_PATTERN, SCENARIO_PATTERN),
        "a name is made of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit",
    ),
    CODE_PATTERN: "code is named as module:callable",
    EXTENSION_PATTERN: "code is named as module:callable, or by the name under which an installed package offers it",
    EDGE_PATTERN: "an edge is written source->target",
}
_NOUNS = {"modes": "mode", "plant": "place", "look_in": "sink", "dist": "distribution", "schema": "schema"}


@dataclass(frozen=True, slots=True)
class _Complaint:
    """One objection of the models: to which value, where, and why."""

    type: str
    path: KeyPath
    value: Any
    facts: Mapping[str, Any]
    document: Document


@dataclass(frozen=True, slots=True)
class _Words:
    message: str
    rule: str | None = None
    fix: str | None = None
    at_key: bool = False
    below: KeyPath = ()


def problems_of(error: ValidationError, document: Document) -> list[Problem]:
    """Everything that the models object to."""
    complaints = [_complaint(details, document) for details in error.errors(include_url=False)]
    misspelt = [_meant(complaint) for complaint in complaints if complaint.type == "extra_forbidden"]
    # A key that is there under a misspelt name is not missing as well.
    return [_problem(one) for one in complaints if one.type != "missing" or one.path not in misspelt]


def _complaint(details: ErrorDetails, document: Document) -> _Complaint:
    path = _without_tags(details["loc"], document.value)
    return _Complaint(details["type"], path, details["input"], details.get("ctx", {}), document)


def _meant(complaint: _Complaint) -> KeyPath:
    """The path of the known key that an unknown one is close to; its own path if there is none."""
    *parent, key = complaint.path
    return (*parent, close_match(str(key), known_keys(tuple(parent), complaint.document.value)) or key)


def _problem(complaint: _Complaint) -> Problem:
    words = _word_maker(complaint)(complaint)
    at = (*complaint.path, *words.below)
    return complaint.document.problem(at, words.message, rule=words.rule, fix=words.fix, at_key=words.at_key)


def _without_tags(location: tuple[str | int, ...], value: Any) -> KeyPath:
    """The path in the file: pydantic adds which member of a union it tried, and `[key]` for a key itself."""
    path: tuple[str | int, ...] = ()
    document, tag = value, None
    for step in location:
        if step in (tag, "[key]"):
            tag = None
            continue
        path, value = (*path, step), child(value, step)
        tag = union_tag(path, value, document)
    return path


def _word_maker(complaint: _Complaint) -> Callable[[_Complaint], _Words]:
    if complaint.type in _TYPES:
        return _wrong_type
    return _MAKERS.get(complaint.type, _does_not_fit)


def _does_not_fit(complaint: _Complaint) -> _Words:
    example = example_of(complaint.path, complaint.document.value)
    return _Words(f"{shown(complaint.value)} does not fit here", fix=example and f"write {example}")


def _broken_rule(complaint: _Complaint) -> _Words:
    broken = complaint.facts.get("error")
    if not isinstance(broken, BrokenRule):
        return _does_not_fit(complaint)
    if complaint.value is None:
        return _without_value(complaint)
    return _Words(broken.message, broken.rule, broken.fix, below=broken.at)


def _unknown_key(complaint: _Complaint) -> _Words:
    known = known_keys(complaint.path[:-1], complaint.document.value)
    key = str(complaint.path[-1])
    close = suggestion(key, known)
    rule = None if close else f"the keys here are {listing(known)}"
    return _Words("unknown key", rule, close or "remove it", at_key=True)


def _missing(complaint: _Complaint) -> _Words:
    key = complaint.path[-1]
    example = example_of(complaint.path, complaint.document.value)
    return _Words("missing", "this key is required", f"add {key}: {example}")


def _missing_kind(complaint: _Complaint) -> _Words:
    example = example_of((*complaint.path, "kind"), complaint.document.value)
    return _Words("missing", "a fault has a kind", f"add kind: {example}", below=("kind",))


def _unknown_kind(complaint: _Complaint) -> _Words:
    kinds = _QUOTED.findall(str(complaint.facts["expected_tags"]))
    word = complaint.value.get("kind") if isinstance(complaint.value, dict) else complaint.value
    if not isinstance(word, str):
        return _Words(f"{shown(word)} is no kind", f"it is one of {listing(kinds)}", "write latency", below=("kind",))
    return _Words(*unknown("kind", word, kinds), below=("kind",))


def _unknown_word(complaint: _Complaint) -> _Words:
    choices = _QUOTED.findall(str(complaint.facts["expected"]))
    noun = _noun(complaint.path)
    if complaint.value is None:
        return _without_value(complaint)
    if not isinstance(complaint.value, str):
        return _Words(f"{shown(complaint.value)} is no {noun}", f"it is one of {listing(choices)}")
    return _Words(*unknown(noun, complaint.value, choices))


def _noun(path: KeyPath) -> str:
    name = next((step for step in reversed(path) if isinstance(step, str)), "value")
    return _NOUNS.get(name, name)


def _without_value(complaint: _Complaint) -> _Words:
    example = example_of(complaint.path, complaint.document.value)
    fix = f"write {example}, or remove the key" if example else "write one, or remove the key"
    return _Words("there is no value", "a key has a value", fix)


def _wrong_type(complaint: _Complaint) -> _Words:
    value, wanted = complaint.value, _TYPES[complaint.type]
    if value is None:
        return _without_value(complaint)
    message = f"{shown(value)} is not {wanted}"
    return _Words(message, fix=converted(value, wanted) or _by_example(complaint))


def _by_example(complaint: _Complaint) -> str | None:
    example = example_of(complaint.path, complaint.document.value)
    return f"write {example}" if example else None


def _out_of_range(complaint: _Complaint) -> _Words:
    limits = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
    limit = complaint.facts[limits[complaint.type]]
    below = complaint.type.startswith("greater")
    rule = f"it is {'more than' if complaint.type == 'greater_than' else 'at least' if below else 'at most'} {limit:g}"
    fix = _by_example(complaint) if complaint.type == "greater_than" else f"write {limit:g}"
    if not below and limit == 1:
        rule, fix = "a share lies between 0 and 1", f"write {complaint.value / 100:g} for {complaint.value:g} percent"
    return _Words(f"{shown(complaint.value)} is too {'small' if below else 'large'}", rule, fix)


def _not_finite(complaint: _Complaint) -> _Words:
    return _Words(f"{shown(complaint.value)} is no number to work with", "it is finite", _by_example(complaint))


def _too_few(complaint: _Complaint) -> _Words:
    return _Words("it is empty", "it holds at least one entry", _by_example(complaint))


def _too_short(complaint: _Complaint) -> _Words:
    return _Words("the text is empty", "it has at least one character", _by_example(complaint))


def _too_long(complaint: _Complaint) -> _Words:
    limit = complaint.facts["max_length"]
    return _Words(f"{shown(complaint.value)} is too long", f"it has at most {limit} characters", "shorten it")


def _wrong_pattern(complaint: _Complaint) -> _Words:
    pattern = complaint.facts["pattern"]
    fix = _by_example(complaint)
    if pattern in (IDENTIFIER_PATTERN, SCENARIO_PATTERN):
        fix = identifier_like(complaint.value) or fix
    return _Words(f"{shown(complaint.value)} is not well formed", _PATTERNS[pattern], fix)


_MAKERS: dict[str, Callable[[_Complaint], _Words]] = {
    "value_error": _broken_rule,
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "union_tag_not_found": _missing_kind,
    "union_tag_invalid": _unknown_kind,
    "literal_error": _unknown_word,
    "greater_than": _out_of_range,
    "greater_than_equal": _out_of_range,
    "less_than": _out_of_range,
    "less_than_equal": _out_of_range,
    "finite_number": _not_finite,
    "too_short": _too_few,
    "string_too_short": _too_short,
    "string_too_long": _too_long,
    "string_pattern_mismatch": _wrong_pattern,
}
