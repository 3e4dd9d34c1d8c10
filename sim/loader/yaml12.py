"""YAML 1.2 documents with the place of every key and value, built from the parser's events (SCENARIOS 1.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from sim.loader.core_schema import resolve
from sim.loader.document import Document, dotted
from sim.loader.errors import ScenarioError
from sim.loader.source import Source
from sim.loader.syntax import syntax_problem
from sim.model.rules import BrokenRule, shown

if TYPE_CHECKING:
    from sim.loader.document import KeyPath, Place
    from sim.loader.errors import Problem

DEPTH_LIMIT = 32
ALIAS_LIMIT = 100
VALUE_LIMIT = 100_000

# Some builds of PyYAML come without the C parser; its pure twin gives the same events, more slowly.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(file: str, text: str) -> Document:
    """Read one document.

    Args:
        file: the file's path, for messages.
        text: its content.

    Raises:
        ScenarioError: when the text is no YAML, holds no or several documents, or is built to blow up.

    """
    source = Source(file, tuple(text.splitlines()))
    builder = _Builder(source)
    try:
        for event in yaml.parse(text, Loader=_PARSER):
            builder.feed(event)
    except yaml.YAMLError as error:
        raise ScenarioError([*builder.problems, syntax_problem(source, error)]) from None
    return builder.document()


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    path: KeyPath
    container: list[Any] | dict[str, Any]
    anchor: str | None
    key: str | None = None
    dropped: bool = False
    values: int = 1

    def child_path(self) -> KeyPath:
        step = len(self.container) if isinstance(self.container, list) else self.key
        path = self.path if step is None else (*self.path, step)
        # What is dropped must not be taken for the value that is kept under the same key.
        return (*path, "(dropped)") if self.dropped else path

    def put(self, value: Any, values: int) -> None:
        self.values += values
        if isinstance(self.container, list):
            self.container.append(value)
        elif self.key is not None and not self.dropped:
            self.container[self.key] = value
        self.key, self.dropped = None, False


@dataclass(slots=True)
class _Builder:
    """Puts values together, event by event."""

    source: Source
    problems: list[Problem] = field(default_factory=list)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    _open: list[_Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Any, int] | None] = field(default_factory=dict)
    _roots: list[Any] = field(default_factory=list)
    _aliases: int = 0

    def document(self) -> Document:
        if not self._roots or self._roots[0] is None:
            rule, fix = "a scenario begins with its schema", "write schema: penguiflow.sim/1"
            raise ScenarioError([self.source.problem((0, 0), "the file is empty", rule=rule, fix=fix)])
        return Document(self._roots[0], self.source, self.places, self.keys, tuple(self.problems))

    def feed(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent) and self._roots:
            self._refuse(event, "a second document begins here", "a file holds one scenario", "move it to its own file")
        if isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.NodeEvent):
            self._refuse_tag(event)
            if self._awaits_key():
                self._start_entry(event)
            else:
                self._value(event)

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].container, dict) and self._open[-1].key is None

    def _value(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._add(event, *self._unfolded(event))
        elif isinstance(event, yaml.ScalarEvent):
            value = event.value if event.style else self._resolved(event)
            self._anchor(event.anchor, value, 1)
            self._add(event, value, 1)
        else:
            container: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            self._begin(event, container)

    def _begin(self, event: yaml.NodeEvent, container: list[Any] | dict[str, Any]) -> None:
        if len(self._open) == DEPTH_LIMIT:
            rule = f"values are nested at most {DEPTH_LIMIT} deep"
            self._refuse(event, "this value is nested too deeply", rule, "flatten it")
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # known from here on, but not to be used inside itself
        path = self._mark(event)
        self._open.append(_Open(path, container, event.anchor))

    def _close(self) -> None:
        closed = self._open.pop()
        self._anchor(closed.anchor, closed.container, closed.values)
        self._put(closed.container, closed.values)

    def _add(self, event: yaml.NodeEvent, value: Any, values: int) -> None:
        self._mark(event)
        self._put(value, values)
        if self._open and self._open[-1].values > VALUE_LIMIT:
            rule = f"a file holds at most {VALUE_LIMIT} values, aliases unfolded"
            self._refuse(event, "the file holds too many values", rule, "use fewer aliases")

    def _put(self, value: Any, values: int) -> None:
        if self._open:
            self._open[-1].put(value, values)
        else:
            self._roots.append(value)

    def _mark(self, event: yaml.NodeEvent) -> KeyPath:
        """Note where the next value stands."""
        path = self._open[-1].child_path() if self._open else ()
        place, key_place = _place(event), self.keys.get(path)
        self.places.setdefault(path, place if key_place is None or key_place[0] == place[0] else key_place)
        return path

    def _start_entry(self, event: yaml.NodeEvent) -> None:
        parent = self._open[-1]
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, "this key is no text", "a key is a word", "write key: value")
        key = event.value
        self._anchor(event.anchor, key, 1)
        path = (*parent.path, key)
        parent.key, parent.dropped = key, path in self.keys
        if not event.style:
            self._check_plain_key(event, path)
        if path in self.keys:
            message = f"duplicate key, first given in line {self.keys[path][0]}"
            self._note(event, path, message, "a mapping holds a key once", "remove one of them")
        self.keys.setdefault(path, _place(event))

    def _check_plain_key(self, event: yaml.ScalarEvent, path: KeyPath) -> None:
        if event.value == "<<":
            self._open[-1].dropped = True
            self._note(event, path, "a merge key", "YAML 1.2 has none", "write the keys out")
        elif not isinstance(self._resolved(event), str):
            self._note(event, path, f"the key {event.value} is no text", "keys are text", f"write {event.value!r}")

    def _resolved(self, event: yaml.ScalarEvent) -> Any:
        try:
            return resolve(event.value)
        except BrokenRule as broken:
            path = self._open[-1].child_path() if self._open else ()
            self._note(event, path, broken.message, broken.rule, broken.fix)
            return 1  # passes for a number, so that no second problem follows from this one

    def _anchor(self, name: str | None, value: Any, values: int) -> None:
        if name is not None:
            self._anchors[name] = (value, values)

    def _unfolded(self, event: yaml.AliasEvent) -> tuple[Any, int]:
        self._aliases += 1
        if self._aliases > ALIAS_LIMIT:
            self._refuse(event, "one alias too many", f"a file holds at most {ALIAS_LIMIT}", "write the values out")
        anchored = self._anchors.get(event.anchor or "")
        if anchored is None:
            inside = event.anchor in self._anchors
            message = f"the alias *{event.anchor} " + ("stands inside its own anchor" if inside else "has no anchor")
            self._refuse(event, message, "an alias repeats a value that is complete", "write the value out")
        return anchored

    def _refuse_tag(self, event: yaml.NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            path = self._open[-1].child_path() if self._open else ()
            written = tag.replace("tag:yaml.org,2002:", "!!")
            self._note(event, path, f"the tag {shown(written)}", "values have no tags here", "remove it")

    def _note(self, event: yaml.Event, path: KeyPath, message: str, rule: str, fix: str) -> None:
        self.problems.append(self.source.problem(_place(event), message, path=dotted(path), rule=rule, fix=fix))

    def _refuse(self, event: yaml.Event, message: str, rule: str, fix: str) -> NoReturn:
        problem = self.source.problem(_place(event), message, rule=rule, fix=fix)
        raise ScenarioError([*self.problems, problem])


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
