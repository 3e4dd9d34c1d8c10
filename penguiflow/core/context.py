"""`Context`: what a node may do while it handles one message (RUNTIME contract 1.8)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from penguiflow.core.intercept import Call, run_through
from penguiflow.effects import digest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from penguiflow.core.engine import Engine
    from penguiflow.core.floe import Delivery, Floe
    from penguiflow.core.flow import PenguiFlow
    from penguiflow.core.graph import Endpoint
    from penguiflow.core.station import Station
    from penguiflow.node import Node

T = TypeVar("T")


class Context:
    """The handle that a handler gets; one for each attempt.

    Args:
        owner: the node (or end of the flow) on whose behalf.
        runtime: the flow.

    Attributes:
        attempt: which try of the node this is, counted from 0.

    """

    __slots__ = ("_delivery", "_engine", "_station", "attempt", "owner", "runtime")

    def __init__(self, owner: Node | Endpoint, runtime: PenguiFlow | None = None) -> None:
        self.owner = owner
        self.runtime = runtime
        self.attempt = 0
        self._engine: Engine | None = None
        self._station: Station | None = None
        self._delivery: Delivery | None = None

    def attach(self, engine: Engine, station: Station, delivery: Delivery) -> None:
        """Bind to one attempt of one delivery; called by the runtime."""
        self._engine = engine
        self._station = station
        self._delivery = delivery
        self.attempt = delivery.attempt

    async def emit(self, msg: Any, to: Node | Sequence[Node] | None = None) -> None:
        """Send `msg` to every successor, or to those named; waits for room.

        Raises:
            KeyError: `to` is no successor.
            RuntimeError: the context belongs to no running flow, or its attempt is over.

        """
        engine, station, delivery = self._attached()
        await engine.emit_from(station, delivery, self.attempt, msg, _as_nodes(to))

    def emit_nowait(self, msg: Any, to: Node | Sequence[Node] | None = None) -> None:
        """Send `msg` without waiting.

        Raises:
            asyncio.QueueFull: an edge has no room; nothing was sent.

        """
        engine, station, delivery = self._attached()
        engine.emit_nowait_from(station, delivery, self.attempt, msg, _as_nodes(to))

    async def fetch(self, from_: Node | None = None) -> Any:
        """Take the next message that waits before this node (over the edge from `from_`, if given)."""
        engine, station, delivery = self._attached()
        floe = self._incoming(from_)
        taken = station.inbox.take(floe)
        while taken is None:
            await station.inbox.wait()
            taken = station.inbox.take(floe)
        return engine.adopt(delivery, taken)

    async def fetch_any(self, from_: Node | None = None) -> Any:
        """The same as `fetch`."""
        return await self.fetch(from_)

    def fetch_nowait(self, from_: Node | None = None) -> Any:
        """Take what waits before this node now; `asyncio.QueueEmpty` if nothing does."""
        engine, station, delivery = self._attached()
        taken = station.inbox.take(self._incoming(from_))
        if taken is None:
            raise asyncio.QueueEmpty("no messages available")
        return engine.adopt(delivery, taken)

    def idempotency_key(self, step: str) -> str:
        """The key for `step` of this trace: the same on every attempt, and again after a restart.

        Raises:
            RuntimeError: the message has no trace id to build a key from.

        """
        trace_id = None if self._delivery is None else self._delivery.trace.trace_id
        if trace_id is None:
            raise RuntimeError(
                "idempotency_key needs a trace id, and this message has none. Send a Message, or build your own key"
            )
        return f"{trace_id}/{step}"

    async def once(self, step: str, func: Callable[[], Awaitable[T]]) -> T:
        """Run `func` at most once for this trace and step; later calls get its first result.

        Raises:
            StepUnknown: an earlier attempt began the step and did not finish it.

        """
        engine, _, _ = self._attached()
        return await engine.once.run(self.idempotency_key(step), func)

    async def effect(
        self,
        name: str,
        func: Callable[[], Awaitable[Any]] | None = None,
        *,
        key: str | None = None,
        args: Any = None,
    ) -> Any:
        """Change the outside world: the one place where a tool call can be seen and broken.

        Args:
            name: the tool or service that is changed.
            func: does it, and gives the result; without one the call itself is the effect.
            key: the idempotency key that the outside world gets.
            args: what it gets besides; only a digest of it stands in events.

        """
        act = func or _nothing
        engine, delivery = self._engine, self._delivery
        if engine is None or delivery is None:
            return await act()
        trace = delivery.trace
        if engine.around["tool"]:
            node = self._label()
            call = Call(
                act="tool", node=node, name=name, trace_id=trace.trace_id, tenant=trace.tenant, attempt=self.attempt,
                occurrence=trace.next_occurrence("tool", node, name), value=args, key=key,
            )  # fmt: skip
            result = await run_through(engine.around["tool"], call, act)
        else:
            result = await act()
        if self._station is not None and engine.events.wanted("effect"):
            extra = {"effect": name, "key": key, "args_digest": digest(args)}
            engine.events.emit("effect", self._station, trace, attempt=self.attempt, extra=extra)
        return result

    def outgoing_count(self) -> int:
        """Number of outgoing edges."""
        return 0 if self._station is None else self._station.outgoing_count()

    def queue_depth_in(self) -> int:
        """Messages that wait before this node."""
        return 0 if self._station is None else self._station.depth_in()

    def queue_depth_out(self) -> int:
        """Messages that wait behind this node."""
        return 0 if self._station is None else self._station.depth_out()

    def _attached(self) -> tuple[Engine, Station, Delivery]:
        if self._engine is None or self._station is None or self._delivery is None:
            raise RuntimeError("Context is not attached to a running flow")
        return self._engine, self._station, self._delivery

    def _incoming(self, from_: Node | None) -> Floe | None:
        station = self._station
        if station is None or not station.incoming:
            raise RuntimeError("context has no incoming floes to fetch from")
        if from_ is None:
            return None
        for floe in station.incoming:
            if floe.source is from_:
                return floe
        raise KeyError(f"Unknown source {from_.name} for {self._label()}")

    def _label(self) -> str:
        return self.owner.name or ""


async def _nothing() -> None:
    return None


def _as_nodes(to: Node | Sequence[Node] | None) -> tuple[Node, ...] | None:
    if to is None:
        return None
    return tuple(to) if isinstance(to, (list, tuple)) else (to,)  # type: ignore[arg-type]
