"""Where modules keep functions of the real world: under names, in classes, as default values, or out of reach."""

from __future__ import annotations

import ast
import functools
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LEFT_REAL = ("_asyncio", "freezegun", "threading", "queue", "multiprocessing", "subprocess", "selectors", "_pytest")
"""Packages that wait for real threads and processes, or hold the real things themselves."""


class Alias(NamedTuple):
    """An attribute that holds something real, and what to hold instead."""

    owner: Any
    name: str
    real: object
    stand_in: object


@dataclass(frozen=True, slots=True, order=True)
class Uncontrolled:
    """Something real that the flow's code keeps where no stand-in reaches it.

    Args:
        source: what it is, such as `time.time`.
        place: `file:line` of what keeps it.
        how: how it is kept, such as `in CLOCKS`.
        module: the module that keeps it.

    """

    source: str
    place: str
    how: str
    module: str = field(default="", compare=False)

    def __str__(self) -> str:
        return (
            f"uncontrolled source {self.source}, {self.place}: kept {self.how}; "
            "it answers with the machine's own values; call it by its name where it is needed"
        )


class Generator(NamedTuple):
    """A source of random numbers that a module has made for itself.

    Args:
        name: the module and its name there.
        random: the generator.
        state: what it held when it was found: that is where each run starts,
        has_seed: unless it was made without a seed.

    """

    name: str
    random: random.Random
    state: Any
    has_seed: bool


class Pairs:
    """Objects, and what stands for each."""

    def __init__(self, pairs: Iterable[tuple[object, object]]) -> None:
        self._by_id = {id(old): (old, new) for old, new in pairs}

    def new(self, old: object) -> object | None:
        """What stands for `old`; nothing for what is none of ours."""
        if (found := self._by_id.get(id(old))) is not None:
            return found[1]
        kind = type(old)
        if kind is staticmethod:
            inner = self.new(cast("Any", old).__func__)
            return None if inner is None else staticmethod(cast("Any", inner))
        if kind in (BuiltinMethodType, MethodType):  # such as `datetime.now`, taken from its class
            method = cast("Any", old)
            owner = self._by_id.get(id(method.__self__))
            return None if owner is None else getattr(owner[1], method.__name__)
        return None


@dataclass(slots=True)
class Findings:
    """What a search through modules has found."""

    aliases: list[Alias]
    uncontrolled: list[Uncontrolled]
    generators: list[Generator]


def search(modules: Iterable[ModuleType], pairs: Pairs) -> Findings:
    """Find what `pairs` has a new object for, in `modules` and in the classes and functions that they define."""
    found = Findings([], [], [])
    for module in modules:
        # A module may be anything that somebody put into sys.modules; some have no dictionary of their own.
        names = cast("dict[str, Any]", getattr(module, "__dict__", {}))
        home = str(names.get("__name__", ""))
        package = home.partition(".")[0]
        if package in _LEFT_REAL or home.startswith("sim.kernel."):
            continue
        for name, value in list(names.items()):
            _look_at(found, module, name, value, pairs)
            if isinstance(value, type) and value.__dict__.get("__module__") == home:
                _look_into_class(found, value, pairs)
            if package not in sys.stdlib_module_names:
                _look_for_uncontrolled(found, module, name, value, pairs)
    return found


def _look_at(found: Findings, owner: Any, name: str, value: object, pairs: Pairs) -> None:
    """One attribute: an alias itself, or a function with an alias for a default value."""
    new = pairs.new(value)
    if new is not None:
        found.aliases.append(Alias(owner, name, value, new))
    elif type(value) is FunctionType:
        _look_at_defaults(found, value, pairs)


def _look_at_defaults(found: Findings, function: FunctionType, pairs: Pairs) -> None:
    for name, defaults in (("__defaults__", function.__defaults__), ("__kwdefaults__", function.__kwdefaults__)):
        if defaults and (changed := _with_new(defaults, pairs)) is not None:
            found.aliases.append(Alias(function, name, defaults, changed))


def _with_new(defaults: tuple[Any, ...] | Mapping[str, Any], pairs: Pairs) -> tuple[Any, ...] | dict[str, Any] | None:
    values = defaults if isinstance(defaults, tuple) else tuple(defaults.values())
    new = [pairs.new(value) for value in values]
    if not any(value is not None for value in new):
        return None
    changed = tuple(old if value is None else value for old, value in zip(values, new, strict=True))
    return changed if isinstance(defaults, tuple) else dict(zip(defaults, changed, strict=True))


def _look_into_class(found: Findings, kind: type, pairs: Pairs) -> None:
    for name, value in list(vars(kind).items()):
        new = pairs.new(value)
        if type(new) is FunctionType:  # what it stands for is written in C, and does not bind to an instance
            found.aliases.append(Alias(kind, name, value, staticmethod(new)))
        else:
            _look_at(found, kind, name, value, pairs)


def _look_for_uncontrolled(found: Findings, module: ModuleType, name: str, value: object, pairs: Pairs) -> None:
    for held in _held(value):
        # Tables of types hold `datetime` as often as not; only what is called without a further word is a clock.
        if not isinstance(held, type) and pairs.new(held) is not None:
            found.uncontrolled.append(Uncontrolled(_name_of(held), _place(module, name), f"in {name}", module.__name__))
    if type(value) is random.Random:
        has_seed = not _is_made_without_seed(module, name)
        found.generators.append(Generator(f"{module.__name__}.{name}", value, value.getstate(), has_seed))


def _held(value: object) -> Iterator[object]:
    """What a container of a module holds, or an object that a module has made: one step deep, as far as is plain."""
    kind = type(value)
    if kind in (dict, list, tuple):
        yield from cast("dict[Any, Any]", value).values() if kind is dict else cast("list[Any]", value)
    elif kind is functools.partial:
        call = cast("functools.partial[Any]", value)
        yield from (call.func, *call.args, *call.keywords.values())
    elif not isinstance(value, (type, FunctionType, ModuleType)) and kind.__module__ != "builtins":
        yield from _attributes(value)


def _attributes(value: object) -> list[object]:
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except Exception:  # noqa: BLE001 - an object of any library; asking it is a courtesy
        return []
    return list(attributes.values()) if type(attributes) is dict else []


def _name_of(real: Any) -> str:
    inner = getattr(real, "__func__", real)
    return f"{getattr(inner, '__module__', None) or 'datetime'}.{getattr(inner, '__qualname__', inner)}"


def _place(module: ModuleType, name: str) -> str:
    file = str(getattr(module, "__file__", None) or module.__name__)
    depth = module.__name__.count(".") + (2 if PurePath(file).stem == "__init__" else 1)
    node = _assignment(module, name)
    return f"{'/'.join(PurePath(file).parts[-depth:])}:{0 if node is None else node.lineno}"


def _is_made_without_seed(module: ModuleType, name: str) -> bool:
    call = getattr(_assignment(module, name), "value", None)
    return isinstance(call, ast.Call) and not call.args and not call.keywords


def _assignment(module: ModuleType, name: str) -> ast.stmt | None:
    """The statement at the top of a module that binds `name`."""
    try:
        tree = ast.parse(Path(str(module.__file__)).read_bytes())
    except (AttributeError, OSError, SyntaxError, ValueError):
        return None
    for statement in tree.body:
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return statement
    return None
