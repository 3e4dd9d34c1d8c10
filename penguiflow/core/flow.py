"""`PenguiFlow`: the public handle of a flow (RUNTIME contract 1.6, 1.7, 1.11 and 1.12)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Any, Literal

from penguiflow import ambient
from penguiflow.core.crew import Crew
from penguiflow.core.engine import Engine
from penguiflow.core.graph import OPEN_SEA, Graph
from penguiflow.core.health import Health, health_of
from penguiflow.core.hooks import HOOK_BACKLOG_MAX
from penguiflow.core.intercept import ACTS, Call, run_through
from penguiflow.core.outcome import Drained, Outcome, describe
from penguiflow.core.tenant import Tenant
from penguiflow.errors import TraceCancelled, TraceNotFound
from penguiflow.node import as_nodes
from penguiflow.types import Message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from penguiflow.core.floe import Floe
    from penguiflow.core.hooks import HookPolicy
    from penguiflow.core.intercept import Interceptor
    from penguiflow.core.tenancy import Tenancy
    from penguiflow.core.traces import Trace
    from penguiflow.middlewares import Middleware
    from penguiflow.node import Node
    from penguiflow.registry import ModelRegistry
    from penguiflow.state.models import StateStore, StoredEvent

DEFAULT_QUEUE_MAXSIZE = 64

State = Literal["new", "running", "draining", "stopping", "stopped"]


class PenguiFlow:
    """A running graph of nodes.

    Args:
        adjacencies: each a node with its successors, as `node.to(...)` gives it.
        queue_maxsize: how many messages may wait on each edge; 0 or less is any number.
        allow_cycles: accept cycles.
        middlewares: async functions that get every `FlowEvent`.
        emit_errors_to_rookery: hand out terminal failures as `FlowError` values.
        state_store: where events are stored.
        registry: the models that `run` uses where it is given none.
        tenancy: what happens where a tenant reaches for another's trace: `enforce` refuses and tells it as a
            `tenant_violation` event, `observe` only tells it, `off` does neither.
        hook_policy: what happens when `hook_backlog` events wait for a store or middleware: `drop-oldest` drops
            (and says so at the end), `block` holds up nodes and `emit` until there is room, `fail` refuses `emit`.
        hook_backlog: how many events may wait for each of them.

    Raises:
        CycleError: the graph has a cycle that was not allowed.
        ValueError: two nodes have one name, or an option is none of its values.

    """

    def __init__(
        self,
        *adjacencies: tuple[Node, Sequence[Node]],
        queue_maxsize: int = DEFAULT_QUEUE_MAXSIZE,
        allow_cycles: bool = False,
        middlewares: Sequence[Middleware] | None = None,
        emit_errors_to_rookery: bool = False,
        state_store: StateStore | None = None,
        registry: ModelRegistry | None = None,
        tenancy: Tenancy = "enforce",
        hook_policy: HookPolicy = "drop-oldest",
        hook_backlog: int = HOOK_BACKLOG_MAX,
    ) -> None:
        self._graph = Graph(adjacencies, allow_cycles=allow_cycles)
        self._queue_maxsize = queue_maxsize
        self._engine = Engine(
            self._graph,
            queue_maxsize=queue_maxsize,
            errors_to_rookery=emit_errors_to_rookery,
            tenancy=tenancy,
            hook_policy=hook_policy,
            hook_backlog=hook_backlog,
        )
        self._store = state_store
        self._default_registry = registry
        self._registry: ModelRegistry | None = None
        self._state: State = "new"
        self._crew: Crew | None = None
        if state_store is not None:
            self._engine.events.set_store(self._save_event)
        for middleware in middlewares or ():
            self.add_middleware(middleware)

    # -- structure ---------------------------------------------------------------------------

    @property
    def graph(self) -> Graph:
        """Nodes and edges, read-only."""
        return self._graph

    @property
    def queue_maxsize(self) -> int:
        """The bound of every edge; 0 or less is none."""
        return self._queue_maxsize

    @property
    def registry(self) -> ModelRegistry | None:
        """The models of the current run, or of the last one."""
        return self._registry

    @property
    def state_store(self) -> StateStore | None:
        """Where events are stored."""
        return self._store

    def add_middleware(self, middleware: Middleware) -> None:
        """Feed every later event to `middleware`."""
        self._engine.events.add_middleware(middleware)

    def add_interceptor(self, interceptor: Interceptor) -> None:
        """Stand `interceptor` around every later act, inside those installed before it.

        One that has an attribute `acts` (a collection of `attempt`, `send`,
        `store`, `tool`) stands around these only; the others cost nothing.
        """
        wanted = getattr(interceptor, "acts", ACTS)
        for act in ACTS:
            if act in wanted:
                self._engine.around[act] = (*self._engine.around[act], interceptor)

    def queue_depths(self) -> dict[str, int]:
        """Messages that wait before each node, by the node's name."""
        return {node.label: station.depth_in() for node, station in self._engine.stations.items()}

    def health(self) -> Health:
        """What waits, runs and lags in this flow now, for an operator who wonders whether it is stuck."""
        return health_of(self._engine, self._crew if self._live else None)

    def tenant(self, name: str) -> Tenant:
        """This flow as tenant `name` may see it.

        Raises:
            ValueError: the name is empty.

        """
        if not name.strip():
            raise ValueError(f"a tenant needs a name; got {name!r}")
        return Tenant(self, self._engine, name)

    # -- life --------------------------------------------------------------------------------

    def run(self, *, registry: ModelRegistry | None = None) -> None:
        """Start one worker for each node; needs a running event loop.

        Args:
            registry: models of the nodes; those given to `create` if left out.

        Raises:
            RuntimeError: the flow runs already, or models are missing.

        """
        if self._state not in ("new", "stopped"):
            raise RuntimeError("PenguiFlow already running; stop it before it is run again")
        registry = registry or self._default_registry
        if registry is not None:
            self._require_models(registry)
        if self._state == "stopped":  # nothing of an earlier run is seen in this one
            self._engine.rookery.clear()
            self._engine.ledger.clear()
        self._engine.events.open()
        self._registry = registry
        self._crew = Crew(self, self._engine, registry)
        self._state = "running"

    def _require_models(self, registry: ModelRegistry) -> None:
        checked = [node.label for node in self._graph.nodes if node.policy.validate != "none"]
        missing = [name for name in checked if not registry.has(name)]
        if missing:
            raise RuntimeError(
                f"ModelRegistry is missing entries for nodes requiring validation: {', '.join(missing)}. "
                'Register them, or give them NodePolicy(validate="none")'
            )

    async def stop(self) -> None:
        """Stop all workers, end all traces, and flush the listeners; returns at once if nothing runs.

        Work that waits or runs is cancelled. Results that were not fetched
        stay readable until the flow is run again. A handler or listener that
        ignores its cancellation for 5 seconds is left to itself.
        """
        if not self._live or self._crew is None:
            return
        self._state = "stopping"
        try:
            await self._crew.stop()
        finally:
            for trace in self._engine.ledger.open_traces():
                self._engine.end_at_stop(trace)
            self._engine.ledger.refuse_turns()
            self._engine.rookery.close(RuntimeError("PenguiFlow was stopped while fetch was waiting"))
            self._state = "stopped"
        await self._engine.events.close()
        self._crew.end_caller()

    async def drain(self, timeout_s: float | None = None) -> Drained:
        """Take no new messages, and wait until every trace that was accepted has ended; the flow keeps running.

        Results can still be fetched, and nodes still send to each other. Call
        `stop` afterwards; a flow that was stopped can be run again.

        Args:
            timeout_s: the longest wait in seconds; `None` waits for as long as it takes.

        Returns what was left when the time was up.

        Raises:
            RuntimeError: the flow is not running.

        """
        if not self._live:
            raise RuntimeError("PenguiFlow is not running; there is nothing to drain")
        self._state = "draining"
        ledger = self._engine.ledger
        ledger.refuse_turns()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await ledger.wait_until_idle()
        now_s = ambient.monotonic()
        return Drained(tuple(describe(trace, now_s) for trace in ledger.open_traces() if trace.accepted))

    async def __aenter__(self) -> Self:
        """Run the flow, unless it runs already."""
        if not self._live:
            self.run()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the flow."""
        await self.stop()

    # -- messages in and out -----------------------------------------------------------------

    async def emit(self, msg: Any, to: Node | Sequence[Node] | None = None, *, trace_id: str | None = None) -> None:
        """Send `msg` into the flow: to every ingress node, or to those named. Waits for room.

        With `trace_id` this opens a roundtrip: its results are for
        `fetch(trace_id=...)` alone, and the next scoped emit of the same trace
        waits until one of them was fetched, given up or cancelled.

        Raises:
            KeyError: `to` is no ingress node.
            RuntimeError: there is no ingress node, the flow is drained, a scoped emit finds it not running, or it was
                stopped while this waited.
            HookBacklogFull: a listener is too far behind, and `hook_policy` is `fail`.
            TraceCancelled: the trace was cancelled while this waited.
            TraceNotFound: the trace is another tenant's.
            ValueError: the message names no tenant.
            TypeError: `msg` cannot carry the trace id.

        """
        floes = self._entrances(to)
        if self._engine.events.strict:
            self._engine.events.require_room()
            await self._engine.events.room()
        self._engine.border.require_tenant(msg)
        if trace_id is None:
            self._require_accepting()
            trace = self._engine.trace_of(msg)
        else:
            self._require_running()
            msg = _stamped(msg, trace_id)
            trace = await self._open_roundtrip(msg, trace_id)
            self._engine.trace_of(msg, trace)
        try:
            await self._engine.dispatch.enter(floes, msg, trace)
        except TraceCancelled:
            if not self._live:
                raise RuntimeError("PenguiFlow was stopped while emit was waiting for room") from None
            raise
        except BaseException:
            trace.pass_turn()  # whoever gives up the emit is not going to fetch
            raise

    def emit_nowait(self, msg: Any, to: Node | Sequence[Node] | None = None, *, trace_id: str | None = None) -> None:
        """Send `msg` into the flow without waiting.

        Raises:
            asyncio.QueueFull: an edge has no room; nothing was sent.
            RuntimeError: a trace id was given, the flow is drained, or there is no ingress node.

        """
        if trace_id is not None:
            raise RuntimeError("emit_nowait(trace_id=...) is not supported; use await emit(..., trace_id=...)")
        floes = self._entrances(to)
        self._require_accepting()
        self._engine.events.require_room()
        if any(floe.full() for floe in floes):
            raise asyncio.QueueFull
        self._engine.border.require_tenant(msg)
        self._engine.events.listen()
        self._engine.dispatch.put_all(floes, msg, self._engine.trace_of(msg))

    async def fetch(self, from_: Node | None = None, *, trace_id: str | None = None) -> Any:
        """Take the next result out of the flow.

        Args:
            from_: only results of this egress node.
            trace_id: only results of this trace; without it, only results of traces that no scoped emit opened.

        Raises:
            TenantViolation: unscoped messages of more than one tenant are live, and tenants are kept apart.
            TraceEnded: the trace has ended and has no result left.
            RuntimeError: the flow has no egress, was stopped, or both arguments were given.

        """
        if trace_id is not None:
            if from_ is not None:
                raise RuntimeError("fetch(trace_id=...) does not support from_ filtering")
            if self._state == "stopped" and self._engine.ledger.find(trace_id) is None:
                raise RuntimeError(f"PenguiFlow was stopped and has no outcome of trace {trace_id} left to fetch")
            return await self._engine.rookery.fetch_scoped(trace_id)
        if not self._graph.egress:
            raise RuntimeError("context has no incoming floes to fetch from")
        if self._state == "stopped" and not len(self._engine.rookery):
            raise RuntimeError("PenguiFlow was stopped and has no result left to fetch")
        return await self._engine.rookery.fetch(from_, self._engine.border.require_one_tenant)

    async def fetch_any(self, from_: Node | None = None, *, trace_id: str | None = None) -> Any:
        """The same as `fetch`."""
        return await self.fetch(from_, trace_id=trace_id)

    async def outcome(self, *, trace_id: str) -> Outcome:
        """How a trace ended, as soon as it has; reading it forgets the trace.

        The outcomes of the newest 1,024 traces that ended unread are kept.

        Raises:
            TraceNotFound: nothing was sent under this id, its outcome was read, or 1,024 newer ones were not.

        """
        trace = self._engine.ledger.find(trace_id)
        if trace is None or not trace.accepted:
            raise TraceNotFound(trace_id)
        return await self._engine.rookery.outcome(trace)

    async def cancel(self, trace_id: str, *, drain: bool = False) -> bool:
        """End a trace, and only this one.

        Returns whether there was anything to cancel: work that waited, ran or
        backed off, or a result that nobody had fetched. A waiting scoped fetch
        ends at once with `TraceEnded`.

        Args:
            trace_id: the trace.
            drain: wait until its handlers have ended too, or were left behind after their grace.

        Raises:
            RuntimeError: the flow is not running.

        """
        if not self._live:
            raise RuntimeError("PenguiFlow is not running; there is nothing to cancel")
        trace = self._engine.ledger.find(trace_id)
        if trace is None or not trace.pending:
            return False
        if trace.closed != "cancelled":
            self._engine.cancel(trace)
        if drain:
            await trace.settle()
        return True

    async def load_history(self, trace_id: str) -> Sequence[StoredEvent]:
        """Everything stored of a trace, oldest first, including what was emitted up to now.

        Raises:
            RuntimeError: the flow has no state store.

        """
        if self._store is None:
            raise RuntimeError("PenguiFlow was created without a state_store; give create(..., state_store=...)")
        await self._engine.events.flush_store()
        return await self._store.load_history(trace_id)

    # -- private -----------------------------------------------------------------------------

    def _entrances(self, to: Node | Sequence[Node] | None) -> list[Floe]:
        entrances = self._engine.entrances
        if not entrances:
            raise RuntimeError(
                "the flow has no ingress node, so nothing can be emitted into it. "
                "Give it a node that no other node leads to"
            )
        targets = as_nodes(to)
        if targets is None:
            return list(entrances.values())
        for target in targets:
            if target not in entrances:
                raise KeyError(f"Unknown target {target.name} for {OPEN_SEA.name}")
        return [entrances[target] for target in targets]

    @property
    def _live(self) -> bool:
        return self._state in ("running", "draining")

    def _require_accepting(self) -> None:
        if self._state == "draining":
            raise RuntimeError("PenguiFlow is draining and takes no new messages; stop it and run it again first")

    def _require_running(self) -> None:
        if self._state != "running":
            self._require_accepting()
            raise RuntimeError("PenguiFlow is not running; call run() before a scoped emit")

    async def _open_roundtrip(self, msg: Any, trace_id: str) -> Trace:
        """The record of a new roundtrip, as soon as the one under way on the same trace is over."""
        ledger = self._engine.ledger
        while True:
            trace = ledger.find(trace_id)
            if isinstance(msg, Message):
                self._engine.require_own(trace, msg.headers.tenant)
            if trace is None or not trace.claimed:
                break
            await trace.wait_for_turn()
            self._require_running()
        if trace is None or trace.status is not None or (trace.scoped and trace.started):
            trace = ledger.open(trace_id)
        trace.scoped = trace.claimed = True
        return trace

    async def _save_event(self, event: StoredEvent) -> None:
        store = self._store
        if store is None:
            return
        save = functools.partial(store.save_event, event)
        around = self._engine.around["store"]
        if not around:
            await save()
            return
        call = Call(
            act="store", node=event.node_name, name="save_event", trace_id=event.trace_id, tenant=event.tenant,
            attempt=0, occurrence=event.seq or 0, value=event,
        )  # fmt: skip
        await run_through(around, call, save)


def create(*adjacencies: tuple[Node, Sequence[Node]], **kwargs: Any) -> PenguiFlow:
    """Make a flow; the arguments are those of `PenguiFlow`."""
    return PenguiFlow(*adjacencies, **kwargs)


def _stamped(message: Any, trace_id: str) -> Any:
    """`message` under `trace_id`: a copy of an envelope, anything else changed in place."""
    if isinstance(message, Message):
        if message.trace_id == trace_id:
            return message
        return message.model_copy(update={"trace_id": trace_id})
    try:
        message.trace_id = trace_id
    except (AttributeError, TypeError, ValueError) as error:
        raise TypeError(
            f"emit(trace_id=...) requires a Message (or object with writable .trace_id); got {type(message).__name__}"
        ) from error
    return message
