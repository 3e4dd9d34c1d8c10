"""On whose behalf something outside is called: the attempt that runs where the call is made."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penguiflow import Call


@dataclass(slots=True)
class Turn:
    """One attempt of a node, for as long as it lasts, and what it leaves behind."""

    call: Call
    over: bool = False


_turn: ContextVar[Turn | None] = ContextVar("penguiflow_sim_acting", default=None)


def acting() -> Turn | None:
    """The attempt that this code works for; nothing where none began it."""
    return _turn.get()


class TurnWatch:
    """Stands around attempts, so that `acting` knows of them."""

    acts = ("attempt",)

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out the attempt; tasks and threads that it makes with its context work for it, too."""
        turn = Turn(call)
        token = _turn.set(turn)
        try:
            return await proceed()
        finally:
            turn.over = True
            _turn.reset(token)
