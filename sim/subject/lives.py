"""One life of a subject: from its start to its death, after which nothing of it acts or is heard."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import Context
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sim.kernel.crash import inside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from penguiflow import Call, FlowEvent, Interceptor
    from sim.kernel.loop import SimLoop
    from sim.subject.protocol import Answer, Subject

T = TypeVar("T")
_Place = tuple[str, str | None, str | None, str | None]


class Life:
    """A subject as long as it lives.

    A new process counts the calls of a trace from the beginning. Here they
    go on from those of earlier lives, so that each call of a run has a name
    of its own, and chance does not repeat itself.

    Args:
        build: makes what lives; it starts from nothing, as a new process does.
        loop: the run's loop.
        before: how many calls each place made in earlier lives.

    Attributes:
        dead: whether it is dying, or has died.
        over: done when nothing of it moves any more.
        serving: the task that waits for the end of each request, by trace.

    """

    def __init__(self, build: Callable[[], Subject], loop: SimLoop, before: Counter[_Place] | None = None) -> None:
        self._context = Context()
        self._loop = loop
        self.subject = self._context.run(build)
        self.dead = False
        self.over: asyncio.Future[None] = loop.create_future()
        self.serving: dict[str, asyncio.Task[Answer]] = {}
        self._before = Counter[_Place]() if before is None else before
        self._met: Counter[_Place] = Counter(self._before)

    def next(self, build: Callable[[], Subject]) -> Life:
        """The life after this one."""
        return Life(build, self._loop, self._met)

    def begin(self, work: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
        """Start a task that belongs to this life."""
        return inside(self._loop, work, name=name, context=self._context)

    def install(self, interceptor: Interceptor) -> None:
        """Stand `interceptor` around every act of this life."""
        self.subject.install(_InLife(interceptor, self))

    def listen(self, observer: Callable[[FlowEvent], None]) -> None:
        """Hand every event of this life to `observer`."""
        self.subject.listen(partial(self._tell, observer))

    def withdraw(self, trace_id: str) -> None:
        """Take back a request that is being handed in."""
        work = self.serving.pop(trace_id, None)
        if work is not None and not self.dead:
            work.cancel()

    async def within(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What `work` comes to as a task of this life; nothing when the life is over before."""
        task = self.begin(work)
        either: list[asyncio.Future[Any]] = [task, self.over]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None

    def numbered(self, call: Call) -> Call:
        """The same call, counted over all lives."""
        place = (call.act, call.node, call.name, call.trace_id)
        before = self._before[place]
        self._met[place] = max(self._met[place], before + call.occurrence + 1)
        return replace(call, occurrence=before + call.occurrence) if before else call

    def _tell(self, observer: Callable[[FlowEvent], None], event: FlowEvent) -> None:
        if not self.dead:
            observer(event)


class _InLife:
    """An interceptor as a mortal subject meets it."""

    def __init__(self, interceptor: Interceptor, life: Life) -> None:
        self._interceptor = interceptor
        self._life = life
        acts = getattr(interceptor, "acts", None)
        if acts is not None:
            self.acts = acts

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        if self._life.dead:
            await asyncio.get_running_loop().create_future()
        return await self._interceptor.intercept(self._life.numbered(call), proceed)
