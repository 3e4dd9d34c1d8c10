"""What flows are often made of: bounded fan-out in a handler, joins and routers (RUNTIME contract 1.16)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter

from penguiflow.node import Node, NodePolicy
from penguiflow.policies import RoutingRequest, evaluate_policy
from penguiflow.types import Message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from penguiflow.core import Context
    from penguiflow.policies import PolicyLike, RoutingDecision

T = TypeVar("T")
R = TypeVar("R")


# -- fan-out in a handler --------------------------------------------------------------------


async def map_concurrent(
    items: Iterable[T], worker: Callable[[T], Awaitable[R]], *, max_concurrency: int = 8
) -> list[R]:
    """What `worker` gives for each of `items`, in their order.

    The first exception cancels the calls under way, lets no other start, and
    is raised as it is. However this ends, nothing of it runs on.

    Args:
        items: what to work on.
        worker: an async function of one item.
        max_concurrency: how many calls run at a time; less than 1 counts as 1.

    """
    waiting = deque(enumerate(items))
    if not waiting:
        return []
    results: dict[int, R] = {}
    reasons: list[BaseException] = []

    def end(reason: BaseException) -> None:
        reasons.append(reason)
        waiting.clear()

    async def lane() -> None:
        while waiting:
            index, item = waiting.popleft()
            try:
                results[index] = await worker(item)
            except BaseException as error:
                if not reasons:
                    end(error)
                elif isinstance(error, asyncio.CancelledError):
                    raise
                raise _LaneFailed from error

    with contextlib.suppress(ExceptionGroup):
        await _in_parallel([lane] * min(max(max_concurrency, 1), len(waiting)), end)
    if reasons:
        raise reasons[0]
    return [results[index] for index in range(len(results))]


class _LaneFailed(Exception):  # noqa: N818 - never seen outside this module
    """Ends the task group, which would take a worker's own `CancelledError` for the end of its task."""


async def _in_parallel(
    lanes: Sequence[Callable[[], Coroutine[Any, Any, None]]], end: Callable[[BaseException], None]
) -> None:
    """Run every lane in a task of its own; `end` is told at once that the caller was cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(lane(), name=f"map_concurrent:{number}") for number, lane in enumerate(lanes)]
        try:
            # Waiting in the group's exit would do, but up to Python 3.12 that leaves its caller marked as cancelled.
            await asyncio.wait(tasks)
        except asyncio.CancelledError as error:
            end(error)
            raise


# -- joins -----------------------------------------------------------------------------------


def join_k(name: str, k: int) -> Node:
    """A node that waits for `k` messages of a trace and sends them on as one.

    Envelopes become the first one with the list of all payloads, in order of
    arrival; anything else becomes a list. What waits belongs to its trace, and
    ends with it.

    Raises:
        ValueError: `k` is less than 1; at run time, a message without a trace id.

    """
    if k <= 0:
        raise ValueError(f"k must be positive; got {k} for {name!r}")

    async def join(message: Any, ctx: Context) -> Any:
        if getattr(message, "trace_id", None) is None:
            raise ValueError(
                f"join_k requires messages with trace_id; node {name!r} got {type(message).__name__}. Send a Message"
            )
        batch = ctx.collect(k)
        return None if batch is None else _as_one(batch)

    return Node(join, name=name, policy=NodePolicy(validate="none"))


def _as_one(batch: list[Any]) -> Any:
    if not all(isinstance(message, Message) for message in batch):
        return batch
    return batch[0].model_copy(update={"payload": [message.payload for message in batch]})


# -- routers ---------------------------------------------------------------------------------


def predicate_router(
    name: str, predicate: Callable[[Any], RoutingDecision], *, policy: PolicyLike | None = None
) -> Node:
    """A node that sends each message where `predicate` says.

    Args:
        name: the node's name.
        predicate: gives successors, their names, or `None` to drop the message.
        policy: has the last word on what `predicate` proposes; not asked where it proposes nothing.

    Raises:
        KeyError: at run time, a name that no successor has.
        TypeError: at run time, a target that is neither a node nor a name.

    """

    async def route(message: Any, ctx: Context) -> None:
        await _forward(message, ctx, predicate(message), policy)

    return Node(route, name=name, policy=NodePolicy(validate="none"))


def union_router(name: str, union_model: Any, *, policy: PolicyLike | None = None) -> Node:
    """A node that sends each message to the successor named after its variant.

    That is the variant's `kind`, or else the name of its class. The successor
    gets the validated model, in the envelope that it came in, if it had one.

    Args:
        name: the node's name.
        union_model: the variants, as a union of pydantic models.
        policy: has the last word on the route.

    Raises:
        KeyError: at run time, a variant that no successor is named after.
        pydantic.ValidationError: at run time, a payload that is none of the variants.

    """
    variants: TypeAdapter[Any] = TypeAdapter(union_model)

    async def route(message: Any, ctx: Context) -> None:
        if isinstance(message, Message):
            variant = variants.validate_python(message.payload)
            message = message.model_copy(update={"payload": variant})
        else:
            variant = message = variants.validate_python(message)
        await _forward(message, ctx, getattr(variant, "kind", None) or type(variant).__name__, policy)

    return Node(route, name=name, policy=NodePolicy(validate="none"))


async def _forward(message: Any, ctx: Context, proposal: RoutingDecision, policy: PolicyLike | None) -> None:
    """Send `message` where it is proposed, if the policy agrees; every target is known before anything is sent."""
    router, successors = _place(ctx)
    targets = _chosen(successors, proposal)
    if targets and policy is not None:
        request = RoutingRequest(message, ctx, router, targets, getattr(message, "trace_id", None))
        targets = _chosen(successors, await evaluate_policy(policy, request))
    if targets:
        await ctx.emit(message, to=targets)


def _place(ctx: Context) -> tuple[Node, dict[str, Node]]:
    """The router, and its successors by name."""
    if ctx.runtime is None or not isinstance(ctx.owner, Node):
        raise RuntimeError("Context is not attached to a running flow")
    return ctx.owner, {node.label: node for node in ctx.runtime.graph.successors(ctx.owner)}


def _chosen(successors: dict[str, Node], decision: RoutingDecision) -> tuple[Node, ...]:
    if decision is None:
        return ()
    if isinstance(decision, Node | str):
        return (_target(successors, decision),)
    if not isinstance(decision, Sequence):
        raise _wrong_target(decision)
    return tuple(_target(successors, target) for target in decision)


def _target(successors: dict[str, Node], target: Node | str) -> Node:
    if isinstance(target, Node):
        return target
    if not isinstance(target, str):
        raise _wrong_target(target)
    if target not in successors:
        raise KeyError(f"No successor named {target!r}; there are: {', '.join(successors) or 'none'}")
    return successors[target]


def _wrong_target(target: object) -> TypeError:
    return TypeError(f"Targets must be Node or str; got {type(target).__name__}. Give one, a list of them, or None")
