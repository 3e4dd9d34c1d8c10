"""Questions about the models: what may stand at a path of a scenario file."""

from __future__ import annotations

import json
from math import inf
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Discriminator, Tag
from pydantic.fields import FieldInfo

from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from sim.loader.document import KeyPath


class Slot(NamedTuple):
    """What the models allow at one place: a type, and what is said of it."""

    type: Any
    facts: tuple[Any, ...] = ()


def child(value: Any, step: str | int) -> Any:
    """What `step` leads to, or nothing."""
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return None


def union_tag(path: KeyPath, value: Any, document: Any) -> str | None:
    """What pydantic puts behind `path` in the place of an error, because a union stands there.

    Args:
        path: the place.
        value: what stands there.
        document: the whole file's value.

    """
    return next((tag for slot in slots_at(path, document) if (tag := _tag(slot, value)) is not None), None)


def known_keys(path: KeyPath, value: Any) -> list[str]:
    """The keys of the mapping at `path`."""
    return [alias for model in models_at(path, value) for alias, _ in _fields(model)]


def example_of(path: KeyPath, value: Any) -> str | None:
    """An example for the value at `path`, as a scenario file would have it."""
    example = _example(path, value)
    if isinstance(example, dict | list):
        return yaml.safe_dump(example, default_flow_style=True, sort_keys=False, width=inf).strip()
    return example if isinstance(example, str | None) else json.dumps(example)


def _example(path: KeyPath, document: Any) -> Any:
    if not path:
        return None
    *parent, last = path
    if isinstance(last, int):
        return child(_example(tuple(parent), document), 0)
    fields = [field for model in models_at(tuple(parent), document) for name, field in _fields(model) if name == last]
    return fields[0].examples[0] if fields and fields[0].examples else None


def models_at(path: KeyPath, document: Any) -> list[type[BaseModel]]:
    """The models that the mapping at `path` may have; one, unless it is a fault of no known kind."""
    return [slot.type for slot in slots_at(path, document, members=True) if _is_model(slot.type)]


def is_open_at(path: KeyPath, document: Any) -> bool:
    """Whether a mapping of any keys may stand at `path`, such as `args` or `tenants`."""
    return any(get_origin(slot.type) is dict for slot in slots_at(path, document, members=True))


def slots_at(path: KeyPath, document: Any, *, members: bool = False) -> list[Slot]:
    """What the models allow at `path`: several where a fault has no known kind.

    Args:
        path: the place.
        document: the whole file's value; it says which kind a fault is.
        members: the members of a union, instead of the union itself.

    """
    slots, value = [Slot(Scenario)], document
    for step in path:
        value, within = child(value, step), value
        slots = [inner for slot in slots for member in _members(slot, within) for inner in _inside(member, step)]
    return [member for slot in slots for member in _members(slot, value)] if members else slots


def _inside(slot: Slot, step: str | int) -> list[Slot]:
    """What may stand behind `step` in one of these."""
    if _is_model(slot.type):
        return [_of_field(field) for name, field in _fields(slot.type) if name == step]
    arguments = get_args(slot.type)
    if get_origin(slot.type) is dict and isinstance(step, str):
        return [_unwrapped(arguments[1])]
    return [_unwrapped(arguments[0])] if get_origin(slot.type) is tuple and isinstance(step, int) else []


def _members(slot: Slot, value: Any) -> list[Slot]:
    """The members of a union that `value` may be, the slot itself where it is none."""
    if get_origin(slot.type) not in (Union, UnionType):
        return [slot]
    tag = _tag(slot, value)
    members = [_unwrapped(one) for one in get_args(slot.type)]
    chosen = [member for member in members if tag is not None and tag in _tags_of(member)]
    return [inner for member in chosen or members for inner in _members(member, value)]


def _tag(slot: Slot, value: Any) -> str | None:
    for fact in slot.facts:
        by = fact.discriminator if isinstance(fact, FieldInfo | Discriminator) else None
        tag = child(value, by) if isinstance(by, str) else by(value) if callable(by) else None
        if isinstance(tag, str):
            return tag
    return None


def _tags_of(member: Slot) -> list[str]:
    tags = [fact.tag for fact in member.facts if isinstance(fact, Tag)]
    kind = member.type.model_fields.get("kind") if _is_model(member.type) else None
    return tags if kind is None else [*tags, *get_args(kind.annotation)]


def _unwrapped(annotation: Any, facts: tuple[Any, ...] = ()) -> Slot:
    """An annotation without its wrapping: `Annotated` gives up its facts, and `X | None` is an X."""
    if get_origin(annotation) is Annotated:
        return _unwrapped(annotation.__origin__, (*facts, *annotation.__metadata__))
    some = [one for one in get_args(annotation) if one is not NoneType]
    if get_origin(annotation) in (Union, UnionType) and len(some) == 1:
        return _unwrapped(some[0], facts)
    return Slot(annotation, facts)


def _of_field(field: FieldInfo) -> Slot:
    return _unwrapped(field.annotation, (field, *field.metadata))


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in model.model_fields.items()]
