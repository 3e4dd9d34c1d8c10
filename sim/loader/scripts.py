"""The files that a simulated language model answers from: a script in YAML, or a cassette with a JSON object a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from sim.loader.errors import Problem, ScenarioError, shown_path
from sim.loader.schema import child
from sim.loader.source import read_text
from sim.loader.words import listing, suggestion
from sim.loader.yaml12 import parse
from sim.model.llm import Script
from sim.model.rules import BrokenRule, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from sim.loader.document import Document, KeyPath

_SCRIPT_RULE = "a script is a mapping with rules or turns"
_LINE_RULE = 'a line of a cassette is {"request": {...}, "response": {...}}'


def load_script(path: Path) -> Script:
    """Read one script.

    Raises:
        ScenarioError: with everything that is wrong with the file.

    """
    document = parse(shown_path(path), read_text(path))
    if not isinstance(document.value, dict):
        message, fix = f"the file holds {shown(document.value)}", "begin with rules:"
        raise ScenarioError([*document.problems, document.problem((), message, rule=_SCRIPT_RULE, fix=fix)])
    try:
        script = Script.model_validate(document.value)
    except ValidationError as error:
        problems = [_problem(details, document) for details in error.errors(include_url=False)]
        raise ScenarioError([*document.problems, *problems]) from None
    if document.problems:
        raise ScenarioError(document.problems)
    return script


def load_exchanges(path: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Read one cassette: pairs of a request and its chat completion.

    Raises:
        ScenarioError: with every line that cannot be used.

    """
    exchanges, problems = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            exchanges.append(_exchange(line))
        except ValueError as error:
            fix = "record it again, or remove the line"
            problems.append(Problem(shown_path(path), number, 1, "", str(error), _LINE_RULE, fix, line))
    if not exchanges and not problems:
        problems.append(Problem(shown_path(path), 0, 0, "", "the cassette is empty", _LINE_RULE, "record something"))
    if problems:
        raise ScenarioError(problems)
    return exchanges


def _exchange(line: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ValueError(f"the line is no JSON: {error}") from None
    request, response = child(value, "request"), child(value, "response")
    if not isinstance(child(request, "messages"), list):
        raise ValueError("the line has no request.messages")  # noqa: TRY004 - a line of a file, not an argument
    if not isinstance(child(child(child(response, "choices"), 0), "message"), dict):
        raise ValueError("the line has no response.choices[0].message")  # noqa: TRY004 - as above
    return request, response


def _problem(details: ErrorDetails, document: Document) -> Problem:
    path: KeyPath = details["loc"]
    broken = details.get("ctx", {}).get("error")
    if isinstance(broken, BrokenRule):
        return document.problem((*path, *broken.at), broken.message, rule=broken.rule, fix=broken.fix)
    if details["type"] == "extra_forbidden":
        known = list(_keys_at(path[:-1]))
        close = suggestion(str(path[-1]), known)
        rule = None if close else f"the keys here are {listing(known)}"
        return document.problem(path, "unknown key", rule=rule, fix=close or "remove it", at_key=True)
    if details["type"] == "missing":
        return document.problem(path, "missing", rule="this key is required", fix=f"add {path[-1]}: ...")
    message = f"{shown(details['input'])} does not fit here"
    return document.problem(path, message, rule=details["msg"].lower(), fix="correct the value")


def _keys_at(path: KeyPath) -> Iterator[str]:
    """The keys of the mapping at `path` of a script."""
    model: type[BaseModel] = Script
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            model = next(_models_in(model.model_fields[step].annotation), model)
    return iter(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field of this type holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from _models_in(argument)
