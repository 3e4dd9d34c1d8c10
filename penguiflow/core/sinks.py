"""Where a flow writes to: its state store and its message bus, each through the interceptors of store operations."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from penguiflow.core.intercept import Call, run_through

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from penguiflow.bus import BusEnvelope, MessageBus
    from penguiflow.core.engine import Engine
    from penguiflow.state.models import RemoteBinding, StateStore, StoredEvent

_logger = logging.getLogger("penguiflow.core")


class Sinks:
    """A flow's store and bus.

    Args:
        engine: the flow's working parts.
        store: where events are stored, if anywhere.
        bus: what messages are published on, if anything.

    """

    def __init__(self, engine: Engine, store: StateStore | None, bus: MessageBus | None) -> None:
        self._around = engine.around
        self._events = engine.events
        self._published = 0
        self.store = store
        self.bus = bus
        if store is not None:
            engine.events.set_store(self._save_event, type(store).__name__)
        if bus is not None:
            engine.dispatch.bus = engine.events.bus_hook(self._publish, type(bus).__name__)

    async def load_history(self, trace_id: str) -> Sequence[StoredEvent]:
        """Everything stored of a trace, oldest first, including what was emitted up to now."""
        if self.store is None:
            raise RuntimeError("PenguiFlow was created without a state_store; give create(..., state_store=...)")
        await self._events.flush_store()
        return await self.store.load_history(trace_id)

    async def save_binding(self, binding: RemoteBinding) -> None:
        """Store a remote binding, where there is a store; a failure is logged, not raised."""
        if self.store is None:
            return
        save = functools.partial(self.store.save_remote_binding, binding)
        call = Call(
            act="store", node=None, name="save_remote_binding", trace_id=binding.trace_id, tenant=binding.tenant_id,
            attempt=0, occurrence=0, value=binding,
        )  # fmt: skip
        try:
            await self._write(call, save)
        except Exception:
            _logger.exception("state_store_binding_failed", extra={"event": "state_store_binding_failed"})

    async def _save_event(self, event: StoredEvent) -> None:
        if self.store is None:
            return
        call = Call(
            act="store", node=event.node_name, name="save_event", trace_id=event.trace_id, tenant=event.tenant,
            attempt=0, occurrence=event.seq or 0, value=event,
        )  # fmt: skip
        await self._write(call, functools.partial(self.store.save_event, event))

    async def _publish(self, envelope: BusEnvelope) -> None:
        if self.bus is None:
            return
        self._published += 1
        tenant = None if envelope.headers is None else envelope.headers["tenant"]
        call = Call(
            act="store", node=envelope.source, name="publish", trace_id=envelope.trace_id, tenant=tenant,
            attempt=0, occurrence=self._published, value=envelope,
        )  # fmt: skip
        await self._write(call, functools.partial(self.bus.publish, envelope))

    async def _write(self, call: Call, act: Callable[[], Awaitable[Any]]) -> None:
        await (run_through(self._around["store"], call, act) if self._around["store"] else act())
