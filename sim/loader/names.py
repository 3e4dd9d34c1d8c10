"""Names that have to agree within one file: ids, faults, tenants, checks.

Works on the file as it was read and not on the models, so that a name that
leads nowhere is reported beside all other problems of the file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sim.loader.document import dotted
from sim.loader.schema import child
from sim.loader.words import listing, unknown
from sim.model.fields import SCENARIO_PATTERN
from sim.model.rules import shown
from sim.model.scenario import DURING_NOUNS, FINDING_KINDS, RESERVED_CHECK_IDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.loader.document import Document, KeyPath
    from sim.loader.errors import Problem

_TENANTS_FOR_LEAKS = 2
_NAME_LENGTH = 80
_EXCUSABLE = tuple(name for name in RESERVED_CHECK_IDS if name != "determinism")


def name_problems(document: Document) -> Iterator[Problem]:
    """Every name in `document` that is taken, reserved, or leads nowhere."""
    yield from _own_name(document)
    yield from _ids(document)
    yield from _during(document)
    yield from _tenants(document)
    yield from _services(document)
    yield from _expectations(document)
    yield from _known(document)


def _own_name(document: Document) -> Iterator[Problem]:
    name = child(document.value, "name")
    if not isinstance(name, str) or re.fullmatch(SCENARIO_PATTERN.strip("^$"), name) is None:
        return
    if len(name) > _NAME_LENGTH:
        rule, fix = f"a name has at most {_NAME_LENGTH} characters", "shorten it"
        yield document.problem(("name",), f"{shown(name)} is too long", rule=rule, fix=fix)
    elif "[" in name:
        rule, fix = "brackets hold what tells the variants of a matrix apart", "leave them out"
        yield document.problem(("name",), f"{shown(name)} has brackets", rule=rule, fix=fix)


def _ids(document: Document) -> Iterator[Problem]:
    first_use: dict[str, KeyPath] = {}
    for section, reserved in (("faults", DURING_NOUNS), ("checks", RESERVED_CHECK_IDS)):
        for path, name in _texts(document, section, "id"):
            if name in reserved:
                rule = f"{listing(reserved)} are reserved"
                yield document.problem(path, f"{shown(name)} is a reserved name", rule=rule, fix="choose another id")
            if name in first_use:
                message = f"{shown(name)} is taken by {dotted(first_use[name][:-1])}"
                rule = "ids are unique over faults and checks"
                yield document.problem(path, message, rule=rule, fix="choose another id")
            first_use.setdefault(name, path)


def _during(document: Document) -> Iterator[Problem]:
    nouns = list(dict.fromkeys([*DURING_NOUNS, *(name for _, name in _texts(document, "faults", "id"))]))
    for path, during in _texts(document, "checks", "during"):
        if during not in nouns:
            yield _unknown(document, path, "stretch of time", during, nouns)


def _tenants(document: Document) -> Iterator[Problem]:
    tenants = _tenant_names(document)
    if tenants is None:
        return
    for path, name in [
        *_texts(document, "faults", "where", "tenant"),
        *_texts(document, "checks", "where", "tenant"),
        *_texts(document, "faults", "victim"),
        *_texts(document, "faults", "attacker"),
    ]:
        if name not in tenants:
            yield _unknown(document, path, "tenant", name, tenants)


def _services(document: Document) -> Iterator[Problem]:
    services = child(child(document.value, "world"), "services")
    names = list(services) if isinstance(services, dict) else []
    for section in ("faults", "checks"):
        for path, name in _texts(document, section, "where", "service"):
            if name not in names:
                yield _unknown(document, path, "service", name, names)


def _tenant_names(document: Document) -> list[str] | None:
    """The tenants of the load; `None` when the file does not say: they stand in recorded traffic, or are broken."""
    if child(child(child(document.value, "load"), "trace"), "tenant") is not None:
        return None
    tenants = document.value.get("tenants", {"default": {}})
    return list(tenants) if isinstance(tenants, dict) else None


def _expectations(document: Document) -> Iterator[Problem]:
    judges = {
        name: child(document.value["checks"][path[1]], "metric") for path, name in _texts(document, "checks", "id")
    }
    judges |= {name: name for name in RESERVED_CHECK_IDS}
    tenants = _tenant_names(document)
    for path, check in _texts(document, "expect", "check"):
        finding = child(document.value["expect"][path[1]], "finding")
        if check not in judges:
            yield _unknown(document, path, "check", check, judges)
        elif check == "leaks" and tenants is not None and len(tenants) < _TENANTS_FOR_LEAKS:
            rule = "leaks are looked for between two tenants or more"
            yield document.problem(path, "there is one tenant", rule=rule, fix="add another under tenants")
        else:
            yield from _finding_fits(document, (*path[:-1], "finding"), judges[check], finding)


def _known(document: Document) -> Iterator[Problem]:
    judges = [*(name for _, name in _texts(document, "checks", "id")), *_EXCUSABLE]
    expected = [name for _, name in _texts(document, "expect", "check")]
    seen: list[str] = []
    for path, check in _texts(document, "known", "check"):
        if check == "determinism":
            rule = "a run that is not repeatable shows nothing"
            yield document.problem(path, "determinism cannot be excused", rule=rule, fix="repair it")
        elif check not in judges:
            yield _unknown(document, path, "check", check, judges)
        elif check in expected:
            rule = "a demonstration expects its failure for good"
            yield document.problem(path, f"{shown(check)} is under expect too", rule=rule, fix="remove one of them")
        elif check in seen:
            rule = "a check has one entry"
            yield document.problem(path, f"{shown(check)} is known already", rule=rule, fix="remove one of them")
        seen.append(check)


def _finding_fits(document: Document, path: KeyPath, judge: Any, finding: Any) -> Iterator[Problem]:
    kinds = FINDING_KINDS.get(judge, ()) if isinstance(judge, str) else ()
    every_kind = [kind for several in FINDING_KINDS.values() for kind in several]
    if kinds and finding in every_kind and finding not in kinds:
        message = f"{shown(finding)} is no finding of {judge}"
        yield document.problem(path, message, rule=f"it shows {' or '.join(kinds)}", fix=f"write {kinds[0]}")


def _texts(document: Document, section: str, *keys: str) -> list[tuple[KeyPath, str]]:
    """The texts at `section[i].keys`, with their paths; what has another type is the models' concern."""
    entries = child(document.value, section)
    found: list[tuple[KeyPath, str]] = []
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        value = entry
        for key in keys:
            value = child(value, key)
        if isinstance(value, str):
            found.append(((section, index, *keys), value))
    return found


def _unknown(document: Document, path: KeyPath, noun: str, name: str, known: Any) -> Problem:
    message, rule, fix = unknown(noun, name, known)
    return document.problem(path, message, rule=rule, fix=fix)
