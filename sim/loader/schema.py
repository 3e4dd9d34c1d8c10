"""Questions about the models: what may stand at a path of a scenario file."""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, Any, get_args

import yaml
from pydantic import BaseModel

from sim.model.faults import delay_form
from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from sim.loader.document import KeyPath


def child(value: Any, step: str | int) -> Any:
    """What `step` leads to, or nothing."""
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return None


def union_tag(path: KeyPath, value: Any) -> str | None:
    """What pydantic puts behind `path` in the place of an error, because a union stands there."""
    if path[:1] != ("faults",):
        return None
    if len(path) == 2:  # noqa: PLR2004 - faults[i]
        kind = child(value, "kind")
        return kind if isinstance(kind, str) else None
    return delay_form(value) if path[2:] == ("delay",) else None


def known_keys(path: KeyPath, value: Any) -> list[str]:
    """The keys of the mapping at `path`."""
    return [alias for model in _models_at(path, value) for alias, _ in _fields(model)]


def example_of(path: KeyPath, value: Any) -> str | None:
    """An example for the value at `path`, as a scenario file would have it."""
    example = _example(path, value)
    if isinstance(example, dict | list):
        return yaml.safe_dump(example, default_flow_style=True, sort_keys=False, width=inf).strip()
    return example if isinstance(example, str | None) else json.dumps(example)


def _example(path: KeyPath, value: Any) -> Any:
    if not path:
        return None
    *parent, last = path
    if isinstance(last, int):
        return child(_example(tuple(parent), value), 0)
    fields = [field for model in _models_at(tuple(parent), value) for alias, field in _fields(model) if alias == last]
    return fields[0].examples[0] if fields and fields[0].examples else None


def _models_at(path: KeyPath, value: Any) -> list[type[BaseModel]]:
    """The models that the mapping at `path` may have; one, unless it is a fault of no known kind."""
    models: list[type[BaseModel]] = [Scenario]
    for step in path:
        value = child(value, step)
        field = next((field for model in models for alias, field in _fields(model) if alias == step), None)
        # A list index, or a tenant's name, leads to the same models as the list or mapping itself.
        models = (field and list(_models_in(field.annotation))) or models
        models = [model for model in models if _kind(model) in (None, child(value, "kind"))] or models
    return models


def _fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from _models_in(argument)


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    return None if field is None else get_args(field.annotation)[0]
