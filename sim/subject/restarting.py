"""A subject whose process can die: another one is built in its place, and gets what is not answered yet.

Requests come as from a broker that delivers at least once: it keeps each one
until it is answered, and after a death hands it to the new flow as it was.
"""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

from sim.kernel.crash import die
from sim.subject.lives import Life
from sim.subject.protocol import Accountable, Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penguiflow import FlowEvent, Interceptor
    from sim.kernel.loop import SimLoop
    from sim.model.targets import Targets
    from sim.subject.protocol import Envelope, Subject

_SERVE = "serve:"
_CANCELLED = Answer("cancelled", detail="cancelled")


@dataclass(slots=True)
class _Order:
    """A request as the broker keeps it.

    Args:
        envelope: the request as it was sent; every delivery gets a copy of its payload.
        accepted: done when a flow has taken it in for the first time.
        answer: how it ended.

    """

    envelope: Envelope
    accepted: asyncio.Future[None]
    answer: asyncio.Future[Answer]


class RestartingSubject:
    """Stands between the callers and flows that die, one after the other.

    What makes a death is up to whoever calls `die`. Everything that a flow
    starts lives in its process, and dies with it (`sim.kernel.crash`); what
    is installed here, and who listens, goes on over all lives.

    Args:
        build: makes a flow; called for each life.
        loop: the run's loop.
        on_death: called at each death, when nothing of the flow moves any more.
        on_redelivery: called with the trace of each request that a new flow gets, and the time of the death.

    Attributes:
        standing: the tasks that there were when the flow that lives now had started.

    Raises:
        BuildError: there is no first flow.

    """

    def __init__(
        self,
        build: Callable[[], Subject],
        loop: SimLoop,
        *,
        on_death: Callable[[], None],
        on_redelivery: Callable[[str, float], None],
    ) -> None:
        self._build = build
        self._loop = loop
        self._on_death = on_death
        self._on_redelivery = on_redelivery
        self._around: list[Interceptor] = []
        self._observers: list[Callable[[FlowEvent], None]] = []
        self._kept: dict[str, _Order] = {}  # what is not answered yet
        self._asked: dict[str, _Order] = {}  # those whose answer is still to be fetched
        self._failure: Exception | None = None
        self._restart_after_s = 0.0
        self._up = False
        self._life = Life(build, loop)
        self.standing: frozenset[asyncio.Task[Any]] = frozenset()

    # What the harness does to a flow

    def targets(self) -> Targets:
        """Those of the flow that lives now."""
        return self._life.subject.targets()

    def install(self, interceptor: Interceptor) -> None:
        """Stand `interceptor` around every act of all lives."""
        self._around.append(interceptor)
        self._life.install(interceptor)

    def listen(self, observer: Callable[[FlowEvent], None]) -> None:
        """Hand every event of all lives to `observer`."""
        self._observers.append(observer)
        self._life.listen(observer)

    async def start(self) -> None:
        """Start the first flow, and somebody who starts the next ones."""
        await self._begin()
        asyncio.create_task(self._supervise(), name="penguiflow:supervisor")  # noqa: RUF006 - the loop's, to its end

    async def send(self, envelope: Envelope) -> None:
        """Hand one request in; waits for a flow that is down, and where the flow pushes back."""
        kept = replace(envelope, payload=_copied(envelope.payload))
        order = _Order(kept, self._loop.create_future(), self._loop.create_future())
        self._kept[envelope.trace_id] = self._asked[envelope.trace_id] = order
        if self._up:
            self._deliver(order, envelope)
        try:
            await order.accepted
        except asyncio.CancelledError:  # the caller goes away before the request is in
            self._forget(envelope.trace_id)
            self._life.withdraw(envelope.trace_id)
            raise

    async def outcome(self, trace_id: str) -> Answer:
        """Wait until one of the flows has answered."""
        order = self._asked[trace_id]
        try:
            return await order.answer
        finally:
            self._asked.pop(trace_id, None)

    async def cancel(self, trace_id: str) -> bool:
        """Cancel the request; one that waits for a new flow is not delivered again."""
        if trace_id not in self._kept:
            return False
        if self._up:
            done = await self._life.within(self._life.subject.cancel(trace_id))
            if done is not None:
                return done
        order = self._kept.pop(trace_id)
        _settle(order.accepted, None)
        _settle(order.answer, _CANCELLED)
        return True

    def depths(self) -> Mapping[str, int]:
        """Messages that wait before each node."""
        return self._life.subject.depths() if self._up else {}

    @property
    def down(self) -> bool:
        """Whether a new flow is still to come.

        Raises:
            BuildError: none will, because it cannot be built.

        """
        if self._failure is not None:
            raise self._failure
        return not self._up

    def residue(self) -> Mapping[str, int]:
        """What the flow that lives last holds."""
        subject = cast("object", self._life.subject)
        return subject.residue() if isinstance(subject, Accountable) else {}

    async def stop(self) -> None:
        """Stop the flow that lives last."""
        await self._life.within(self._life.subject.stop())

    # Death and what comes after it

    async def die(self, restart_after_s: float) -> NoReturn:
        """Let the flow die here and now; called from inside of it, this never returns.

        Args:
            restart_after_s: when the next one starts, in seconds from now.

        """
        if not self._life.dead:
            self._up, self._life.dead = False, True
            self._restart_after_s = restart_after_s
            await die(self._loop, self._note_death)
        await self._loop.create_future()
        raise AssertionError("the dead do not go on")

    def _note_death(self) -> None:
        self._on_death()
        self._life.over.set_result(None)

    async def _supervise(self) -> None:
        while True:
            await self._life.over
            died_s = self._loop.time()
            await asyncio.sleep(self._restart_after_s)
            try:
                self._life = self._life.next(self._build)
                for interceptor in self._around:
                    self._life.install(interceptor)
                for observer in self._observers:
                    self._life.listen(observer)
                await self._begin()
            except Exception as failure:  # noqa: BLE001 - raised again where somebody waits
                self._fail(failure)
                return
            for order in list(self._kept.values()):
                if order.accepted.done():  # whoever still waits to be let in counts that time for itself
                    self._on_redelivery(order.envelope.trace_id, died_s)
                self._deliver(order, replace(order.envelope, payload=_copied(order.envelope.payload)))

    async def _begin(self) -> None:
        await self._life.within(self._life.subject.start())
        self._up = not self._life.over.done()
        self.standing = frozenset(asyncio.all_tasks())

    def _fail(self, failure: Exception) -> None:
        self._failure = failure
        for order in list(self._kept.values()):
            for future in (order.accepted, order.answer):
                if not future.done():
                    future.set_exception(failure)
                    future.exception()  # some of them nobody is going to ask

    def _deliver(self, order: _Order, envelope: Envelope) -> None:
        work = self._life.begin(self._serve(self._life.subject, order, envelope), name=f"{_SERVE}{envelope.trace_id}")
        self._life.serving[envelope.trace_id] = work
        work.add_done_callback(partial(self._ended, order))

    @staticmethod
    async def _serve(subject: Subject, order: _Order, envelope: Envelope) -> Answer:
        await subject.send(envelope)
        _settle(order.accepted, None)
        return await subject.outcome(envelope.trace_id)

    def _ended(self, order: _Order, work: asyncio.Task[Answer]) -> None:
        """The flow has acknowledged the request: it is not delivered again."""
        self._life.serving.pop(order.envelope.trace_id, None)
        if self._kept.get(order.envelope.trace_id) is order:
            del self._kept[order.envelope.trace_id]
        _settle(order.accepted, None)
        if work.cancelled():
            _settle(order.answer, _CANCELLED)
        elif (failure := work.exception()) is None:
            _settle(order.answer, work.result())
        elif not order.answer.done():
            order.answer.set_exception(failure)
            order.answer.exception()  # the caller may have gone

    def _forget(self, trace_id: str) -> None:
        self._kept.pop(trace_id, None)
        self._asked.pop(trace_id, None)


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _copied(payload: Any) -> Any:
    """The payload once more; one that cannot be copied is sent as it is."""
    try:
        return deepcopy(payload)
    except Exception:  # noqa: BLE001 - whatever an object of the user's raises, its request is to be sent
        return payload
