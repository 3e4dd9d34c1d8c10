"""Helpers for tests of flows, on real and on virtual time alike (RUNTIME contract 1.23)."""

from __future__ import annotations

import asyncio
import inspect
from collections import OrderedDict, deque
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from penguiflow.core import Context
from penguiflow.errors import FlowErrorCode
from penguiflow.node import Node
from penguiflow.types import Headers, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from penguiflow.core import PenguiFlow
    from penguiflow.metrics import FlowEvent
    from penguiflow.registry import ModelRegistry

TRACES_KEPT = 64
EVENTS_KEPT_PER_TRACE = 10_000


class _History:
    """A middleware that keeps the newest events of the newest traces."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, deque[FlowEvent]] = OrderedDict()
        self._flows: WeakSet[PenguiFlow] = WeakSet()

    def follow(self, flow: PenguiFlow) -> None:
        """Record what happens in `flow` from now on; asking again changes nothing."""
        if flow not in self._flows:
            self._flows.add(flow)
            flow.add_middleware(self)

    def begin(self, trace_id: str) -> None:
        """Forget an earlier run of this trace."""
        self._traces.pop(trace_id, None)

    def events(self, trace_id: str) -> tuple[FlowEvent, ...]:
        """What happened in a trace, oldest first."""
        return tuple(self._traces.get(trace_id, ()))

    async def __call__(self, event: FlowEvent) -> None:
        self.observe(event)

    def observe(self, event: FlowEvent) -> None:
        """Keep `event`; the trace in which nothing happened for the longest makes room."""
        if event.trace_id is None:
            return
        self._traces.setdefault(event.trace_id, deque(maxlen=EVENTS_KEPT_PER_TRACE)).append(event)
        self._traces.move_to_end(event.trace_id)
        if len(self._traces) > TRACES_KEPT:
            self._traces.popitem(last=False)


_history = _History()


async def run_one(
    flow: PenguiFlow, message: Message, *, registry: ModelRegistry | None = None, timeout_s: float | None = 1.0
) -> Any:
    """Run `flow` for one message: start it, emit, fetch the first result, stop it.

    Args:
        flow: the flow, not running.
        message: what to emit.
        registry: the flow's models, if it has any.
        timeout_s: bound on emit and fetch together, in seconds of the running loop; `None` is no bound.

    Returns:
        The first thing that left the flow, as it is: a `Message`, a bare value or a `FlowError`.

    Raises:
        TypeError: `message` is no `Message`.
        TraceEnded: the trace ended without a result; raised at once, also before the timeout.
        TimeoutError: the trace was still open after `timeout_s`; the text says where it stood.

    """
    if not isinstance(message, Message):
        raise TypeError(
            f"run_one needs a Message instance; got {type(message).__name__}. "
            "Wrap it: Message(payload=..., headers=Headers(tenant='test'))"
        )
    _history.follow(flow)
    flow.run(registry=registry)
    _history.begin(message.trace_id)
    try:
        return await _roundtrip(flow, message, timeout_s)
    finally:
        await flow.stop()


async def _roundtrip(flow: PenguiFlow, message: Message, timeout_s: float | None) -> Any:
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            await flow.emit(message, trace_id=message.trace_id)
            return await flow.fetch(trace_id=message.trace_id)
    except TimeoutError as error:
        if not limit.expired():  # the trace ended: `TraceEnded` says how
            raise
        raise TimeoutError(
            f"trace {message.trace_id} gave no result within {timeout_s} s; {_standing(message.trace_id)}. "
            "Give run_one a larger timeout_s, or the flow shorter timeouts and backoffs"
        ) from error


def _standing(trace_id: str) -> str:
    """The last thing that happened, such as `last event: node_retry of 'fetch', attempt 1 (sleep_s=1.0)`."""
    events = get_recorded_events(trace_id)
    if not events:
        return "no node had started"
    last = events[-1]
    extra = ", ".join(f"{key}={value}" for key, value in last.extra.items())
    return f"last event: {last.event_type} of {last.node_name!r}, attempt {last.attempt}" + (
        f" ({extra})" * bool(extra)
    )


def get_recorded_events(trace_id: str) -> tuple[FlowEvent, ...]:
    """The events of a trace that went through `run_one`, oldest first; empty if there are none.

    One process keeps the newest 64 traces, and of each the last run's newest 10,000 events.
    """
    return _history.events(trace_id)


def assert_node_sequence(trace_id: str, expected: Sequence[str]) -> None:
    """Fail unless the nodes started in this order; a node that starts several times in a row (a retry) counts once.

    Args:
        trace_id: a trace that went through `run_one`.
        expected: names of nodes.

    Raises:
        AssertionError: another sequence, or nothing is recorded of the trace.

    """
    events = get_recorded_events(trace_id)
    if not events:
        raise AssertionError(
            f"No recorded events for trace {trace_id!r}; only traces that went through run_one are recorded, "
            f"and of those the newest {TRACES_KEPT}"
        )
    started = [event.node_name for event in events if event.event_type == "node_start"]
    sequence = [name for name, _ in groupby(started)]
    if sequence != list(expected):
        raise AssertionError(f"nodes of trace {trace_id!r} started as {sequence}; expected {list(expected)}")


@dataclass(slots=True)
class Simulation:
    """What a simulated error did so far.

    Args:
        node_name: the node that it stands for.
        code: the failure that it stands for.
        fail_times: how many calls fail.
        attempts: calls so far.
        failures: calls that failed so far.

    """

    node_name: str
    code: str
    fail_times: int
    attempts: int = 0
    failures: int = 0


class SimulatedError:
    """An async handler `(message, ctx)` that fails on its first calls; made by `simulate_error`.

    Attributes:
        simulation: how often it was called, and how often it failed.

    """

    def __init__(
        self, simulation: Simulation, exception_type: Callable[[str], BaseException], answer: Callable[[Any], Any]
    ) -> None:
        self.__name__ = simulation.node_name
        self.simulation = simulation
        self._exception_type = exception_type
        self._answer = answer

    async def __call__(self, message: Any, ctx: Any) -> Any:  # noqa: ARG002 - the shape of a handler
        """Fail if it is too early to succeed."""
        simulation = self.simulation
        simulation.attempts += 1
        if simulation.failures < simulation.fail_times:
            simulation.failures += 1
            raise self._exception_type(
                f"[{simulation.code}] simulated failure {simulation.failures} of {simulation.fail_times} "
                f"in node {simulation.node_name!r}"
            )
        answer = self._answer(message)
        return await answer if inspect.isawaitable(answer) else answer


def simulate_error(
    node_name: str,
    code: FlowErrorCode | str,
    *,
    fail_times: int = 1,
    result: Any = None,
    result_factory: Callable[[Any], Any] | None = None,
    exception_type: Callable[[str], BaseException] = RuntimeError,
) -> SimulatedError:
    """A handler that fails `fail_times` times, then succeeds.

    Args:
        node_name: the node that it stands for; named in the exception's text.
        code: the failure that it stands for; named in the exception's text.
        fail_times: how many calls fail.
        result: what later calls give; the message itself if left out.
        result_factory: makes what later calls give from the message; may be async.
        exception_type: what a failing call raises, made from one text.

    Raises:
        ValueError: `fail_times` is less than 1, or both `result` and `result_factory` were given.

    """
    if fail_times < 1:
        raise ValueError(f"fail_times must be at least 1; got {fail_times}")
    if result is not None and result_factory is not None:
        raise ValueError("Specify only one of result and result_factory")
    text = code.value if isinstance(code, FlowErrorCode) else code
    answer = result_factory or (lambda message: message if result is None else result)
    return SimulatedError(Simulation(node_name, text, fail_times), exception_type, answer)


async def assert_preserves_message_envelope(
    node: Node | Callable[[Any, Any], Coroutine[Any, Any, Any]],
    *,
    message: Message | None = None,
    ctx: Any = None,
) -> Message:
    """Fail unless a node answers a message with a message of the same headers and trace id.

    Args:
        node: the node, or its async function.
        message: what it gets; one of tenant `test` if left out.
        ctx: its context; one that belongs to no flow if left out.

    Returns:
        The node's answer.

    Raises:
        AssertionError: the envelope is lost or changed.
        TypeError: `node` is not async.

    """
    node = _as_node(node)
    sent = message or Message(payload={"ping": True}, headers=Headers(tenant="test"))
    headers, trace_id = sent.headers.model_copy(), sent.trace_id  # the node may change the message that it gets
    answer = await node.invoke(sent, Context(node) if ctx is None else ctx, registry=None)
    if not isinstance(answer, Message):
        raise AssertionError(  # noqa: TRY004 - what an assertion raises
            f"node {node.label!r} returned {type(answer).__name__} and not a Message, so headers and trace_id are lost"
        )
    _assert_same(node, "headers", headers, answer.headers)
    _assert_same(node, "trace_id", trace_id, answer.trace_id)
    return answer


def _as_node(node: Node | Callable[[Any, Any], Coroutine[Any, Any, Any]]) -> Node:
    if isinstance(node, Node):
        return node
    try:
        return Node(node)
    except TypeError as error:
        raise TypeError(f"assert_preserves_message_envelope expects an async node: {error}") from error


def _assert_same(node: Node, field: str, sent: object, returned: object) -> None:
    if sent != returned:
        raise AssertionError(
            f"node {node.label!r} changed the message's {field} from {sent!r} to {returned!r}. "
            "Return message.model_copy(update={'payload': ...})"
        )
