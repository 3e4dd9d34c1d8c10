"""Subflows: a flow that one node runs for one message (RUNTIME contract 1.15)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow.errors import FlowError, TraceCancelled, TraceEnded
from penguiflow.types import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from penguiflow.core.flow import PenguiFlow
    from penguiflow.registry import ModelRegistry

    Playbook = Callable[[], tuple[PenguiFlow, ModelRegistry | None]]


async def call_playbook(
    playbook: Playbook,
    parent_msg: Any,
    timeout: float | None = None,  # noqa: ASYNC109 - the name is part of the contract
    *,
    runtime: PenguiFlow | None = None,
) -> Any:
    """Run a flow of its own for `parent_msg`, and return its result: the payload of an envelope, else the value.

    Cancelling the caller cancels the subflow's trace; the subflow is stopped in any case.

    Args:
        playbook: makes the flow, and the models of its nodes or `None`.
        parent_msg: what is sent into it.
        timeout: the longest wait for the result in seconds.
        runtime: the flow whose trace this belongs to; its interceptors of tool calls stand around those of the subflow.

    Raises:
        FlowError: a node of the subflow has failed for good.
        TimeoutError: there is no result in time, or the subflow ended without one.
        TraceCancelled: the trace is cancelled in `runtime` already.

    """
    trace_id = parent_msg.trace_id if isinstance(parent_msg, Message) else None
    if runtime is not None and trace_id and runtime._has_cancelled(trace_id):  # noqa: SLF001 - the core is one house
        raise TraceCancelled(trace_id)
    flow, registry = playbook()
    if runtime is not None:
        flow._inherit(runtime)  # noqa: SLF001 - the core is one house
    flow.run(registry=registry)
    try:
        async with asyncio.timeout(timeout):
            result = await flow._roundtrip(parent_msg)  # noqa: SLF001 - the core is one house
    except TraceEnded as ended:
        if isinstance(ended.error, FlowError) and ended.status == "error":
            raise ended.error from None
        raise
    finally:
        await flow.stop()
    return result.payload if isinstance(result, Message) else result
