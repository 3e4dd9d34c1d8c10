"""The one seam: whoever wants to stand between a flow and what it does stands here.

Four acts can be intercepted: a node `attempt`, a `send` over an edge, a
`store` operation and a `tool` call. An interceptor gets the identity of the
call and `proceed`; it may wait, fail, skip or repeat the act, or change its
result. With no interceptor installed an act costs nothing extra.

A send goes to the next node, or to `Rookery`, out of the flow. Its interceptor may
return an `asyncio.Task` that goes on with it: the message is in transit, the
sender goes on, and the trace stays open until the task is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Act = Literal["attempt", "send", "store", "tool"]
ACTS: tuple[Act, ...] = get_args(Act)


@dataclass(frozen=True, slots=True)
class Call:
    """Who is about to do what.

    Args:
        act: the kind of act.
        node: the node that acts (the source of a `send`; `None` for a store operation of the flow itself).
        name: what is acted upon: the target of a send, the store method, the tool; `None` for an attempt.
        trace_id: the trace on whose behalf; `None` for a bare payload.
        tenant: the tenant that the trace belongs to.
        attempt: the node's attempt during which it happens, counted from 0.
        occurrence: how many acts of this kind by this node on this name the trace made before, counted from 0.
        value: the message, stored event or tool arguments that the act is about; not to be changed.
        key: the idempotency key of a tool call, if it has one.
        args_digest: the digest of a tool call's `value` as it was given; empty where nobody needed it so far.

    """

    act: Act
    node: str | None
    name: str | None
    trace_id: str | None
    tenant: str | None
    attempt: int
    occurrence: int
    value: Any = None
    key: str | None = None
    args_digest: str = ""


class Interceptor(Protocol):
    """Something that stands around acts of a flow."""

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out `call` through `proceed`, or not, and return its result."""
        ...


async def run_through(interceptors: Sequence[Interceptor], call: Call, act: Callable[[], Awaitable[Any]]) -> Any:
    """Carry out `act` inside every interceptor; the first one installed stands outermost."""
    proceed = act
    for interceptor in reversed(interceptors):
        proceed = _step(interceptor, call, proceed)
    return await proceed()


def _step(interceptor: Interceptor, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    def run() -> Awaitable[Any]:
        return interceptor.intercept(call, proceed)

    return run
