"""`Node` wraps one async function; `NodePolicy` says how it is run (RUNTIME contract 1.3 and 1.4)."""

from __future__ import annotations

import inspect
import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from penguiflow import ambient
from penguiflow.types import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from penguiflow.registry import ModelRegistry

Validate = Literal["both", "in", "out", "none"]
ExceptionClasses = type[BaseException] | tuple[type[BaseException], ...]


@dataclass(slots=True)
class NodePolicy:
    """How one node is run.

    Args:
        validate: which side the registered models check: `both`, `in`, `out` or `none`.
        timeout_s: bound on each attempt in seconds; 0 allows only what finishes without waiting.
        max_retries: further attempts after the first.
        backoff_base: seconds before the first retry.
        backoff_mult: factor from one wait to the next.
        max_backoff: no wait is longer than this, in seconds.
        cancel_grace_s: how long a cancelled attempt may clean up, in seconds, before its worker is replaced.
        concurrency: how many messages the node handles at a time; with more than one their order may change.
        jitter: the share of each wait that is random, from 0 to 1: 0.5 waits for half of it to all of it.
        retry_on: exception classes that are tried again; all others are not.
        give_up_on: exception classes that are never tried again, whatever `retry_on` says.

    Raises:
        TypeError: `retry_on` or `give_up_on` holds something that is no exception class.
        ValueError: a value that makes no sense, with the rule.

    """

    validate: Validate = "both"
    timeout_s: float | None = None
    max_retries: int = 0
    backoff_base: float = 0.5
    backoff_mult: float = 2.0
    max_backoff: float | None = None
    cancel_grace_s: float = 1.0
    concurrency: int = 1
    jitter: float = 0.0
    retry_on: ExceptionClasses = (BaseException,)
    give_up_on: ExceptionClasses = ()

    def __post_init__(self) -> None:
        if self.validate not in get_args(Validate):
            raise ValueError(f"validate must be one of {', '.join(get_args(Validate))}; got {self.validate!r}")
        for name in ("timeout_s", "backoff_base", "max_backoff", "cancel_grace_s"):
            value = getattr(self, name)
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be finite and not negative; got {value!r}")
        if not self.backoff_mult > 0:
            raise ValueError(f"backoff_mult must be positive; got {self.backoff_mult!r}")
        for name, least in (("max_retries", 0), ("concurrency", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is a share of the wait and must be from 0 to 1; got {self.jitter!r}")
        for name in ("retry_on", "give_up_on"):
            setattr(self, name, _exception_classes(name, getattr(self, name)))

    def retries(self, error: BaseException) -> bool:
        """Whether an attempt that `error` ended may be tried again; an error with `retryable = False` never is."""
        if isinstance(error, self.give_up_on) or not getattr(error, "retryable", True):
            return False
        return isinstance(error, self.retry_on)

    def backoff_s(self, attempt: int) -> float:
        """Seconds to wait before `attempt` (counted from 0; the first attempt never waits)."""
        try:
            delay_s = self.backoff_base * self.backoff_mult ** (attempt - 1)
        except OverflowError:  # beyond what a float can hold
            delay_s = math.inf
        return delay_s if self.max_backoff is None else min(delay_s, self.max_backoff)


@dataclass(slots=True)
class Node:
    """One async function `(message, ctx)` in a flow.

    Args:
        func: the function; an instance with an async `__call__` will do.
        name: its name in the flow; the function's own name if left out.
        policy: how it is run.
        allow_cycle: whether it may be its own successor.

    Raises:
        TypeError: `func` is not async.
        ValueError: `func` does not take exactly two positional parameters.

    """

    func: Callable[..., Coroutine[Any, Any, Any]]
    name: str | None = None
    policy: NodePolicy = field(default_factory=NodePolicy)
    allow_cycle: bool = False
    node_id: str = field(init=False, default_factory=ambient.new_id)

    def __post_init__(self) -> None:
        if self.name is None:
            self.name = getattr(self.func, "__name__", type(self.func).__name__)
        _check_handler(self.func, self.label)

    def __hash__(self) -> int:
        return hash(self.node_id)

    @property
    def label(self) -> str:
        """The node's name, never `None`."""
        return self.name or ""

    def to(self, *nodes: Node) -> tuple[Node, tuple[Node, ...]]:
        """This node with its successors, as `create` takes it."""
        return self, nodes

    async def invoke(self, message: Any, ctx: Any, *, registry: ModelRegistry | None) -> Any:
        """Call the function once, with the registered models applied as the policy says."""
        if registry is None or self.policy.validate == "none":
            return await self.func(message, ctx)
        takes, gives = registry.adapters(self.label)
        if self.policy.validate != "out":
            message = takes.validate_python(message)
        result = await self.func(message, ctx)
        if result is None:
            return None
        if registry.models(self.label)[1] is Message and not isinstance(result, Message):
            _warn_of_lost_envelope(self.label, result)
        return result if self.policy.validate == "in" else gives.validate_python(result)


def as_nodes(to: Node | Sequence[Node] | None) -> tuple[Node, ...] | None:
    """One node, several, or `None` for all of them, as `emit` takes them."""
    if to is None:
        return None
    return (to,) if isinstance(to, Node) else tuple(to)


def _exception_classes(name: str, value: Any) -> tuple[type[BaseException], ...]:
    classes = value if isinstance(value, tuple) else (value,)
    for item in classes:
        if not (isinstance(item, type) and issubclass(item, BaseException)):
            raise TypeError(f"{name} must hold exception classes; got {item!r}. Write {name}=(TimeoutError, OSError)")
    return classes


def _warn_of_lost_envelope(name: str, result: Any) -> None:
    warnings.warn(
        f"Node {name!r} is registered for Message -> Message outputs but returned {type(result).__name__}; "
        "headers and trace id are lost. Return message.model_copy(update={'payload': ...})",
        RuntimeWarning,
        stacklevel=3,
    )


def _is_async(func: Any) -> bool:
    """Whether `func` is an async function or method, or an instance with an async `__call__`."""
    if inspect.isclass(func):
        return False
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(type(func).__call__)


def _check_handler(func: Any, name: str) -> None:
    if not _is_async(func):
        raise TypeError(
            f"Node function must be declared with async def; {name!r} is not. "
            f"Declare it `async def`, or wrap a plain function: Node(blocking({name}))"
        )
    parameters = list(inspect.signature(func).parameters.values())
    if len(parameters) != 2:  # noqa: PLR2004 - message and ctx
        raise ValueError(
            f"Node {name!r} must accept exactly two parameters (message, ctx); got {len(parameters)}. "
            "Bind anything else in a closure or a method"
        )
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(parameter.kind not in positional for parameter in parameters):
        raise ValueError(f"Context parameter must be positional; node {name!r} takes it by keyword")
