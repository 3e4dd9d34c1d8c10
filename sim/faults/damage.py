"""Answers that come damaged: cut, incomplete, or of the wrong type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from penguiflow import Message
from sim.faults.base import CallFault
from sim.model.faults import CorruptFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from penguiflow import Call

_GONE = object()
_NOT_A_NUMBER = 0


class Corrupt(CallFault[CorruptFault]):
    """The call is carried out, and its answer comes damaged."""

    def describe(self, call: Call) -> str:  # noqa: ARG002 - every hit of this fault is alike
        """What is damaged, and how."""
        fields = ", ".join(self.fault.fields) or "the answer"
        done = {"truncate": "cut in half", "remove": "missing", "retype": "of another type"}[self.fault.how]
        return f"{fields} {done}"

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ARG002 - as above
        """Damage the answer; what asked for it gets it instead of the true one."""
        answer = await proceed()
        if hasattr(answer, "aread") and hasattr(answer, "status_code"):
            return await self._response(answer)
        return damaged(answer, self.fault.how, self.fault.fields)

    async def _response(self, response: Any) -> Any:
        """An HTTP response with its body damaged: JSON by its fields, anything else as text."""
        body = (await response.aread()).decode(errors="replace")
        if self.fault.how == "truncate" and not self.fault.fields:
            text = body[: len(body) // 2]
        else:
            try:
                text = json.dumps(damaged(json.loads(body), self.fault.how, self.fault.fields))
            except ValueError:
                text = str(_spoilt(body, self.fault.how))
        headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
        return type(response)(response.status_code, headers=headers, content=text.encode(), request=response.request)


def damaged(value: Any, how: str, fields: Sequence[str]) -> Any:
    """A copy of `value` with damage; `value` itself stays whole.

    Args:
        value: an answer; of an envelope, the payload is meant.
        how: `truncate`, `remove` or `retype`.
        fields: dotted paths of what is damaged; the whole value where there is none.

    """
    if isinstance(value, Message):
        return value.model_copy(update={"payload": damaged(value.payload, how, fields)})
    if not fields:
        return _spoilt(value, how)
    for field in fields:
        value = _at(value, field.split("."), how)
    return value


def _at(value: Any, path: Sequence[str], how: str) -> Any:
    """`value` with what lies at `path` damaged; as it is where nothing lies there."""
    if not path:
        return _GONE if how == "remove" else _spoilt(value, how)
    step, *rest = path
    if isinstance(value, BaseModel) and step in type(value).model_fields:
        return _in_model(value, step, _at(getattr(value, step), rest, how))
    if isinstance(value, Mapping) and step in value:
        inner = _at(value[step], rest, how)
        return {key: inner if key == step else item for key, item in value.items() if key != step or inner is not _GONE}
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        inner = _at(value[int(step)], rest, how)
        return [*value[: int(step)], *(() if inner is _GONE else (inner,)), *value[int(step) + 1 :]]
    return value


def _in_model(model: BaseModel, name: str, inner: Any) -> BaseModel:
    """A model with another value in one field; a field that is gone is missing, as no validation would let it."""
    if inner is not _GONE:
        return model.model_copy(update={name: inner})
    return type(model).model_construct(**{key: value for key, value in dict(model).items() if key != name})


def _spoilt(value: Any, how: str) -> Any:
    if how == "retype":
        return str(value) if isinstance(value, int | float) else _NOT_A_NUMBER
    if isinstance(value, str | bytes | list | tuple):
        return value[: len(value) // 2]
    if isinstance(value, BaseModel):
        return type(value).model_construct(**_halved(dict(value)))
    return _halved(dict(value)) if isinstance(value, Mapping) else value


def _halved(fields: dict[str, Any]) -> dict[str, Any]:
    """The first half of the fields, as of a text that broke off."""
    return dict(list(fields.items())[: len(fields) // 2])
