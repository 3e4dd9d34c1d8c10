"""The workers of a running flow: started together, replaced where one is lost, stopped together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penguiflow.core.worker import Worker

if TYPE_CHECKING:
    from penguiflow.core.engine import Engine
    from penguiflow.core.flow import PenguiFlow
    from penguiflow.core.station import Station
    from penguiflow.registry import ModelRegistry

STOP_GRACE_S = 5.0


class Crew:
    """One worker for each node.

    Args:
        flow: the public handle, for contexts.
        engine: the flow's working parts.
        registry: models of the nodes, where they have any.

    """

    def __init__(self, flow: PenguiFlow, engine: Engine, registry: ModelRegistry | None) -> None:
        self._flow = flow
        self._engine = engine
        self._registry = registry
        self._left_behind: list[Worker] = []
        self._workers = [self._worker(station) for station in engine.stations.values()]

    def replace(self, worker: Worker) -> None:
        """Put a new worker in the place of one whose handler ignores its cancellation."""
        self._workers[self._workers.index(worker)] = self._worker(worker.station)
        self._left_behind.append(worker)
        worker.task.add_done_callback(lambda _: self._left_behind.remove(worker))

    async def stop(self) -> None:
        """Cancel every worker but the caller, and wait for at most 5 seconds until their handlers have ended."""
        current, tasks = asyncio.current_task(), []
        for worker in [*self._workers, *self._left_behind]:
            worker.stop()
            if worker.task is not current:
                worker.task.cancel()
                tasks.append(worker.task)
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_GRACE_S)

    def end_caller(self) -> None:
        """A handler that stops its own flow ends at its next wait."""
        current = asyncio.current_task()
        if current is not None and any(worker.task is current for worker in self._workers):
            current.cancel()

    def _worker(self, station: Station) -> Worker:
        checked = station.node.policy.validate != "none"
        return Worker(self._flow, self._engine, self, station, self._registry if checked else None)
