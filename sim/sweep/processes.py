"""Worker processes on this machine, which live as long as the command."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from sim.model.errors import UserError
from sim.sweep.jobs import do_sent, packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.sweep.jobs import Job, Judged


class WorkerLostError(UserError):
    """A worker process ended in the middle of a job, twice.

    Args:
        scenario: the scenario that it worked on.
        seeds: the seeds of the job.

    """

    def __init__(self, scenario: str, seeds: Sequence[int]) -> None:
        shown = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
        super().__init__(
            f"{scenario}: a worker process ended in {shown}, twice; a worker lives until the sweep is done, so "
            f"the system killed it (memory?) or code in C crashed; run with -j 1 --seed {seeds[0]} to see which"
        )


class Processes:
    """A crew of worker processes; to be used in a `with`.

    Each imports the scenario's code for itself, and nothing of this process
    is copied into it. A worker that is lost costs its job a second try.

    Args:
        workers: how many.

    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = self._new_pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        workers = list((self._pool._processes or {}).values())  # noqa: SLF001 - a worker may be busy for a long time
        self._pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()

    def start(self, jobs: Sequence[Job], loaded: LoadedScenario, prepared: Prepared) -> Iterator[list[Judged]]:  # noqa: ARG002 - workers prepare for themselves
        """Hand all jobs out at once."""
        sent = packed(loaded)
        running = [(self._pool, self._submit(job, sent)) for job in jobs]
        return (self._result(job, *begun, loaded.scenario.name, sent) for job, begun in zip(jobs, running, strict=True))

    def _result(
        self, job: Job, pool: ProcessPoolExecutor, begun: Future[list[Judged]], scenario: str, sent: bytes
    ) -> list[Judged]:
        try:
            return begun.result()
        except BrokenProcessPool:
            if pool is self._pool:
                self._pool = self._new_pool()
        try:
            return self._submit(job, sent).result()
        except BrokenProcessPool:
            raise WorkerLostError(scenario, job.seeds) from None

    def _submit(self, job: Job, sent: bytes) -> Future[list[Judged]]:
        with _fixed_hash_seed():
            return self._pool.submit(do_sent, job, sent)

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.workers, multiprocessing.get_context("spawn"), initializer=_leave_interrupts)


def _leave_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; the one that hands out the work decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _fixed_hash_seed() -> Iterator[None]:
    """A worker may start at any submission, and takes its hash seed from the environment."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before
