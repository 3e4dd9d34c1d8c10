"""A seam for code that has none: its functions are wrapped, as nodes or as tools.

A wrapped function runs inside the installed interceptors and tells what it
does in events, as a node of a flow would. Outside of every request it is the
plain function.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections import Counter
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from penguiflow import Call, FlowEvent, ambient
from sim.model.targets import Targets
from sim.subject.protocol import SubjectError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from penguiflow import Interceptor
    from sim.subject.protocol import Envelope

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class _Serving:
    """One request under way: which wrapped functions it has called so far, and which runs now."""

    envelope: Envelope
    calls: Counter[tuple[str, str | None, str | None]] = field(default_factory=Counter)
    running: int = 0

    def call(
        self, act: Literal["attempt", "tool"], node: str | None, name: str | None, *, value: Any, key: str | None = None
    ) -> Call:
        """The identity of the call that comes next."""
        place = (act, node, name)
        occurrence = self.calls[place]
        self.calls[place] += 1
        trace_id, tenant = self.envelope.trace_id, self.envelope.tenant
        return Call(act, node, name, trace_id, tenant, attempt=0, occurrence=occurrence, value=value, key=key)


_serving: ContextVar[_Serving | None] = ContextVar("penguiflow_sim_serving", default=None)
_node: ContextVar[str | None] = ContextVar("penguiflow_sim_node", default=None)


class WrappingSeam:
    """Wraps functions, and carries every call of one through interceptors and to observers.

    A subject without a seam of its own makes one, wraps its functions with
    `node` and `tool`, serves each request inside `serving`, and hands its own
    `targets`, `install` and `listen` on to it.
    """

    def __init__(self) -> None:
        self._nodes: list[str] = []
        self._tools: list[str] = []
        self._around: dict[str, tuple[Interceptor, ...]] = {"attempt": (), "tool": ()}
        self._observers: list[Callable[[FlowEvent], None]] = []

    def node(self, function: Callable[P, Awaitable[R]], *, name: str | None = None) -> Callable[P, Awaitable[R]]:
        """`function`, as a node that a scenario can point at.

        Each call within a request is an attempt of its own, counted by `where.call`.

        Args:
            function: an async function.
            name: the node's name; the function's name without one.

        Raises:
            SubjectError: it is no async function, or the name is taken.

        """
        name = self._registered(self._nodes, "node", function, name)

        @functools.wraps(function)
        async def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            serving = _serving.get()
            if serving is None:
                return await function(*args, **kwargs)
            call = serving.call("attempt", name, None, value=_arguments(function, args, kwargs))
            # The attempt runs in a task of its own context only if its caller makes one: the node is put back by hand.
            token = _node.set(name)
            try:
                return await self._told(serving, call, lambda: function(*args, **kwargs))
            finally:
                _node.reset(token)

        return wrapped

    def tool(
        self,
        function: Callable[P, Awaitable[R]],
        *,
        name: str | None = None,
        key: Callable[P, str | None] | None = None,
    ) -> Callable[P, Awaitable[R]]:
        """`function`, as a tool: an effect on the outside, whose duplicates count.

        Args:
            function: an async function with JSON-like arguments.
            name: the tool's name; the function's name without one.
            key: gives the idempotency key, from the arguments of a call.

        Raises:
            SubjectError: it is no async function, or the name is taken.

        """
        name = self._registered(self._tools, "tool", function, name)

        @functools.wraps(function)
        async def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            serving = _serving.get()
            if serving is None:
                return await function(*args, **kwargs)
            chosen = None if key is None else key(*args, **kwargs)
            call = serving.call("tool", _node.get(), name, value=_arguments(function, args, kwargs), key=chosen)
            return await self._inside(call, lambda: function(*args, **kwargs))

        return wrapped

    @contextmanager
    def serving(self, envelope: Envelope) -> Iterator[None]:
        """Inside, and in tasks that are made inside, wrapped functions work for this request."""
        token = _serving.set(_Serving(envelope))
        try:
            yield
        finally:
            _serving.reset(token)

    def targets(self) -> Targets:
        """The wrapped functions; nothing is said about how many calls may wait before them."""
        return Targets(tuple(self._nodes), dict.fromkeys(self._nodes, 0), tools=tuple(self._tools))

    def install(self, interceptor: Interceptor) -> None:
        """Stand `interceptor` around every call, or around the acts in its `acts`, inside those installed before."""
        acts = getattr(interceptor, "acts", tuple(self._around))
        for act in self._around:
            if act in acts:
                self._around[act] += (interceptor,)

    def listen(self, observer: Callable[[FlowEvent], None]) -> None:
        """Hand every event to `observer`, when it happens."""
        self._observers.append(observer)

    async def _told(self, serving: _Serving, call: Call, act: Callable[[], Awaitable[R]]) -> R:
        """Carry out an attempt, and tell how it begins and ends."""
        started_s = ambient.monotonic()
        serving.running += 1
        ended = "node_success"
        self._tell("node_start", serving, call, started_s)
        try:
            return await self._inside(call, act)
        except asyncio.CancelledError:
            ended = "node_trace_cancelled"
            raise
        except BaseException as error:
            ended = "node_timeout" if isinstance(error, TimeoutError) else "node_error"
            raise
        finally:
            serving.running -= 1
            self._tell(ended, serving, call, started_s)

    async def _inside(self, call: Call, act: Callable[[], Awaitable[R]]) -> R:
        proceed: Callable[[], Awaitable[Any]] = act
        for interceptor in reversed(self._around[call.act]):
            proceed = functools.partial(interceptor.intercept, call, proceed)
        result: R = await proceed()
        return result

    def _tell(self, event_type: str, serving: _Serving, call: Call, started_s: float) -> None:
        if not self._observers:
            return
        event = FlowEvent(
            event_type=event_type,
            ts=ambient.wall(),
            node_name=call.node,
            node_id=call.node,
            trace_id=call.trace_id,
            attempt=call.attempt,
            latency_ms=(ambient.monotonic() - started_s) * 1000,
            queue_depth_in=0,
            queue_depth_out=0,
            outgoing_edges=0,
            queue_maxsize=0,
            trace_pending=None,
            trace_inflight=serving.running,
            trace_cancelled=event_type == "node_trace_cancelled",
            tenant=call.tenant,
        )
        for observer in self._observers:
            observer(event)

    def _registered(self, names: list[str], kind: str, function: object, name: str | None) -> str:
        name = str(name or getattr(function, "__name__", type(function).__name__))
        if not inspect.iscoroutinefunction(function):
            message = f"{kind} {name!r} is no async function"
            raise SubjectError(message, rule="a call that can be late is awaited", fix=f"write async def {name}")
        if name in names:
            rule, fix = f"a scenario points at a {kind} by its name", "give one of them another name="
            raise SubjectError(f"two {kind}s are named {name!r}", rule=rule, fix=fix)
        names.append(name)
        return name


def _arguments(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by the names of their parameters; Python itself complains of those that do not fit."""
    try:
        return dict(inspect.signature(function).bind(*args, **kwargs).arguments)
    except TypeError:
        return {}
