"""From the arguments of `sim.fault.KIND(...)` to the model of a fault, and from its objections to plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from sim.loader.document import Document
from sim.loader.explain import problems_of
from sim.loader.source import Source
from sim.loader.words import unknown
from sim.model.faults import FAULT_KINDS, Fault
from sim.model.fields import Model, Where

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.loader import Problem
    from sim.model.scenario import FaultBase

__tracebackhide__ = True  # for pytest: an error belongs to the line of the test

ELSEWHERE = {
    "crash": "it builds the flow anew, and a test builds its own",
    "retry_storm": "it brings callers of its own",
}
"""Kinds that a block of a test cannot have, and why."""

_SETTLED = ("id", "kind", "where", "window")  # by the function's name, by the flat arguments, and by the block


class _Holder(Model):
    """The part of a scenario that faults stand in, so that objections read as they do there."""

    faults: tuple[Fault, ...]


_MODELS: dict[str, type[FaultBase]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(get_args(Fault)[0])
}


def kinds() -> list[str]:
    """The kinds of faults that a test can have."""
    return [kind for kind in FAULT_KINDS if kind not in ELSEWHERE]


def parameters(kind: str) -> list[str]:
    """The arguments of one kind: its own fields, then those that say which calls it may hit."""
    own = [name for name in _fields(kind) if name not in _SETTLED]
    return [*own, *(name for name in Where.model_fields if name not in own)]


def about(kind: str) -> str:
    """What a kind of fault does, in one line."""
    return (_MODELS[kind].__doc__ or "").partition("\n")[0]


def make(kind: str, number: int, given: dict[str, Any]) -> tuple[FaultBase, dict[str, Callable[..., Any]]]:
    """The fault, and the objects that its texts stand for.

    Args:
        kind: which kind.
        number: the how-many-th fault of the test it is.
        given: its arguments; a class or function may stand where a file names one.

    Raises:
        TypeError: an argument that the kind does not have.
        ValueError: a value that does not fit, or one that is missing.

    """
    _refuse_unknown(kind, given)
    objects = {_code(value): value for value in given.values() if callable(value)}
    plain = {name: _code(value) if callable(value) else value for name, value in given.items()}
    own = _fields(kind)
    raw: dict[str, Any] = {"id": f"{kind.replace('_', '-')}-{number}", "kind": kind}
    raw |= {name: value for name, value in plain.items() if name in own}
    if where := {name: value for name, value in plain.items() if name not in own}:
        raw["where"] = where
    try:
        return _Holder.model_validate({"faults": [raw]}).faults[0], objects
    except ValidationError as error:
        problems = problems_of(error, Document({"faults": [raw]}, Source("", ()), {}, {}, ()))
        told = "; ".join(_told(problem) for problem in problems)
        raise ValueError(f"sim.fault.{kind}: {told}") from None


def _fields(kind: str) -> list[str]:
    return [field.alias or name for name, field in _MODELS[kind].model_fields.items()]


def _refuse_unknown(kind: str, given: dict[str, Any]) -> None:
    known = parameters(kind)
    for name in given:
        if name == "window":
            raise TypeError(f"sim.fault.{kind}: window is no argument here; the block is the window; leave it out")
        if name not in known:
            text = "; ".join(part for part in unknown("argument", name, known) if part)
            raise TypeError(f"sim.fault.{kind}: {text}")


def _told(problem: Problem) -> str:
    path = problem.path.removeprefix("faults[0]").removeprefix(".").removeprefix("where.")
    sentence = "; ".join(part for part in (problem.message, problem.rule, problem.fix) if part)
    return f"{path}: {sentence}" if path else sentence


def _code(value: Any) -> str:
    """The text that a scenario file would have for a class or function."""
    return f"{value.__module__}:{value.__name__}"
