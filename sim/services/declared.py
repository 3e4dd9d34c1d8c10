"""Nodes that a scenario declares to be effects by themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from penguiflow import Call, Interceptor


class DeclaredEffects:
    """Stands around attempts: each finished body of a declared node is an effect, keyed by its trace and node.

    Args:
        nodes: their names.
        effects: who writes effects down.

    """

    acts = ("attempt",)

    def __init__(self, nodes: Collection[str], effects: Interceptor) -> None:
        self._nodes, self._effects = nodes, effects

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out the attempt, and tell of it where it came to its end."""
        result = await proceed()
        if call.node in self._nodes:
            key = None if call.trace_id is None else f"{call.trace_id}/{call.node}"
            await self._effects.intercept(replace(call, act="tool", name=call.node, key=key), _done)
        return result


async def _done() -> None:
    """What an effect does at the moment when it is told: nothing more."""
