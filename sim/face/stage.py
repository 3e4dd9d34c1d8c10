"""Where a test's own flows are broken and watched: a stand-in for `PenguiFlow.run`, for the length of the test."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from penguiflow import Message, PenguiFlow
from sim.kernel.patching import replaced
from sim.model.recording import Recording
from sim.watch import EffectWatch, Recorder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from penguiflow import Call, FlowEvent, Interceptor, ModelRegistry
    from sim.kernel import World
    from sim.model.recording import Gone
    from sim.watch import LeakWatch

__tracebackhide__ = True  # for pytest: an error belongs to the line of the test

_plain_run = PenguiFlow.run
_current: Stage | None = None
_in_attempt: ContextVar[bool] = ContextVar("penguiflow_sim_in_attempt", default=False)


class Stage:
    """One test in its world: the faults that are on, and the record of what happened.

    Args:
        world: the world that the test runs in.

    Attributes:
        recording: what happened so far.
        flows: the flows that were started so far.
        seams: interceptors that stand around every act now, the first of them outermost.
        observers: get every event now.
        way_in: change every envelope that enters a flow now.
        way_out: see every result that leaves a flow now, with the tenant that takes it.
        faults: how many faults there were so far.
        probes: the watchers of all tenant probes so far.

    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.recording = Recording(scenario="test", seed=world.seed)
        self.flows: list[PenguiFlow] = []
        self.seams: list[Interceptor] = []
        self.observers: list[Callable[[FlowEvent], None]] = []
        self.way_in: list[Callable[[Message], Message]] = []
        self.way_out: list[Callable[[Any, str | None, str | None], None]] = []
        self.faults = 0
        self.probes: list[LeakWatch] = []
        self._tenants: dict[str, str] = {}
        self._effects = EffectWatch(self.recording, Recorder(self.recording, self.now_s), self.now_s, _gone)

    def now_s(self) -> float:
        """Virtual seconds since the test began."""
        return self.world.now_s

    @property
    def nodes(self) -> list[str]:
        """The names of all nodes of the flows that were started."""
        return list(dict.fromkeys(name for flow in self.flows for name in flow.graph.names))

    def depths(self) -> dict[str, int]:
        """Messages that wait before each node, as a subject tells it."""
        return {name: depth for flow in self.flows for name, depth in flow.queue_depths().items()}

    def listen(self, observer: Callable[[FlowEvent], None]) -> None:
        """Hand every event from now on to `observer`, as a subject does."""
        self.observers.append(observer)

    def enter(self, flow: PenguiFlow) -> None:
        """Stand around a flow that starts, inside its own interceptors, as in a run of a scenario."""
        # What a subflow does passes its caller's interceptors.
        if _in_attempt.get() or any(flow is known for known in self.flows):
            return
        self.flows.append(flow)
        flow.add_interceptor(self)
        flow.add_interceptor(self._effects)
        flow.add_middleware(self._observe)
        flow.emit = partial(self._emit, flow.emit)  # type: ignore[method-assign]
        flow.emit_nowait = partial(self._emit_nowait, flow.emit_nowait)  # type: ignore[method-assign]
        flow.fetch = partial(self._fetch, flow.fetch)  # type: ignore[method-assign]

    async def intercept(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out `call` inside every seam that is there when it begins."""
        if call.act == "attempt":
            _in_attempt.set(True)
        for seam in reversed(self.seams):
            if call.act in getattr(seam, "acts", (call.act,)):
                proceed = partial(seam.intercept, call, proceed)
        return await proceed()

    async def _observe(self, event: FlowEvent) -> None:
        for observe in self.observers:
            observe(event)

    async def _emit(self, plain: Callable[..., Awaitable[None]], msg: Any, *args: Any, **options: Any) -> None:
        await plain(self._entering(msg, options.get("trace_id")), *args, **options)

    def _emit_nowait(self, plain: Callable[..., None], msg: Any, *args: Any, **options: Any) -> None:
        plain(self._entering(msg, options.get("trace_id")), *args, **options)

    def _entering(self, msg: Any, trace_id: str | None) -> Any:
        if not isinstance(msg, Message):
            return msg
        self._tenants[trace_id or msg.trace_id] = msg.headers.tenant
        for change in self.way_in:
            msg = change(msg)
        return msg

    async def _fetch(self, plain: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
        result = await plain(*args, **options)
        trace_id = options.get("trace_id") or getattr(result, "trace_id", None)
        for look in self.way_out:
            look(result, self._tenants.get(trace_id or ""), trace_id)
        return result


@contextmanager
def staged(world: World) -> Iterator[Stage]:
    """Inside, every flow that is started is one that `sim.fault`, `sim.effects` and `sim.leaks` speak of."""
    global _current

    def run(flow: PenguiFlow, *, registry: ModelRegistry | None = None) -> None:
        stage.enter(flow)
        _plain_run(flow, registry=registry)

    stage = _current = Stage(world)
    try:
        with replaced((PenguiFlow, "run", run)):
            yield stage
    finally:
        _current = None


def current_stage(asked: str) -> Stage:
    """The stage of the test that runs.

    Args:
        asked: the name that was used, such as `sim.effects`.

    Raises:
        RuntimeError: no test runs in a simulated world.

    """
    if _current is None:
        msg = (
            f"{asked} was used outside of a simulated test; it speaks of the flows that such a test starts; "
            "mark an async test with @pytest.mark.sim, and use it inside"
        )
        raise RuntimeError(msg)
    return _current


def _gone(_trace_id: str) -> Gone:
    """The test itself is the caller, and it is still there."""
    return ""
