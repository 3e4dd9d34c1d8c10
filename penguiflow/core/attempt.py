"""One message through one node, once: in a context of its own, and bounded in time.

The handler is stepped in its worker's own task (a task for each call would
cost more than the rest of the hop), each attempt in a copied
`contextvars.Context`, so that nothing of one trace reaches the next.
"""

from __future__ import annotations

import types
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from penguiflow.core.intercept import Call, run_through

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextvars import Context as ContextVars

    from penguiflow.core.context import Context
    from penguiflow.core.engine import Engine
    from penguiflow.core.floe import Delivery
    from penguiflow.registry import ModelRegistry


class Suspended:
    """A handler that waits for something.

    Args:
        coroutine: the handler.
        variables: the context that it runs in.
        awaited: what it waits for.

    """

    __slots__ = ("awaited", "coroutine", "variables")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], variables: ContextVars, awaited: Any) -> None:
        self.coroutine = coroutine
        self.variables = variables
        self.awaited = awaited


def begin(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a handler up to its first wait: its result, or `Suspended`."""
    variables = copy_context()
    try:
        awaited = variables.run(coroutine.send, None)
    except StopIteration as stop:
        return stop.value
    return Suspended(coroutine, variables, awaited)


@types.coroutine
def finish(suspended: Suspended) -> Generator[Any, Any, Any]:
    """Drive a suspended handler to its end, every step in its own context."""
    coroutine, run = suspended.coroutine, suspended.variables.run
    awaited = suspended.awaited
    while True:
        step: Callable[[Any], Any]
        argument: Any
        try:
            yield awaited
        except BaseException as error:  # noqa: BLE001 - a cancellation belongs to the handler first
            step, argument = coroutine.throw, error
        else:
            step, argument = coroutine.send, None
        try:
            awaited = run(step, argument)
        except StopIteration as stop:
            return stop.value


def call_node(
    engine: Engine, delivery: Delivery, message: Any, ctx: Context, registry: ModelRegistry | None
) -> Coroutine[Any, Any, Any]:
    """The coroutine of one attempt, inside the interceptors and the registered models."""
    node = delivery.floe.target
    interceptors = engine.around["attempt"]
    if not interceptors:
        return node.invoke(message, ctx, registry=registry)
    trace = delivery.trace
    call = Call(
        act="attempt", node=node.label, name=None, trace_id=trace.trace_id, tenant=trace.tenant,
        attempt=delivery.attempt, occurrence=trace.next_occurrence("attempt", node.label, None), value=message,
    )  # fmt: skip
    return run_through(interceptors, call, lambda: node.invoke(message, ctx, registry=registry))
