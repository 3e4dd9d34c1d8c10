"""`PenguiFlow`: the public handle of a flow (RUNTIME contract 1.6, 1.7, 1.11 and 1.12)."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Literal

from penguiflow.core.crew import Crew
from penguiflow.core.engine import Engine
from penguiflow.core.graph import OPEN_SEA, Graph
from penguiflow.core.intercept import ACTS, Call, run_through
from penguiflow.errors import TraceCancelled
from penguiflow.node import as_nodes
from penguiflow.types import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penguiflow.core.floe import Floe
    from penguiflow.core.intercept import Interceptor
    from penguiflow.core.traces import Trace
    from penguiflow.middlewares import Middleware
    from penguiflow.node import Node
    from penguiflow.registry import ModelRegistry
    from penguiflow.state.models import StateStore, StoredEvent

DEFAULT_QUEUE_MAXSIZE = 64

State = Literal["new", "running", "stopping", "stopped"]


class PenguiFlow:
    """A running graph of nodes.

    Args:
        adjacencies: each a node with its successors, as `node.to(...)` gives it.
        queue_maxsize: how many messages may wait on each edge; 0 or less is any number.
        allow_cycles: accept cycles.
        middlewares: async functions that get every `FlowEvent`.
        emit_errors_to_rookery: hand out terminal failures as `FlowError` values.
        state_store: where events are stored.

    Raises:
        CycleError: the graph has a cycle that was not allowed.
        ValueError: two nodes have one name.

    """

    def __init__(
        self,
        *adjacencies: tuple[Node, Sequence[Node]],
        queue_maxsize: int = DEFAULT_QUEUE_MAXSIZE,
        allow_cycles: bool = False,
        middlewares: Sequence[Middleware] | None = None,
        emit_errors_to_rookery: bool = False,
        state_store: StateStore | None = None,
    ) -> None:
        self._graph = Graph(adjacencies, allow_cycles=allow_cycles)
        self._queue_maxsize = queue_maxsize
        self._engine = Engine(self._graph, queue_maxsize=queue_maxsize, errors_to_rookery=emit_errors_to_rookery)
        self._store = state_store
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
        """The models that were given to `run`."""
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

    # -- life --------------------------------------------------------------------------------

    def run(self, *, registry: ModelRegistry | None = None) -> None:
        """Start one worker for each node; needs a running event loop.

        Raises:
            RuntimeError: the flow runs already, or models are missing.

        """
        if self._state in ("running", "stopping"):
            raise RuntimeError("PenguiFlow already running; stop it before it is run again")
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
        if self._state != "running" or self._crew is None:
            return
        self._state = "stopping"
        try:
            await self._crew.stop()
        finally:
            for trace in self._engine.ledger.open_traces():
                self._engine.end_at_stop(trace)
            self._engine.rookery.close(RuntimeError("PenguiFlow was stopped while fetch was waiting"))
            self._state = "stopped"
        await self._engine.events.close()
        self._crew.end_caller()

    # -- messages in and out -----------------------------------------------------------------

    async def emit(self, msg: Any, to: Node | Sequence[Node] | None = None, *, trace_id: str | None = None) -> None:
        """Send `msg` into the flow: to every ingress node, or to those named. Waits for room.

        With `trace_id` this opens a roundtrip: its results are for
        `fetch(trace_id=...)` alone, and the next scoped emit of the same trace
        waits until one of them was fetched, given up or cancelled.

        Raises:
            KeyError: `to` is no ingress node.
            RuntimeError: there is no ingress node, a scoped emit finds the flow not running, or the flow was stopped
                while this waited.
            TraceCancelled: the trace was cancelled while this waited.
            TypeError: `msg` cannot carry the trace id.

        """
        floes = self._entrances(to)
        if trace_id is None:
            trace = self._engine.trace_of(msg)
        else:
            self._require_running()
            msg = _stamped(msg, trace_id)
            trace = await self._open_roundtrip(trace_id)
            self._engine.trace_of(msg, trace)
        try:
            await self._engine.dispatch.enter(floes, msg, trace)
        except TraceCancelled:
            if self._state != "running":
                raise RuntimeError("PenguiFlow was stopped while emit was waiting for room") from None
            raise
        except BaseException:
            trace.pass_turn()  # whoever gives up the emit is not going to fetch
            raise

    def emit_nowait(self, msg: Any, to: Node | Sequence[Node] | None = None, *, trace_id: str | None = None) -> None:
        """Send `msg` into the flow without waiting.

        Raises:
            asyncio.QueueFull: an edge has no room; nothing was sent.
            RuntimeError: a trace id was given, or there is no ingress node.

        """
        if trace_id is not None:
            raise RuntimeError("emit_nowait(trace_id=...) is not supported; use await emit(..., trace_id=...)")
        floes = self._entrances(to)
        if any(floe.full() for floe in floes):
            raise asyncio.QueueFull
        self._engine.events.listen()
        self._engine.dispatch.put_all(floes, msg, self._engine.trace_of(msg))

    async def fetch(self, from_: Node | None = None, *, trace_id: str | None = None) -> Any:
        """Take the next result out of the flow.

        Args:
            from_: only results of this egress node.
            trace_id: only results of this trace; without it, only results of traces that no scoped emit opened.

        Raises:
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
        return await self._engine.rookery.fetch(from_)

    async def fetch_any(self, from_: Node | None = None, *, trace_id: str | None = None) -> Any:
        """The same as `fetch`."""
        return await self.fetch(from_, trace_id=trace_id)

    async def cancel(self, trace_id: str) -> bool:
        """End a trace: best effort, and only this one.

        Returns whether there was anything to cancel: work that waited, ran or
        backed off, or a result that nobody had fetched. A waiting scoped fetch
        ends at once with `TraceEnded`.

        Raises:
            RuntimeError: the flow is not running.

        """
        if self._state != "running":
            raise RuntimeError("PenguiFlow is not running; there is nothing to cancel")
        trace = self._engine.ledger.find(trace_id)
        if trace is None or not trace.pending:
            return False
        if trace.closed != "cancelled":
            self._engine.cancel(trace)
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

    def _require_running(self) -> None:
        if self._state != "running":
            raise RuntimeError("PenguiFlow is not running; call run() before a scoped emit")

    async def _open_roundtrip(self, trace_id: str) -> Trace:
        """The record of a new roundtrip, as soon as the one under way on the same trace is over."""
        ledger = self._engine.ledger
        while True:
            trace = ledger.find(trace_id)
            if trace is None or not trace.claimed:
                break
            await trace.wait_for_turn()
            self._require_running()
        if trace is None or trace.status is not None or (trace.scoped and trace.started):
            trace = ledger.open(trace_id, None)
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
