"""Messages and the values that travel in them (RUNTIME contract 1.2)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from penguiflow import ambient


class Headers(BaseModel):
    """Routing facts of an envelope; `tenant` is the boundary that results may not cross."""

    tenant: str
    topic: str | None = None
    priority: int = 0


class Message(BaseModel):
    """An envelope: a payload, its headers and the trace that it belongs to.

    `deadline_s` is an absolute Unix time in seconds, not a duration; write
    `Message.within(seconds, ...)` to give a duration.
    """

    payload: Any
    headers: Headers
    trace_id: str = Field(default_factory=ambient.new_id)
    ts: float = Field(default_factory=ambient.wall)
    deadline_s: float | None = None
    meta: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def within(cls, seconds: float, **fields: Any) -> Message:
        """Make a message whose deadline lies `seconds` from now.

        Args:
            seconds: time allowed from now until the answer, in seconds.
            fields: the other fields of `Message`.

        """
        return cls(deadline_s=ambient.wall() + seconds, **fields)


class StreamChunk(BaseModel):
    """One piece of a stream; `seq` counts from 0 within `stream_id`."""

    stream_id: str
    seq: int
    text: str
    done: bool = False
    meta: dict[str, Any] = Field(default_factory=dict)


class PlanStep(BaseModel):
    """One step that a controller intends to take."""

    kind: Literal["retrieve", "web", "sql", "summarize", "route", "stop"]
    args: dict[str, Any] = Field(default_factory=dict)
    max_concurrency: int = 1


class Thought(BaseModel):
    """A controller's plan and the reason for it."""

    steps: list[PlanStep]
    rationale: str
    done: bool = False


class WM(BaseModel):
    """Working memory of a controller loop, with its hop and token budgets."""

    query: str
    facts: list[Any] = Field(default_factory=list)
    hops: int = 0
    budget_hops: int | None = 8
    tokens_used: int = 0
    budget_tokens: int | None = None
    confidence: float = 0.0


class FinalAnswer(BaseModel):
    """The last word of a trace."""

    text: str
    citations: list[str] = Field(default_factory=list)
