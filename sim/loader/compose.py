"""`extends`: a scenario that says only what is different from another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.loader.document import Document
from sim.loader.errors import ScenarioError, shown_path
from sim.loader.schema import child
from sim.loader.source import read_text
from sim.loader.words import suggestion
from sim.loader.yaml12 import parse
from sim.model.rules import shown

if TYPE_CHECKING:
    from pathlib import Path

    from sim.loader.document import KeyPath, Place
    from sim.loader.errors import Problem
    from sim.loader.source import Source

ID_OF: dict[str, str] = {"faults": "id", "checks": "id", "expect": "check", "known": "check"}
"""What tells the entries of these lists apart."""

_EXTENDS = ("extends",)


def composed(path: Path) -> Document:
    """The scenario at `path`, over its base if it has one; each value with its place in the file that holds it.

    Raises:
        ScenarioError: a file cannot be read or is no YAML, or the base cannot be one.

    """
    own = parse(shown_path(path), read_text(path))
    if not isinstance(own.value, dict) or "extends" not in own.value:
        return own
    return _Merge(_base(own, path.parent), own).document()


def _base(own: Document, folder: Path) -> Document:
    name = own.value["extends"]
    if not isinstance(name, str) or not name:
        rule, fix = "it names the file that this one starts from", "write base.yaml"
        raise ScenarioError([own.problem(_EXTENDS, f"{shown(name)} is no file", rule=rule, fix=fix)])
    path = folder / name
    if not path.is_file():
        raise ScenarioError([_missing(own, path, name)])
    base = parse(shown_path(path), read_text(path))
    if not isinstance(base.value, dict):
        rule, fix = "a base is a mapping of keys", "begin with schema: penguiflow.sim/1"
        raise ScenarioError([base.problem((), f"the file holds {shown(base.value)}", rule=rule, fix=fix)])
    if "extends" in base.value:
        rule, fix = f"a base extends nothing, and {own.source.file} extends this one", "put both into one base"
        raise ScenarioError([base.problem(_EXTENDS, "a base of a base", rule=rule, fix=fix, at_key=True)])
    return base


def _missing(own: Document, path: Path, name: str) -> Problem:
    beside = sorted(entry.name for entry in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
    rule, fix = "it is looked for from this file's folder", suggestion(path.name, beside) or "check the path"
    return own.problem(_EXTENDS, f"there is no file {shown(name)}", rule=rule, fix=fix)


class _Merge:
    """Two documents made one: mappings by key, some lists by id; all else is taken from the second where it has it."""

    def __init__(self, base: Document, own: Document) -> None:
        self._base = base
        self._own = own
        self._places: dict[KeyPath, Place] = {}
        self._keys: dict[KeyPath, Place] = {}
        self._sources: dict[KeyPath, Source] = {}

    def document(self) -> Document:
        value = self._merged((), (), ())
        del value["extends"]
        problems = (*self._base.problems, *self._own.problems)
        return Document(value, self._own.source, self._places, self._keys, problems, self._sources)

    def _merged(self, at: KeyPath, base_at: KeyPath, own_at: KeyPath) -> Any:
        """Both documents have something for `at`; it stands elsewhere in a list whose entries have moved."""
        base, own = _value(self._base, base_at), _value(self._own, own_at)
        if isinstance(base, dict) and isinstance(own, dict) and not _other_kind(base, own):
            self._note(at, self._own, own_at)
            return {
                key: self._either((*at, key), (*base_at, key), (*own_at, key), in_base=key in base, in_own=key in own)
                for key in dict.fromkeys([*base, *own])
            }
        if isinstance(base, list) and isinstance(own, list) and len(at) == 1 and at[0] in ID_OF:
            self._note(at, self._own, own_at)
            return self._by_id(at, base, own)
        return self._copied(at, self._own, own_at)

    def _by_id(self, at: KeyPath, base: list[Any], own: list[Any]) -> list[Any]:
        """The base's entries in their order, each under what is said of it here, then the new ones."""
        key = ID_OF[str(at[0])]
        mine = {_name(entry, key): index for index, entry in reversed(list(enumerate(own)))}
        pairs: list[tuple[int | None, int | None]] = [
            (index, mine.get(name) if (name := _name(entry, key)) else None) for index, entry in enumerate(base)
        ]
        taken = [index for _, index in pairs]
        pairs += [(None, index) for index in range(len(own)) if index not in taken]
        return [
            self._either(
                (*at, index), (*at, there or 0), (*at, here or 0), in_base=there is not None, in_own=here is not None
            )
            for index, (there, here) in enumerate(pairs)
        ]

    def _either(self, at: KeyPath, base_at: KeyPath, own_at: KeyPath, *, in_base: bool, in_own: bool) -> Any:
        if in_base and in_own:
            return self._merged(at, base_at, own_at)
        return self._copied(at, self._own, own_at) if in_own else self._copied(at, self._base, base_at)

    def _copied(self, at: KeyPath, document: Document, path: KeyPath) -> Any:
        self._note(at, document, path)
        value = _value(document, path)
        if isinstance(value, dict):
            return {key: self._copied((*at, key), document, (*path, key)) for key in value}
        if isinstance(value, list):
            return [self._copied((*at, index), document, (*path, index)) for index in range(len(value))]
        return value

    def _note(self, at: KeyPath, document: Document, path: KeyPath) -> None:
        if path in document.places:  # what an alias repeats has no places of its own
            self._places[at] = document.places[path]
        if path in document.keys:
            self._keys[at] = document.keys[path]
        if document is self._base:
            self._sources[at] = document.source


def _other_kind(base: dict[str, Any], own: dict[str, Any]) -> bool:
    """Whether a fault is replaced by one of another kind: nothing of it fits there."""
    return "kind" in base and "kind" in own and base["kind"] != own["kind"]


def _name(entry: Any, key: str) -> str | None:
    """What an entry is called; nothing where that is no text, which is the models' concern."""
    name = child(entry, key)
    return name if isinstance(name, str) else None


def _value(document: Document, path: KeyPath) -> Any:
    value = document.value
    for step in path:
        value = child(value, step)
    return value
