"""What the joins of flows hold when nothing moves, asked of each flow's own `health()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penguiflow import PenguiFlow
from sim.kernel.frames import await_chain

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence


def held_by_joins(tasks: Sequence[asyncio.Task[Any]]) -> tuple[str, ...]:
    """One line for each join that waits for more messages of its trace, such as `join merge holds 2 of 3 of trace t1`.

    Traces that wait alike share a line. The flows are those that a suspended
    task has in a variable: whoever waits in `flow.fetch` has.
    """
    waiting: dict[tuple[str, int, int], list[str | None]] = {}
    for flow in _flows(tasks):
        for join in flow.health().joins:
            waiting.setdefault((join.node, join.held, join.needed), []).append(join.trace_id)
    return tuple(
        f"join {node} holds {held} of {needed} of {_traces(traces)}" for (node, held, needed), traces in waiting.items()
    )


def _flows(tasks: Sequence[asyncio.Task[Any]]) -> Iterator[PenguiFlow]:
    frames = (frame for task in tasks for frame in await_chain(task.get_coro()))
    values = (value for frame in frames for value in frame.f_locals.values())
    yield from {id(value): value for value in values if issubclass(type(value), PenguiFlow)}.values()


def _traces(ids: Sequence[str | None]) -> str:
    first = "a trace without an id" if ids[0] is None else f"trace {ids[0]}"
    more = len(ids) - 1
    return f"{first} and {more} more" if more else first
