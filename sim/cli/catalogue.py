"""Everything that has a name: faults, metrics, checks, verdicts and exit codes, told from the models themselves."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError

from sim.cli.exits import EXIT_MEANINGS
from sim.model.checks import Check
from sim.model.fault_base import FaultBase
from sim.model.faults import Fault
from sim.model.meanings import CHECK_MEANINGS, METRIC_MEANINGS, VERDICT_MEANINGS
from sim.model.metrics import FINDING_KINDS, METRICS, Metric
from sim.model.units import (
    parse_duration,
    parse_positive_duration,
    parse_positive_rate,
    parse_rate,
    parse_signed_duration,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

FAULT_MODELS: dict[str, type[FaultBase]] = {
    get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in get_args(get_args(Fault)[0])
}
_QUANTITIES: dict[Any, str] = {
    parse_duration: "duration",
    parse_positive_duration: "duration above 0",
    parse_signed_duration: "duration, may be negative",
    parse_rate: "rate",
    parse_positive_rate: "rate above 0",
}
_TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false", "array": "list"}
_UNITS = {"s": "seconds", "x": "a ratio", "/s": "messages a second"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something with a name.

    Args:
        name: what it goes by.
        kind: what sort of thing it is.
        meaning: what it is, in a sentence.

    """

    name: str
    kind: Literal["fault", "metric", "check", "verdict", "exit code"]
    meaning: str


def catalogue() -> list[Entry]:
    """Everything, in the order in which it is listed."""
    return [
        *(Entry(name, "fault", _first_line(model)) for name, model in FAULT_MODELS.items()),
        *(Entry(metric, "metric", METRIC_MEANINGS[metric]) for metric in METRICS),
        *(Entry(check, "check", meaning) for check, meaning in CHECK_MEANINGS.items()),
        *(Entry(verdict, "verdict", meaning) for verdict, meaning in VERDICT_MEANINGS.items()),
        *(Entry(str(int(code)), "exit code", meaning) for code, meaning in EXIT_MEANINGS.items()),
    ]


def explained(entry: Entry) -> str:
    """One entry in full."""
    head = f"{entry.name} ({entry.kind})\n\n  {entry.meaning}\n"
    if entry.kind == "fault":
        return head + _fault_text(FAULT_MODELS[entry.name])
    if entry.kind == "metric":
        return head + _metric_text(entry.name)
    if entry.kind == "check":
        return head + f"\n  always on, without a line in the file; findings: {', '.join(FINDING_KINDS[entry.name])}\n"
    return head


def fault_example(model: type[FaultBase]) -> dict[str, Any]:
    """The shortest fault of a kind that a file may hold, made of the examples of its fields."""
    fields = model.model_fields
    own = [name for name in fields if name not in FaultBase.model_fields]
    examples = {fields[name].alias or name: fields[name].examples[0] for name in own if fields[name].examples}  # type: ignore[index] # just tested
    needed = {name: examples[name] for name in own if fields[name].is_required()}
    base = {"id": f"{needed['kind'].replace('_', '-')}-1", **needed}
    where, window = {"where": {"node": "search"}}, {"window": {"from": "20s", "for": "15s"}}
    optional = [{}, *({name: examples[name]} for name in own if name not in needed and name in examples)]
    tried = [{**base, **beside, **one} for one in optional for beside in ({**where, **window}, window, {})]
    return next(candidate for candidate in tried if _is_valid(model, candidate))


def metric_example(metric: Metric) -> dict[str, Any]:
    """A check of a metric that a file may hold."""
    spec = METRICS[metric]
    stat = "count" if "count" in spec.stats and spec.flags else "p99" if "p99" in spec.stats else spec.stats[0]
    check = {"id": metric.replace(".", "-").replace("_", "-"), "metric": metric}
    if metric == "custom":
        check["check"] = "shop.checks:oversold"
    if stat != "count":
        check["stat"] = stat
    if metric == "fairness":
        return {**check, "stat": "min", "min": 0.8}
    timed = spec.unit == "s" and stat != "count"
    return {**check, "max": "400ms" if timed else 0 if spec.flags or metric == "custom" else 1}


def _fault_text(model: type[FaultBase]) -> str:
    own = [name for name in model.model_fields if name not in (*FaultBase.model_fields, "kind")]
    shared = [name for name in FaultBase.model_fields if name not in own]
    parts = []
    if own:
        parts.append("\n  parameters\n" + "".join(_parameters(model, own)))
    parts.append("\n  as every fault\n" + "".join(_parameters(model, shared)))
    return "".join([*parts, _yaml("faults", fault_example(model))])


def _metric_text(name: str) -> str:
    metric = cast("Metric", name)  # every metric that is listed comes from there
    spec = METRICS[metric]
    unit = _UNITS.get(spec.unit, "yes or no" if spec.flags else "a plain number")
    rows = [
        ("unit", unit),
        ("stat", ", ".join(spec.stats)),
        ("where", ", ".join(spec.where) or "none"),
        ("findings", ", ".join(spec.findings)),
    ]
    table = "".join(f"    {word:10}{text}\n" for word, text in rows)
    keys = [key for key in Check.model_fields if key not in ("id", "metric", "check")]
    return f"\n{table}\n  as every check\n{''.join(_parameters(Check, keys))}{_yaml('checks', metric_example(metric))}"


def _parameters(model: type[BaseModel], names: list[str]) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True)["properties"]
    for name in names:
        field = model.model_fields[name]
        key = field.alias or name
        default = "required" if field.is_required() else _default(field)
        facts = "; ".join(part for part in (_type(field, schema[key]), default) if part)
        yield f"    {key:14}{field.description}\n{'':18}{facts}\n"


def _type(field: FieldInfo, schema: dict[str, Any]) -> str:
    quantities = [_quantity(fact) for fact in (*field.metadata, *_inner_facts(field.annotation))]
    found = [quantity for quantity in quantities if quantity]
    if found:
        return found[0]
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    if "enum" in options[0]:
        return ", ".join(map(str, options[0]["enum"]))
    low, high = (options[0].get(key) for key in ("minimum", "maximum"))
    bounds = f" from {low:g}" + (f" to {high:g}" if high is not None else "") if low is not None else ""
    return _TYPES.get(options[0].get("type", ""), "mapping") + bounds


def _quantity(fact: Any) -> str:
    return _QUANTITIES.get(fact.func, "") if isinstance(fact, BeforeValidator) else ""


def _inner_facts(annotation: Any) -> list[Any]:
    """What is said of the members of a union: `Duration | None` is a duration."""
    members = get_args(annotation)
    facts = [fact for member in members for fact in getattr(member, "__metadata__", ())]
    return facts + [fact for member in members if get_origin(member) is not None for fact in _inner_facts(member)]


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value == () or isinstance(value, BaseModel | dict):
        return ""
    if isinstance(value, bool):
        return f"{str(value).lower()} if left out"
    if isinstance(value, tuple):
        return f"{', '.join(map(str, value))} if left out"
    timed = _type(field, {}).startswith("duration") and isinstance(value, float)
    return f"{_duration(value) if timed else f'{value:g}' if isinstance(value, float) else value} if left out"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:g}ms" if 0 < seconds < 1 else f"{seconds:g}s"


def _yaml(key: str, example: dict[str, Any]) -> str:
    text = yaml.safe_dump(example, default_flow_style=True, sort_keys=False, width=inf).strip()
    return f"\n  example\n    {key}:\n      - {text}\n"


def _is_valid(model: type[FaultBase], value: dict[str, Any]) -> bool:
    try:
        TypeAdapter(model).validate_python(value)
    except ValidationError:
        return False
    return True


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]
