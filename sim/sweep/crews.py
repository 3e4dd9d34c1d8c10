"""Who does the jobs of a sweep: this process, or a crew of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sim.sweep.jobs import do

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.sweep.jobs import Job, Judged


class Crew(Protocol):
    """Does jobs.

    Attributes:
        workers: how many jobs go on at once.

    """

    workers: int

    def start(self, jobs: Sequence[Job], loaded: LoadedScenario, prepared: Prepared) -> Iterator[list[Judged]]:
        """Begin with `jobs`, and give what each came to, in their order; a crew may be ahead of who asks.

        Raises:
            ScenarioError: while results are asked for: the scenario's code went wrong.

        """
        ...


class Here:
    """This process alone: a job is done when its result is asked for."""

    workers = 1

    def start(self, jobs: Sequence[Job], loaded: LoadedScenario, prepared: Prepared) -> Iterator[list[Judged]]:
        """Do one job after the other."""
        return (do(job, loaded, prepared) for job in jobs)
