"""`flow.health()`: what an operator asks of a flow that seems to be stuck, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penguiflow import ambient
from penguiflow.core.outcome import OpenTrace, describe

if TYPE_CHECKING:
    from penguiflow.core.crew import Crew
    from penguiflow.core.engine import Engine
    from penguiflow.core.hooks import Hook
    from penguiflow.core.station import Station
    from penguiflow.core.traces import Trace


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """One node.

    Args:
        name: the node.
        depth: messages that wait before it, those that back off included.
        bound: how many may wait on each of its edges; 0 is any number.
        busy: its handlers that run now.
        running_s: seconds for which the oldest of them has run; `None` if none does.
        abandoned: handlers that ignored their cancellation, were left behind and have not ended.
        blocked_senders: senders that wait for room before it.

    """

    name: str
    depth: int
    bound: int
    busy: int
    running_s: float | None
    abandoned: int
    blocked_senders: int


@dataclass(frozen=True, slots=True)
class HookHealth:
    """One listener: a state store or a middleware.

    Args:
        name: its function or class.
        backlog: events that it has not taken in.
        dropped: events that it never got, since its backlog was full.

    """

    name: str
    backlog: int
    dropped: int


@dataclass(frozen=True, slots=True)
class JoinHealth:
    """A node that holds messages of one trace until more of them come.

    Args:
        node: the node.
        trace_id: the trace; `None` for a nameless one.
        held: the messages that it has.
        needed: the messages that it waits for in all.

    """

    node: str
    trace_id: str | None
    held: int
    needed: int


@dataclass(frozen=True, slots=True)
class Health:
    """One flow at one instant.

    Args:
        running: whether it has workers.
        open_traces: traces that have not ended.
        oldest: the oldest of them.
        unread_outcomes: traces that have ended and that nobody has read.
        unread_results: results that wait for an unscoped fetch.
        nodes: its nodes, in the order of the graph.
        hooks: its listeners, in the order in which they are told.
        joins: what its joins hold, the oldest trace first.

    """

    running: bool
    open_traces: int
    oldest: OpenTrace | None
    unread_outcomes: int
    unread_results: int
    nodes: tuple[NodeHealth, ...]
    hooks: tuple[HookHealth, ...]
    joins: tuple[JoinHealth, ...] = ()


def health_of(engine: Engine, crew: Crew | None) -> Health:
    """Look at every part of a flow; `crew` is `None` unless it runs."""
    now_s = ambient.monotonic()
    traces = [trace for trace in engine.ledger.open_traces() if trace.accepted]
    return Health(
        running=crew is not None,
        open_traces=len(traces),
        oldest=describe(traces[0], now_s) if traces else None,
        unread_outcomes=engine.ledger.unread,
        unread_results=len(engine.rookery),
        nodes=tuple(_node(station, crew, now_s) for station in engine.stations.values()),
        hooks=tuple(_hook(hook) for hook in engine.events.hooks),
        joins=tuple(join for trace in engine.ledger.open_traces() for join in _joins(trace)),
    )


def _node(station: Station, crew: Crew | None, now_s: float) -> NodeHealth:
    working = [] if crew is None else crew.working(station)
    return NodeHealth(
        name=station.node.label,
        depth=station.depth_in(),
        bound=max((floe.maxsize for floe in station.incoming), default=0),
        busy=len(working),
        running_s=max((now_s - worker.started_s for worker in working), default=None),
        abandoned=0 if crew is None else crew.abandoned(station),
        blocked_senders=sum(floe.blocked_senders for floe in station.incoming),
    )


def _joins(trace: Trace) -> list[JoinHealth]:
    held = trace.held or {}
    return [JoinHealth(node.label, trace.trace_id, len(row), row[-1].held) for node, row in held.items() if row]


def _hook(hook: Hook) -> HookHealth:
    return HookHealth(hook.name, hook.backlog, hook.dropped)
