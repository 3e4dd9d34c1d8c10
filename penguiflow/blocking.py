"""Plain functions as nodes: `Node(blocking(func))` runs `func` in a worker thread."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from typing import TYPE_CHECKING, Any

import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from anyio import CapacityLimiter

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

_logger = logging.getLogger("penguiflow.core")


def blocking(
    func: Callable[..., Any], *, limiter: CapacityLimiter | None = None
) -> Callable[[Any, Any], Coroutine[Any, Any, Any]]:
    """A handler that calls the plain function `func` in a worker thread, so that it does not hold up the loop.

    The thread sees the caller's `contextvars`. **A thread cannot be stopped.**
    When an attempt ends early (`timeout_s`, a deadline, a cancelled trace, the
    end of the flow), the flow goes on at once, but `func` runs on: its result
    is thrown away, its side effects still happen, and a retry may run beside
    it. Until it returns it holds its place in `limiter`, so that hung threads
    never exceed the limit; its end is logged on `penguiflow.core` as
    `blocking_late_finish`, with node, trace and attempt. A call that still
    waits for its place is given up without being started. Give `func` a time
    limit of its own below the node's, and `ctx.idempotency_key` for its effects.

    The context is made for the loop: in the thread, read it (`ctx.attempt`,
    `ctx.idempotency_key`), and return what is to be sent.

    Args:
        func: takes `(message, ctx)`, or `(message)` alone.
        limiter: bounds the threads at work; by default all blocking calls of a loop share 40.

    Raises:
        TypeError: `func` is async already, or is no function.
        ValueError: `func` takes something else than one or two positional parameters.

    """
    name = getattr(func, "__name__", type(func).__name__)
    takes_context = _takes_context(func, name)

    async def handler(message: Any, ctx: Any) -> Any:
        arguments = (message, ctx) if takes_context else (message,)
        return await _Call(func, arguments).run(f"penguiflow:blocking:{name}", limiter, _place(message, ctx))

    functools.update_wrapper(handler, func)
    del handler.__wrapped__  # type: ignore[attr-defined]  # its signature is its own: always (message, ctx)
    handler.__name__ = name
    return handler


class _Call:
    """One run of a function in a thread, which outlives whoever waits for it."""

    def __init__(self, func: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._func = func
        self._arguments = arguments
        self._started = False

    async def run(self, name: str, limiter: CapacityLimiter | None, place: dict[str, Any]) -> Any:
        in_thread = anyio.to_thread.run_sync(self._work, abandon_on_cancel=True, limiter=limiter)
        # A task of its own keeps the place in the limiter until the thread ends, whatever becomes of the attempt.
        thread = asyncio.create_task(in_thread, name=name)
        try:
            return await asyncio.shield(thread)
        except asyncio.CancelledError:
            if self._started:
                thread.add_done_callback(functools.partial(_tell_late_finish, place))
            else:
                thread.cancel()
            raise

    def _work(self) -> Any:
        self._started = True
        return self._func(*self._arguments)


def _takes_context(func: Callable[..., Any], name: str) -> bool:
    if not callable(func) or inspect.isclass(func):
        raise TypeError(f"blocking() takes a plain function (message, ctx) or (message); got {func!r}")
    if inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(type(func).__call__):
        raise TypeError(f"blocking() takes a plain function; {name!r} is async already. Write Node({name})")
    parameters = inspect.signature(func).parameters.values()
    if len(parameters) not in (1, 2) or any(parameter.kind not in _POSITIONAL for parameter in parameters):
        raise ValueError(
            f"blocking function {name!r} must take (message, ctx) or (message), by position; "
            f"it takes {inspect.signature(func)}. Bind anything else in a closure or a method"
        )
    return len(parameters) == 2  # noqa: PLR2004 - message and ctx


def _place(message: Any, ctx: Any) -> dict[str, Any]:
    return {
        "node_name": ctx.owner.name,
        "trace_id": getattr(message, "trace_id", None),
        "attempt": ctx.attempt,
    }


def _tell_late_finish(place: dict[str, Any], thread: asyncio.Task[Any]) -> None:
    """Of a failure only the type is told: its text may hold what the message held."""
    error = None if thread.cancelled() else thread.exception()
    if not thread.cancelled():  # it is cancelled where the loop itself ends before the thread
        facts = {**place, "exception_type": None if error is None else type(error).__name__}
        _logger.warning("blocking_late_finish", extra=facts)
