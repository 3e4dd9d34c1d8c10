"""The workers of a running flow: started together, replaced where one is lost, stopped together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from penguiflow.core.failure import text_of
from penguiflow.core.worker import Worker
from penguiflow.redaction import default_redactor

if TYPE_CHECKING:
    from penguiflow.core.engine import Engine
    from penguiflow.core.flow import PenguiFlow
    from penguiflow.core.station import Station
    from penguiflow.registry import ModelRegistry

STOP_GRACE_S = 5.0


class Crew:
    """As many workers for each node as its policy's `concurrency`.

    Args:
        flow: the public handle, for contexts.
        engine: the flow's working parts.
        registry: models of the nodes, where they have any.

    """

    def __init__(self, flow: PenguiFlow, engine: Engine, registry: ModelRegistry | None) -> None:
        self._flow = flow
        self._engine = engine
        self._registry = registry
        self._left_behind: dict[Worker, None] = {}
        self._workers: dict[Worker, None] = {}
        for station in engine.stations.values():
            for _ in range(station.node.policy.concurrency):
                self._hire(station)

    def abandoned(self, station: Station) -> int:
        """Handlers of one node that ignore their cancellation and were left behind."""
        return sum(1 for worker in self._left_behind if worker.station is station)

    def working(self, station: Station) -> list[Worker]:
        """Those of one node's workers that have a message in hand."""
        return [worker for worker in self._workers if worker.station is station and worker.delivery is not None]

    def replace(self, worker: Worker) -> None:
        """Put a new worker in the place of one whose handler ignores its cancellation."""
        del self._workers[worker]
        self._left_behind[worker] = None
        self._hire(worker.station)

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

    def _hire(self, station: Station) -> None:
        checked = station.node.policy.validate != "none"
        worker = Worker(self._flow, self._engine, self, station, self._registry if checked else None)
        self._workers[worker] = None
        worker.task.add_done_callback(lambda _: self._ended(worker))

    def _ended(self, worker: Worker) -> None:
        """A worker's task is over: of one that nobody sent away, another takes the place."""
        if worker in self._left_behind:
            del self._left_behind[worker]
            return
        error = None if worker.task.cancelled() else worker.task.exception()
        if worker.stopping or isinstance(error, (KeyboardInterrupt, SystemExit)) or _loop_ends(worker.task):
            return
        del self._workers[worker]
        self._hire(worker.station)
        shown = None if error is None else default_redactor().exception(error)
        extra: dict[str, Any] = {"exception": "cancelled" if shown is None else text_of(shown)}
        self._engine.events.emit("node_worker_replaced", worker.station, None, extra=extra, error=shown)


def _loop_ends(task: asyncio.Task[None]) -> bool:
    """Whether everything is cancelled, as at the end of `asyncio.run`: a new worker would only be in the way."""
    return all(other.cancelling() for other in asyncio.all_tasks(task.get_loop()))
