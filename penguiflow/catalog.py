"""What a planner may know of a tool: its models, its effects and its limits (RUNTIME contract 1.24, TOOLS 5.1).

Everything here fails closed: a tool that declares nothing is taken to change
the outside world, and not to bear a second call.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from penguiflow.node import Node
    from penguiflow.registry import ModelRegistry

F = TypeVar("F", bound="Callable[..., Any]")

SideEffect = Literal["pure", "read", "write", "external", "stateful"]
_EFFECTFUL = ("write", "external", "stateful")
_DECLARATION = "__penguiflow_tool__"


class ToolLoadingMode(str, Enum):  # noqa: UP042 - a str mixin, so that a mode compares equal to its text
    """When a planner is shown a tool: from the start, or once it was searched for."""

    ALWAYS = "always"
    DEFERRED = "deferred"


class ToolInputExample(BaseModel):
    """Arguments that a tool could be called with, for a model to learn from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    args: dict[str, Any]
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """Bounds on one call of a tool.

    Args:
        timeout_s: bound on the whole call in seconds, waiting and retries included.
        attempt_timeout_s: bound on each attempt in seconds.
        max_attempts: attempts in all.
        backoff_base_s: seconds before the second attempt; each later wait is twice as long.
        max_backoff_s: no wait is longer than this, in seconds.
        max_concurrency: calls at the same time; `None` is any number.
        cancel_grace_s: how long a cancelled call may clean up, in seconds.
        max_result_chars: longer results are cut.

    Raises:
        ValueError: a value that makes no sense, with the rule.

    """

    timeout_s: float = 30.0
    attempt_timeout_s: float | None = None
    max_attempts: int = 1
    backoff_base_s: float = 0.1
    max_backoff_s: float = 5.0
    max_concurrency: int | None = None
    cancel_grace_s: float = 2.0
    max_result_chars: int = 10_000

    def __post_init__(self) -> None:
        for name in ("timeout_s", "attempt_timeout_s", "backoff_base_s", "max_backoff_s", "cancel_grace_s"):
            value = getattr(self, name)
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be finite and not negative; got {value!r}")
        for name in ("max_attempts", "max_concurrency", "max_result_chars"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1; got {value!r}")


@dataclass(frozen=True, kw_only=True)
class ToolDeclaration:
    """What the author of a tool says about it.

    Args:
        desc: what it is for, for the planner.
        side_effects: what it does to the world; undeclared is `external`.
        tags: words to select it by.
        auth_scopes: scopes that a caller has to hold.
        cost_hint: what a call costs, for the planner.
        latency_hint_ms: how long a call usually takes, in milliseconds, for the planner.
        safety_notes: what to mind, for planner and approver.
        examples: arguments to learn from.
        extra: whatever else an application attaches; copied into a read-only mapping.
        loading_mode: when the planner is shown it.
        idempotent: whether a second call with the same key changes nothing; `None` leaves it to `side_effects`.
        requires_approval: whether a human has to agree to each call; `None` leaves it to the policy.
        limits: bounds on each call.

    Raises:
        ValueError: unknown side effects.

    """

    desc: str
    side_effects: SideEffect = "external"
    tags: tuple[str, ...] = ()
    auth_scopes: tuple[str, ...] = ()
    cost_hint: str | None = None
    latency_hint_ms: int | None = None
    safety_notes: str | None = None
    examples: tuple[ToolInputExample, ...] = field(default=(), hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    loading_mode: ToolLoadingMode = ToolLoadingMode.ALWAYS
    idempotent: bool | None = None
    requires_approval: bool | None = None
    limits: ToolLimits = ToolLimits()

    def __post_init__(self) -> None:
        if self.side_effects not in get_args(SideEffect):
            known = ", ".join(get_args(SideEffect))
            raise ValueError(f"side_effects must be one of {known}; got {self.side_effects!r}")
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))


@dataclass(frozen=True, kw_only=True)
class NodeSpec(ToolDeclaration):
    """One tool of a catalog: a declaration, and what it is about.

    Args:
        node: what runs.
        name: what the planner calls it.
        args_model: its arguments.
        out_model: its result.

    Raises:
        ValueError: retries of an effect that is not idempotent, or an example that does not fit the arguments.

    """

    node: Node
    name: str
    args_model: type[BaseModel]
    out_model: type[BaseModel]

    def __post_init__(self) -> None:
        super().__post_init__()
        attempts = self.limits.max_attempts
        if attempts > 1 and not self.is_idempotent:
            raise ValueError(
                f"tool {self.name!r} has side effects {self.side_effects!r} and max_attempts={attempts}, "
                "but a second attempt may do them twice. Declare idempotent=True if it may not, or leave max_attempts=1"
            )
        for number, example in enumerate(self.examples, start=1):
            self._check_example(number, example)

    @property
    def is_effectful(self) -> bool:
        """Whether a call may change the outside world."""
        return self.side_effects in _EFFECTFUL

    @property
    def is_idempotent(self) -> bool:
        """Whether a second call with the same key does no harm; undeclared, only what changes nothing is."""
        return not self.is_effectful if self.idempotent is None else self.idempotent

    @cached_property
    def schema_digest(self) -> str:
        """SHA-256 over the schemas of arguments and result: it changes when an approval of old must not count."""
        schemas = [self.args_model.model_json_schema(), self.out_model.model_json_schema(mode="serialization")]
        return hashlib.sha256(json.dumps(schemas, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def _check_example(self, number: int, example: ToolInputExample) -> None:
        try:
            self.args_model.model_validate(example.args)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise ValueError(
                f"example {number} of tool {self.name!r} does not fit {self.args_model.__name__}: {problems}"
            ) from error


def tool(
    desc: str | None = None,
    *,
    side_effects: SideEffect = "external",
    tags: Sequence[str] = (),
    auth_scopes: Sequence[str] = (),
    cost_hint: str | None = None,
    latency_hint_ms: int | None = None,
    safety_notes: str | None = None,
    examples: Sequence[ToolInputExample | Mapping[str, Any]] = (),
    extra: Mapping[str, Any] | None = None,
    loading_mode: ToolLoadingMode | str = ToolLoadingMode.ALWAYS,
    idempotent: bool | None = None,
    requires_approval: bool | None = None,
    limits: ToolLimits | None = None,
) -> Callable[[F], F]:
    """Declare an async function as a tool; the function itself stays as it is.

    Args:
        desc: what it is for; the first line of its docstring if left out.
        side_effects: the worst that it does to the world. Undeclared is `external` (the public library: `pure`).
        tags: words to select it by.
        auth_scopes: scopes that a caller has to hold.
        cost_hint: what a call costs, for the planner.
        latency_hint_ms: how long a call usually takes, in milliseconds, for the planner.
        safety_notes: what to mind, for planner and approver.
        examples: arguments to learn from; each an example or a mapping with `args`, `description` and `tags`.
        extra: whatever else an application attaches.
        loading_mode: when the planner is shown it: `always` or `deferred`.
        idempotent: whether a second call with the same key changes nothing.
        requires_approval: whether a human has to agree to each call.
        limits: bounds on each call.

    Raises:
        TypeError: `desc` is no text (also: `@tool` without parentheses), or one text stands where a list belongs.
        ValueError: an unknown word, or an example of the wrong shape.

    """
    if desc is not None and not isinstance(desc, str):
        raise TypeError(f"tool takes a description; got {desc!r}. Write @tool('what it is for') with parentheses")

    def declare(func: F) -> F:
        declaration = ToolDeclaration(
            desc=desc or _first_line(func),
            side_effects=side_effects,
            tags=_words("tags", tags),
            auth_scopes=_words("auth_scopes", auth_scopes),
            cost_hint=cost_hint,
            latency_hint_ms=latency_hint_ms,
            safety_notes=safety_notes,
            examples=tuple(ToolInputExample.model_validate(example) for example in examples),
            extra=extra or {},
            loading_mode=ToolLoadingMode(loading_mode),
            idempotent=idempotent,
            requires_approval=requires_approval,
            limits=limits or ToolLimits(),
        )
        setattr(func, _DECLARATION, declaration)
        return func

    return declare


def build_catalog(nodes: Iterable[Node], registry: ModelRegistry) -> list[NodeSpec]:
    """The tools that `nodes` are, in their order.

    A node's own `timeout_s` is an upper bound on that of its tool. A function
    without a declaration is a tool with side effects `external`.

    Args:
        nodes: the nodes; their names are the tools' names.
        registry: models of arguments and results.

    Raises:
        KeyError: a node has no models in `registry`.
        ValueError: two nodes have one name, or a declaration contradicts itself (see `NodeSpec`).

    """
    specs: dict[str, NodeSpec] = {}
    for node in nodes:
        if node.label in specs:
            raise ValueError(f"two tools are named {node.label!r}; a planner calls tools by name, so names must differ")
        specs[node.label] = _spec(node, registry)
    return list(specs.values())


def _spec(node: Node, registry: ModelRegistry) -> NodeSpec:
    args_model, out_model = registry.models(node.label)
    declared: ToolDeclaration = getattr(node.func, _DECLARATION, None) or ToolDeclaration(desc=_first_line(node.func))
    facts = {item.name: getattr(declared, item.name) for item in fields(declared)}
    if node.policy.timeout_s is not None:
        timeout_s = min(declared.limits.timeout_s, node.policy.timeout_s)
        facts["limits"] = replace(declared.limits, timeout_s=timeout_s)
    return NodeSpec(node=node, name=node.label, args_model=args_model, out_model=out_model, **facts)


def _first_line(func: Callable[..., Any]) -> str:
    """The first line of the docstring; the function's name if it has none."""
    name: str = getattr(func, "__name__", type(func).__name__)
    return (inspect.getdoc(func) or name).partition("\n")[0]


def _words(name: str, words: Sequence[str]) -> tuple[str, ...]:
    if isinstance(words, str):
        raise TypeError(f"{name} must be a list of texts; got one text {words!r}. Write {name}=[{words!r}]")
    return tuple(words)
