"""Routing policies: a second opinion on where a router sends a message (RUNTIME contract 1.16)."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias, runtime_checkable

from penguiflow.node import Node

if TYPE_CHECKING:
    from penguiflow.core import Context

RoutingDecision: TypeAlias = Node | str | Sequence[Node | str] | None
"""Where a message goes: a successor, its name, or several of either; `None` or nothing drops it."""


@dataclass(frozen=True)
class RoutingRequest:
    """What a policy decides on.

    Attributes:
        message: what is routed.
        context: the router's context.
        node: the router.
        proposed: the successors that the router would send it to.
        trace_id: the trace of the message, if it has one.

    """

    message: Any
    context: Context
    node: Node
    proposed: tuple[Node, ...]
    trace_id: str | None

    @property
    def node_name(self) -> str:
        """The router's name."""
        return self.node.label

    @property
    def proposed_names(self) -> tuple[str, ...]:
        """The names of the successors that the router would send it to."""
        return tuple(node.label for node in self.proposed)


@runtime_checkable
class RoutingPolicy(Protocol):
    """Has the last word on a route; `select` may be async."""

    def select(self, request: RoutingRequest) -> RoutingDecision | Awaitable[RoutingDecision]:
        """Where the message goes: any successors of the router, proposed or not; `None` drops it."""
        ...


PolicyLike: TypeAlias = RoutingPolicy | Callable[[RoutingRequest], RoutingDecision | Awaitable[RoutingDecision]]
"""A policy, or a plain or async function that is one."""

KeyGetter: TypeAlias = Callable[[RoutingRequest], str | None]


async def evaluate_policy(policy: PolicyLike, request: RoutingRequest) -> RoutingDecision:
    """What `policy` decides on `request`, whichever of its shapes it has."""
    decide = policy.select if isinstance(policy, RoutingPolicy) else policy
    decision = decide(request)
    return await decision if inspect.isawaitable(decision) else decision


class DictRoutingPolicy:
    """Looks the route up by a key of the request.

    Args:
        mapping: the route of each key.
        default: the route of every other key; `None` drops the message.
        key_getter: finds the key of a request; its trace id if left out.

    """

    def __init__(
        self,
        mapping: Mapping[str, RoutingDecision],
        *,
        default: RoutingDecision = None,
        key_getter: KeyGetter | None = None,
    ) -> None:
        self._mapping = dict(mapping)
        self._default = default
        self._key_of = key_getter or _trace_id

    def select(self, request: RoutingRequest) -> RoutingDecision:
        """The route of the request's key."""
        key = self._key_of(request)
        return self._default if key is None else self._mapping.get(key, self._default)

    def update_mapping(self, mapping: Mapping[str, RoutingDecision]) -> None:
        """Add these routes, in place of those of the same keys."""
        self._mapping.update(mapping)

    def set_default(self, default: RoutingDecision) -> None:
        """Send what no key matches there; `None` drops it."""
        self._default = default

    @classmethod
    def from_json(cls, text: str, *, default: RoutingDecision = None, key_getter: KeyGetter | None = None) -> Self:
        """Make a policy from a JSON object that maps keys to names, lists of names, or null.

        Raises:
            TypeError: the JSON is no object.
            json.JSONDecodeError: it is no JSON.

        """
        mapping = json.loads(text)
        if not isinstance(mapping, Mapping):
            raise TypeError(
                f"JSON payload must decode to a mapping; got {type(mapping).__name__}. "
                'Write an object, such as {"trace-1": "node"}'
            )
        return cls(mapping, default=default, key_getter=key_getter)

    @classmethod
    def from_json_file(
        cls, path: str | os.PathLike[str], *, default: RoutingDecision = None, key_getter: KeyGetter | None = None
    ) -> Self:
        """Make a policy from a file with what `from_json` takes; what is wrong with it is raised with its path."""
        text = Path(path).read_text(encoding="utf-8")
        try:
            return cls.from_json(text, default=default, key_getter=key_getter)
        except (TypeError, ValueError) as error:
            error.add_note(f"in the routing policy {os.fspath(path)}")
            raise

    @classmethod
    def from_env(
        cls,
        env_var: str,
        *,
        loader: Callable[[str], Mapping[str, RoutingDecision]] | None = None,
        default: RoutingDecision = None,
        key_getter: KeyGetter | None = None,
    ) -> Self:
        """Make a policy from an environment variable.

        Args:
            env_var: the variable.
            loader: makes the mapping from its text; without one the text is what `from_json` takes.
            default: the route of every other key.
            key_getter: finds the key of a request.

        Raises:
            KeyError: the variable is not set.
            TypeError: its text gives no mapping.

        """
        text = os.environ.get(env_var)
        if text is None:
            raise KeyError(f"Environment variable '{env_var}' not set")
        if loader is None:
            return cls.from_json(text, default=default, key_getter=key_getter)
        mapping = loader(text)
        if not isinstance(mapping, Mapping):
            raise TypeError(f"Policy loader must return a mapping; got {type(mapping).__name__} for {env_var}")
        return cls(mapping, default=default, key_getter=key_getter)


def _trace_id(request: RoutingRequest) -> str | None:
    return request.trace_id
