"""`PenguiFlow`: the public handle of a flow (RUNTIME contract 1.6, 1.7, 1.11 and 1.12)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from penguiflow import ambient
from penguiflow.core.crew import Crew
from penguiflow.core.doors import Doors
from penguiflow.core.elsewhere import Elsewhere
from penguiflow.core.engine import Engine
from penguiflow.core.graph import Graph
from penguiflow.core.health import Health, health_of
from penguiflow.core.hooks import HOOK_BACKLOG_MAX
from penguiflow.core.intercept import ACTS
from penguiflow.core.outcome import Drained, describe
from penguiflow.core.sinks import Sinks
from penguiflow.core.tenant import Tenant
from penguiflow.lint import Finding, lint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from penguiflow.bus import MessageBus
    from penguiflow.core.hooks import HookPolicy
    from penguiflow.core.intercept import Interceptor
    from penguiflow.core.tenancy import Tenancy
    from penguiflow.middlewares import Middleware
    from penguiflow.node import Node
    from penguiflow.registry import ModelRegistry
    from penguiflow.state.models import StateStore, StoredEvent

DEFAULT_QUEUE_MAXSIZE = 64


class PenguiFlow(Doors, Elsewhere):
    """A running graph of nodes.

    Args:
        adjacencies: each a node with its successors, as `node.to(...)` gives it.
        queue_maxsize: how many messages may wait on each edge; 0 or less is any number.
        allow_cycles: accept cycles.
        middlewares: async functions that get every `FlowEvent`.
        emit_errors_to_rookery: hand out terminal failures as `FlowError` values.
        state_store: where events are stored.
        message_bus: gets a copy of every message that was sent over an edge.
        registry: the models that `run` uses where it is given none.
        tenancy: what happens where a tenant reaches for another's trace: `enforce` refuses and tells it as a
            `tenant_violation` event, `observe` only tells it, `off` does neither.
        hook_policy: what happens when `hook_backlog` events wait for a store or middleware: `drop-oldest` drops
            (and says so at the end), `block` holds up nodes and `emit` until there is room, `fail` refuses `emit`.
        hook_backlog: how many events may wait for each of them.

    Raises:
        CycleError: the graph has a cycle that was not allowed.
        TypeError: `queue_maxsize` is no whole number.
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
        message_bus: MessageBus | None = None,
        registry: ModelRegistry | None = None,
        tenancy: Tenancy = "enforce",
        hook_policy: HookPolicy = "drop-oldest",
        hook_backlog: int = HOOK_BACKLOG_MAX,
    ) -> None:
        _require_whole(queue_maxsize)
        graph = Graph(adjacencies, allow_cycles=allow_cycles)
        engine = Engine(
            graph,
            queue_maxsize=queue_maxsize,
            errors_to_rookery=emit_errors_to_rookery,
            tenancy=tenancy,
            hook_policy=hook_policy,
            hook_backlog=hook_backlog,
        )
        super().__init__(graph, engine)
        self._sinks = Sinks(engine, state_store, message_bus)
        self._default_registry = registry
        self._registry: ModelRegistry | None = None
        self._crew: Crew | None = None
        for middleware in middlewares or ():
            self.add_middleware(middleware)

    # -- structure ---------------------------------------------------------------------------

    @property
    def graph(self) -> Graph:
        """Nodes and edges, read-only."""
        return self._graph

    @property
    def queue_maxsize(self) -> int:
        """The bound of every edge; 0 or less is none.

        It can be set until the flow is run for the first time, by whoever
        runs a flow that others have built.

        Raises:
            RuntimeError: it is set on a flow that has been run.
            TypeError: it is set to something that is no whole number.

        """
        return self._engine.queue_maxsize

    @queue_maxsize.setter
    def queue_maxsize(self, bound: int) -> None:
        _require_whole(bound)
        if self._state != "new":
            raise RuntimeError("queue_maxsize is settled when a flow is run; set it before, or build another flow")
        self._engine.bound(bound)

    @property
    def registry(self) -> ModelRegistry | None:
        """The models of the current run, or of the last one."""
        return self._registry

    @property
    def state_store(self) -> StateStore | None:
        """Where events are stored."""
        return self._sinks.store

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

    def _inherit(self, parent: PenguiFlow) -> None:
        """Stand the parent's interceptors of tool calls outside of this flow's own: the world outside is one."""
        own = self._engine.around["tool"]
        inherited = tuple(one for one in parent._engine.around["tool"] if all(one is not other for other in own))
        self._engine.around["tool"] = (*inherited, *own)

    def queue_depths(self) -> dict[str, int]:
        """Messages that wait before each node, by the node's name."""
        return {node.label: station.depth_in() for node, station in self._engine.stations.items()}

    def health(self) -> Health:
        """What waits, runs and lags in this flow now, for an operator who wonders whether it is stuck."""
        return health_of(self._engine, self._crew if self._live else None)

    def lint(self) -> list[Finding]:
        """What is unwise about this flow, by its graph and policies: see `penguiflow.lint`."""
        return lint(self)

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
        self._engine.tell_all_ended()
        try:
            await self._crew.stop()
        finally:
            for trace in self._engine.ledger.open_traces():
                self._engine.end_at_stop(trace)
            self._engine.end_external()
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

    async def load_history(self, trace_id: str) -> Sequence[StoredEvent]:
        """Everything stored of a trace, oldest first, including what was emitted up to now.

        Raises:
            RuntimeError: the flow has no state store.

        """
        return await self._sinks.load_history(trace_id)


def _require_whole(queue_maxsize: int) -> None:
    if not isinstance(queue_maxsize, int) or isinstance(queue_maxsize, bool):
        raise TypeError(f"queue_maxsize must be a whole number (0 or less is no bound); got {queue_maxsize!r}")


def create(*adjacencies: tuple[Node, Sequence[Node]], **kwargs: Any) -> PenguiFlow:
    """Make a flow; the arguments are those of `PenguiFlow`."""
    return PenguiFlow(*adjacencies, **kwargs)
