"""Building `FlowEvent`s and handing them to whoever listens; nobody listening costs nothing."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, get_args

from penguiflow import ambient
from penguiflow.core.graph import ROOKERY, Endpoint
from penguiflow.core.hooks import Hook, HookPolicy
from penguiflow.errors import HookBacklogFull
from penguiflow.metrics import NO_EXTRA, FlowEvent
from penguiflow.state.models import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penguiflow.bus import BusEnvelope
    from penguiflow.core.traces import Trace
    from penguiflow.node import Node

FLUSH_TIMEOUT_S = 5.0

_LEVELS = {
    "node_start": logging.DEBUG,
    "node_cancelled": logging.DEBUG,
    "node_error": logging.ERROR,
    "node_failed": logging.ERROR,
    "node_timeout": logging.WARNING,
    "node_abandoned": logging.WARNING,
    "node_worker_replaced": logging.WARNING,
    "tenant_violation": logging.WARNING,
    "node_late_finish": logging.WARNING,
    "budget_exhausted": logging.WARNING,
    "join_incomplete": logging.WARNING,
}
_WITH_TRACEBACK = ("node_error", "node_failed", "node_timeout", "node_worker_replaced")

_logger = logging.getLogger("penguiflow.core")


class Place(Protocol):
    """Where something happens: a node with its edges."""

    node: Node

    def depth_in(self) -> int:
        """Messages that wait before the node."""
        ...

    def depth_out(self) -> int:
        """Messages that wait behind the node."""
        ...

    def outgoing_count(self) -> int:
        """Edges that lead away, one of them to the Rookery where results leave the flow."""
        ...


class _Observer(NamedTuple):
    observe: Callable[[FlowEvent], None]
    wants: Callable[[str], bool]


def _everything(_event_type: str) -> bool:
    return True


class Events:
    """The event stream of one flow.

    Args:
        queue_maxsize: the bound of its edges, told in every event.
        ingress_count: edges out of `OpenSea`.
        hook_policy: what happens when too many events wait for a listener.
        hook_backlog: how many may.

    Raises:
        ValueError: the policy is none of the three, or the backlog holds nothing.

    Attributes:
        queue_maxsize: the bound that is told.
        hooks: listeners that may wait, and the writers that feed them.
        strict: whether no event may be dropped, so that work has to wait for listeners, or be refused.
        hearing: whether anybody wanted the two events of every message when `listen` was called last.

    """

    def __init__(self, queue_maxsize: int, ingress_count: int, hook_policy: HookPolicy, hook_backlog: int) -> None:
        if hook_policy not in get_args(HookPolicy):
            raise ValueError(f"hook_policy must be one of {', '.join(get_args(HookPolicy))}; got {hook_policy!r}")
        if hook_backlog < 1:
            raise ValueError(f"hook_backlog must be at least 1; got {hook_backlog!r}")
        self._hook_policy = hook_policy
        self._hook_backlog = hook_backlog
        self.strict = hook_policy != "drop-oldest"
        self.queue_maxsize = queue_maxsize
        self._ingress_count = ingress_count
        self._observers: list[_Observer] = []
        self.hooks: list[Hook] = []
        self._store: Hook | None = None
        self._logged_elsewhere: list[Callable[[str], bool]] = []
        self.hearing = False
        self._stored = 0

    def add_middleware(self, middleware: Any) -> None:
        """Feed every later event to `middleware`.

        One that has a plain `observe(event)` is called directly; one that has
        `wants(event_type)` gets only what it wants; what one `logs(event_type)`
        is not echoed by the core logger.
        """
        observe = getattr(middleware, "observe", None)
        if observe is None:
            name = getattr(middleware, "__qualname__", type(middleware).__qualname__)
            observe = self._hook(middleware, name, "middleware_error").feed
        self._observers.append(_Observer(observe, getattr(middleware, "wants", _everything)))
        self.listen()
        logs = getattr(middleware, "logs", None)
        if logs is not None:
            self._logged_elsewhere.append(logs)

    def bus_hook(self, publish: Callable[[BusEnvelope], Awaitable[None]], name: str) -> Hook:
        """A hook that publishes what it is fed with."""
        return self._hook(publish, name, "message_bus_publish_failed")

    def set_store(self, save: Callable[[StoredEvent], Awaitable[None]], name: str) -> None:
        """Save every later event with `save`, in the store of this name."""
        self._store = self._hook(save, name, "state_store_save_failed")
        self.listen()

    def _hook(self, call: Callable[[Any], Awaitable[None]], name: str, failure: str) -> Hook:
        hook = Hook(call, name, failure, backlog_max=self._hook_backlog, drop=not self.strict)
        self.hooks.append(hook)
        return hook

    def require_room(self) -> None:
        """Refuse new work while a listener's backlog is full, where that is the policy.

        Raises:
            HookBacklogFull: it is.

        """
        if self._hook_policy != "fail":
            return
        for hook in self.hooks:
            if hook.full:
                raise HookBacklogFull(hook.name, hook.backlog)

    async def room(self) -> None:
        """Wait until no listener's backlog is full, where that is the policy."""
        if self._hook_policy == "block":
            for hook in self.hooks:
                await hook.room()

    def listen(self) -> None:
        """Look again whether anybody wants the two events of every message: log levels change while a flow runs.

        Asked for each message from outside and once in 64 others, since asking for each would cost a tenth of the hop.
        """
        self.hearing = self.wanted("node_start") or self.wanted("node_success")

    def wanted(self, event_type: str, level: int | None = None) -> bool:
        """Whether anybody wants events of this type (logged at `level`, if one is given)."""
        if self._store is not None:
            return True
        for observer in self._observers:
            if observer.wants(event_type):
                return True
        return self._log_level(event_type, level) is not None

    def emit(
        self,
        event_type: str,
        place: Place | Endpoint,
        trace: Trace | None,
        *,
        attempt: int = 0,
        latency_ms: float | None = None,
        queue_wait_ms: float | None = None,
        emit_wait_ms: float | None = None,
        extra: dict[str, Any] | None = None,
        error: BaseException | None = None,
        level: int | None = None,
    ) -> None:
        """Tell everybody who listens that `event_type` happened at `place`; never waits."""
        if not self.wanted(event_type, level):
            return
        node, depth_in, depth_out, outgoing = self._describe(place)
        event = FlowEvent(
            event_type=event_type,
            ts=ambient.wall(),
            node_name=place.name if isinstance(place, Endpoint) else place.node.label,
            node_id=None if node is None else node.node_id,
            trace_id=None if trace is None else trace.trace_id,
            attempt=attempt,
            latency_ms=latency_ms,
            queue_depth_in=depth_in,
            queue_depth_out=depth_out,
            outgoing_edges=outgoing,
            queue_maxsize=self.queue_maxsize,
            trace_pending=None if trace is None else trace.pending,
            trace_inflight=0 if trace is None else trace.inflight,
            trace_cancelled=trace is not None and trace.closed == "cancelled" and event_type != "trace_cancel_finish",
            extra=extra or NO_EXTRA,
            tenant=None if trace is None else trace.tenant,
            queue_wait_ms=queue_wait_ms,
            emit_wait_ms=emit_wait_ms,
        )
        self._tell(event, error, level)

    def open(self) -> None:
        """Listeners take in events from now on."""
        for hook in self.hooks:
            hook.open()

    async def flush_store(self) -> None:
        """Wait until the store has taken in what was emitted so far, for at most 5 seconds."""
        if self._store is not None:
            await self._store.flush(FLUSH_TIMEOUT_S)

    async def close(self) -> None:
        """Flush every listener for a bounded time, then stop its writer."""
        await asyncio.gather(*(hook.close(FLUSH_TIMEOUT_S) for hook in self.hooks))

    def _tell(self, event: FlowEvent, error: BaseException | None, level: int | None) -> None:
        level = self._log_level(event.event_type, level)
        if level is not None:
            exc_info = error if event.event_type in _WITH_TRACEBACK else None
            _logger.log(level, event.event_type, exc_info=exc_info, extra=event.to_payload())
        if self._store is not None and event.trace_id is not None:
            self._stored += 1
            self._store.feed(StoredEvent.from_flow_event(event, seq=self._stored))
        for observer in self._observers:
            if not observer.wants(event.event_type):
                continue
            try:
                observer.observe(event)
            except (Exception, asyncio.CancelledError):  # a listener's failure is not the flow's
                _logger.exception("middleware_error", extra={"event": "middleware_error"})

    def _log_level(self, event_type: str, level: int | None = None) -> int | None:
        level = _LEVELS.get(event_type, logging.INFO) if level is None else level
        if not _logger.isEnabledFor(level) or any(logs(event_type) for logs in self._logged_elsewhere):
            return None
        return level

    def _describe(self, place: Place | Endpoint) -> tuple[Node | None, int, int, int]:
        if isinstance(place, Endpoint):
            return None, 0, 0, 0 if place is ROOKERY else self._ingress_count
        return place.node, place.depth_in(), place.depth_out(), place.outgoing_count()
