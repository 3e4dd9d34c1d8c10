"""The format as a JSON schema for editors (SCENARIOS section 1.4).

Editors speak draft-07, know no `discriminator`, and say of a union only that
nothing in it fits. So a union becomes an `enum` of its kinds and one
`if`/`then` for each, and a key that is misspelt is named where it stands.
"""

from __future__ import annotations

import json
from typing import Any

from sim.model.scenario import SCHEMA_ID, Scenario

Schema = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"
_DEFINITIONS = "#/definitions/"
_WHOLE = "Whole"


def schema_text() -> str:
    """The schema as the bytes that are kept beside scenarios."""
    return json.dumps(scenario_schema(), indent=1, ensure_ascii=False) + "\n"


def scenario_schema() -> Schema:
    """The schema of a scenario file.

    What is required stands apart from what is allowed: a file that extends
    another needs no key that its base may have.
    """
    raw = Scenario.model_json_schema(by_alias=True)
    definitions = raw.pop("$defs")
    whole = {f"{name}{_WHOLE}": _required(one, definitions) for name, one in definitions.items()}
    schema = _rewritten(raw, definitions)
    return {
        "$schema": _DRAFT,
        "title": f"Scenario ({SCHEMA_ID})",
        **schema,
        "required": ["schema"],
        "if": {"required": ["extends"]},
        "else": _required(raw, definitions),
        "definitions": {
            **{name: _rewritten(one, definitions) for name, one in definitions.items()},
            **{name: one for name, one in whole.items() if one},
        },
    }


def _rewritten(schema: Any, definitions: dict[str, Schema]) -> Any:
    """A part of pydantic's schema in draft-07, without what is required and without unions."""
    if isinstance(schema, list):
        return [_rewritten(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    said = {key: value for key, value in schema.items() if key in ("description", "examples", "default")}
    if "$ref" in schema:  # pydantic leaves out what the definition says in the same words
        said = {"description": definitions[_name(schema)]["description"], **said}
    if said.get("default", 0) is None:
        del said["default"]
    rest = {key: value for key, value in schema.items() if key not in (*said, "default", "title", "required")}
    if "properties" in rest:
        rest["properties"] = {key: _rewritten(value, definitions) for key, value in rest["properties"].items()}
        return {**said, **rest}
    return {**said, **_form(rest, definitions)}


def _form(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """What a value may be, once what is said about it is set aside."""
    if "$ref" in schema:
        return {"allOf": [{"$ref": _DEFINITIONS + _name(schema)}]}  # alone, or draft-07 ignores what stands beside it
    if "discriminator" in schema:
        return _union(schema["discriminator"]["mapping"], definitions)
    if "oneOf" in schema:
        text, mapping = sorted(schema["oneOf"], key=lambda one: "$ref" in one)
        return {
            "if": {"type": "object"},
            "then": _rewritten(mapping, definitions),
            "else": _rewritten(text, definitions),
        }
    if "anyOf" in schema:
        return _any_of([_rewritten(one, definitions) for one in schema["anyOf"]])
    return {key: _rewritten(value, definitions) for key, value in schema.items()}


def _union(mapping: dict[str, str], definitions: dict[str, Schema]) -> Schema:
    keys = [key for reference in mapping.values() for key in definitions[reference.rpartition("/")[2]]["properties"]]
    without_kind = {"if": {"not": {"required": ["kind"]}}, "then": {"propertyNames": {"enum": sorted(set(keys))}}}
    return {
        "type": "object",
        "properties": {"kind": {"enum": list(mapping)}},
        "allOf": [*_by_kind(mapping, ""), without_kind],
    }


def _by_kind(mapping: dict[str, str], suffix: str) -> list[Schema]:
    return [
        {
            "if": {"required": ["kind"], "properties": {"kind": {"const": kind}}},
            "then": {"$ref": _DEFINITIONS + _name({"$ref": reference}) + suffix},
        }
        for kind, reference in mapping.items()
    ]


def _any_of(members: list[Schema]) -> Schema:
    """A value or nothing, or one of several plain types."""
    some = [one for one in members if one != {"type": "null"}]
    if all(list(one) == ["type"] for one in members):
        return {"type": [one["type"] for one in members]}
    if len(some) > 1:
        return {"anyOf": members}
    if "type" not in some[0]:
        return {"if": {"type": "null"}, "else": some[0]}
    choices = {key: [*some[0][key], None] for key in ("enum",) if key in some[0]}
    if "const" in some[0]:
        choices = {"enum": [some[0].pop("const"), None]}
    return {**some[0], **choices, "type": [some[0]["type"], "null"]}


def _required(schema: Any, definitions: dict[str, Schema]) -> Schema:
    """Which keys have to be there, at every depth of a part of pydantic's schema, and nothing else."""
    if "$ref" in schema:
        name = _name(schema)
        return {"$ref": f"{_DEFINITIONS}{name}{_WHOLE}"} if _required(definitions[name], definitions) else {}
    if "discriminator" in schema:
        return {"required": ["kind"], "allOf": _by_kind(schema["discriminator"]["mapping"], _WHOLE)}
    for members in (schema.get("oneOf"), schema.get("anyOf")):
        found = [one for member in members or () if (one := _required(member, definitions))]
        if found:
            return {"if": {"type": "object"}, "then": found[0]}
    required = {"required": schema["required"]} if schema.get("required") else {}
    inside = {key: one for key, value in schema.get("properties", {}).items() if (one := _required(value, definitions))}
    below = {
        key: one
        for key in ("items", "additionalProperties")
        if isinstance(schema.get(key), dict) and (one := _required(schema[key], definitions))
    }
    return {**required, **({"properties": inside} if inside else {}), **below}


def _name(schema: Schema) -> str:
    name: str = schema["$ref"].rpartition("/")[2]
    return name
