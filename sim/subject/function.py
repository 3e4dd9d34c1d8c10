"""Any async function `handle(request)` as a subject."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow import ambient
from sim.subject.protocol import Answer, SubjectError
from sim.subject.wrapping import WrappingSeam

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from penguiflow import FlowEvent, Interceptor
    from sim.model.targets import Targets
    from sim.subject.protocol import Envelope

_TASK = "handle:"


class FunctionSubject:
    """Calls a function once for each request, each call in a task of its own.

    The function is itself a node, under its own name. What it calls is seen,
    and can be broken, where it was wrapped with the seam.

    Args:
        handle: an async function of one argument, the payload of a request; what it returns is the answer.
        seam: the seam with which its nodes and tools were wrapped; a new one without any.

    Raises:
        SubjectError: `handle` is no async function.

    """

    def __init__(self, handle: Callable[[Any], Awaitable[Any]], seam: WrappingSeam | None = None) -> None:
        self._seam = WrappingSeam() if seam is None else seam
        self._handle = self._seam.node(handle)
        self._tasks: dict[str, asyncio.Task[Answer]] = {}
        self._running = False

    def targets(self) -> Targets:
        """The function, and what was wrapped."""
        return self._seam.targets()

    def install(self, interceptor: Interceptor) -> None:
        """Stand `interceptor` around every call, inside those installed before."""
        self._seam.install(interceptor)

    def listen(self, observer: Callable[[FlowEvent], None]) -> None:
        """Hand every event to `observer`, when it happens."""
        self._seam.listen(observer)

    async def start(self) -> None:
        """Begin to take requests."""
        self._running = True

    async def send(self, envelope: Envelope) -> None:
        """Call the function; this never waits.

        Raises:
            SubjectError: it is not started, or stopped.

        """
        if not self._running:
            rule, fix = "requests go in between start() and stop()", "await start() first"
            raise SubjectError(f"request {envelope.trace_id!r} finds nobody at work", rule=rule, fix=fix)
        task = asyncio.create_task(self._answer(envelope), name=f"{_TASK}{envelope.trace_id}")
        self._tasks[envelope.trace_id] = task

    async def outcome(self, trace_id: str) -> Answer:
        """Wait until the function has returned; the answer is handed out once.

        Raises:
            SubjectError: no such request was sent, or its answer was handed out.

        """
        task = self._tasks.get(trace_id)
        if task is None:
            rule, fix = "an answer is handed out once, to a request that was sent", "send the request first"
            raise SubjectError(f"nothing is known of request {trace_id!r}", rule=rule, fix=fix)
        await asyncio.wait([task])
        self._tasks.pop(trace_id, None)
        return Answer("cancelled", detail="cancelled") if task.cancelled() else task.result()

    async def cancel(self, trace_id: str) -> bool:
        """Cancel the call, if it is under way."""
        task = self._tasks.get(trace_id)
        return task is not None and task.cancel()

    def depths(self) -> Mapping[str, int]:
        """Nothing ever waits before a function."""
        return dict.fromkeys(self.targets().nodes, 0)

    def residue(self) -> Mapping[str, int]:
        """Calls that go on although every caller has its answer or has given up."""
        return {"calls under way": sum(not task.done() for task in self._tasks.values())}

    async def stop(self) -> None:
        """Cancel the calls under way, and wait until they have ended."""
        self._running = False
        under_way = [task for task in self._tasks.values() if not task.done()]
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)

    async def _answer(self, envelope: Envelope) -> Answer:
        deadline_s = envelope.deadline_unix_s
        # A Unix time in a float is exact to less than a microsecond.
        limit = asyncio.timeout(None if deadline_s is None else round(deadline_s - ambient.wall(), 6))
        with self._seam.serving(envelope):
            try:
                async with limit:
                    return Answer("ok", await self._handle(envelope.payload))
            except Exception as error:  # noqa: BLE001 - whatever a request dies of is its outcome
                if isinstance(error, TimeoutError) and limit.expired():
                    return Answer("deadline", detail="DEADLINE_EXCEEDED")
                return Answer("error", detail=type(error).__name__, error=error)
