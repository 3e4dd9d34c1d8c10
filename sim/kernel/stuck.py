"""Why nothing moves any more: which task waits where, for what, and who holds it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sim.kernel.joins import held_by_joins
from sim.kernel.tasks import creation_order, pending_tasks
from sim.kernel.waits import Wait, others_of, waits_of
from sim.model import recording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Task = asyncio.Task[Any]

_NAMES_SHOWN = 8


def explain(loop: asyncio.AbstractEventLoop, at_s: float) -> recording.Stuck:
    """The story of a loop on which nothing can happen again.

    Args:
        loop: the loop; its tasks tell the story.
        at_s: when everything stopped, in virtual seconds.

    """
    tasks = pending_tasks(loop)
    graph = waits_of(tasks)
    cycle = ring_in({task: wait.others for task, wait in graph.items()})
    waiting = "1 task waits" if len(tasks) == 1 else f"{len(tasks)} tasks wait"
    reason = f"nothing is ready and no timer is set, while {waiting}"
    if cycle:
        reason += f", {len(cycle)} of them in a ring" if len(cycle) > 1 else ", for itself"
    return recording.Stuck(
        at_s=at_s,
        reason=reason,
        waits=(*held_by_joins(tasks), *map(_line, graph.values())),
        cycle=tuple(task.get_name() for task in cycle),
    )


def stalled(loop: asyncio.AbstractEventLoop, at_s: float) -> recording.Stuck | None:
    """The story of a loop that a heartbeat keeps alive while tasks wait for each other in a ring; `None` without one.

    Asked where a run ends with timers still to come: at its horizon, or at the end of its budget. A ring counts
    only if nobody outside of it could end it: of several tasks that may fill a queue, one that is awake is enough.
    """
    tasks = pending_tasks(loop)
    ring = ring_in(locked(tasks))
    if not ring:
        return None
    told = "1 task waits for itself" if len(ring) == 1 else f"{len(ring)} tasks wait in a ring"
    return recording.Stuck(
        at_s=at_s,
        reason=f"{told}, while timers keep the run busy",
        waits=(*held_by_joins(tasks), *map(_line, waits_of(tasks).values())),
        cycle=tuple(task.get_name() for task in ring),
    )


def locked(tasks: Sequence[Task]) -> dict[Task, tuple[Task, ...]]:
    """Those of `tasks` that only others of them could move, which cannot move either, and for whom each waits."""
    graph = others_of(tasks)
    waiting: dict[Task, list[Task]] = {}
    for task, others in graph.items():
        for other in others:
            waiting.setdefault(other, []).append(task)
    free = dict.fromkeys(task for task in (*waiting, *graph) if not graph.get(task))
    queue = list(free)
    for task in queue:
        freed = [other for other in waiting.get(task, ()) if other not in free]
        free |= dict.fromkeys(freed)
        queue += freed
    return {task: others for task, others in graph.items() if task not in free}


def leftovers(loop: asyncio.AbstractEventLoop) -> tuple[str, ...]:
    """One line for each task that is not done: what it waits for, and where."""
    tasks = pending_tasks(loop)
    return tuple(_line(wait) for wait in waits_of(tasks).values()) if tasks else ()


def _line(wait: Wait) -> str:
    line = f"{wait.task.get_name()}{wait.where} waits for {wait.what}"
    return f"{line}{wait.relation}{_names(wait.others)}" if wait.others else line


def _names(tasks: tuple[Task, ...]) -> str:
    shown = ", ".join(task.get_name() for task in tasks[:_NAMES_SHOWN])
    more = len(tasks) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def ring_in(graph: Mapping[Task, tuple[Task, ...]]) -> list[Task]:
    """The first ring in the graph, from its oldest task on; empty without one."""
    finished: dict[Task, None] = {}
    for start in graph:
        path: dict[Task, None] = {}
        branches = [iter([start])]
        while branches:
            task = next(branches[-1], None)
            if task is None:
                branches.pop()
                if path:
                    finished[path.popitem()[0]] = None
            elif task in path:
                steps = list(path)
                return _from_oldest(steps[steps.index(task) :])
            elif task in graph and task not in finished:
                path[task] = None
                branches.append(iter(graph[task]))
    return []


def _from_oldest(ring: list[Task]) -> list[Task]:
    oldest = ring.index(min(ring, key=creation_order))
    return ring[oldest:] + ring[:oldest]
