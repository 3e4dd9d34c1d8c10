"""Controller loops: working memory goes back to its node until a budget is used up (RUNTIME contract 1.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penguiflow.errors import FlowErrorCode
from penguiflow.types import WM, FinalAnswer

if TYPE_CHECKING:
    from typing import Any

    from penguiflow.types import Message


@dataclass(frozen=True, slots=True)
class Turn:
    """What comes of one turn of a loop.

    Args:
        message: the next turn's message, or the last answer.
        exhausted: the budget that is used up, if one is.
        told: the reader is shown the working memory too: no budget bounds the loop.

    """

    message: Message
    exhausted: FlowErrorCode | None = None
    told: bool = False


def hops_of(message: Any) -> int:
    """How many turns the working memory in `message` has made; none where there is none."""
    payload = getattr(message, "payload", None)
    return payload.hops if isinstance(payload, WM) else 0


def turn(hops_before: int, result: Message) -> Turn:
    """Look at the budgets of the working memory that a handler returned after `hops_before` turns."""
    memory: WM = result.payload
    if memory.budget_tokens is not None and memory.tokens_used >= memory.budget_tokens:
        return _ended(result, FlowErrorCode.TOKEN_BUDGET_EXHAUSTED, "Token budget exhausted")
    hops = memory.hops if memory.hops > hops_before else hops_before + 1
    if memory.budget_hops is not None and hops >= memory.budget_hops:
        return _ended(result, FlowErrorCode.HOP_BUDGET_EXHAUSTED, "Hop budget exhausted")
    message = result.model_copy(update={"payload": memory.model_copy(update={"hops": hops})})
    return Turn(message, told=memory.budget_hops is None and memory.budget_tokens is None)


def _ended(result: Message, code: FlowErrorCode, text: str) -> Turn:
    return Turn(result.model_copy(update={"payload": FinalAnswer(text=text)}), exhausted=code)
