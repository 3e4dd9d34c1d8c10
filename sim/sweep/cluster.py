"""The workers of a Dask cluster, on any machines."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any, Self

from penguiflow import __version__
from sim.model.errors import UserError
from sim.sweep.jobs import packed
from sim.sweep.standby import do_on_standby

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.sweep.jobs import Job, Judged

_CONNECT_TIMEOUT_S = 10
Versions = tuple[str, str]


class ClusterError(UserError):
    """The cluster cannot do the work, and the user can do something about it."""


class Cluster:
    """A crew of the workers of a cluster; to be used in a `with`.

    They need this project and its packages, in the same versions and at the
    same place, because scenarios name code by its place. A worker that is
    lost costs its jobs another try, and nothing else.

    Args:
        address: of the scheduler, such as `tcp://10.0.0.5:8786`.

    Raises:
        ClusterError: nobody answers, no worker is there, or `distributed` is not installed.

    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._client = _connected(address)
        self.workers = sum(self._client.nthreads().values())
        if self.workers == 0:
            self._client.close()
            raise ClusterError(f"the cluster at {address} has no workers; a sweep needs one or more; start dask worker")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def start(self, jobs: Sequence[Job], loaded: LoadedScenario, prepared: Prepared) -> Iterator[list[Judged]]:  # noqa: ARG002 - workers prepare for themselves
        """Hand all jobs out at once."""
        sent, folder = packed(loaded), os.getcwd()  # noqa: PTH109 - sent as text
        # Impure: the same seeds may be asked for again, and are to run again.
        running = [self._client.submit(_do, job, sent, folder, _versions(), pure=False) for job in jobs]
        return (self._result(job, one, loaded.scenario.name) for job, one in zip(jobs, running, strict=True))

    def _result(self, job: Job, one: Any, scenario: str) -> list[Judged]:
        from distributed import CancelledError, KilledWorker  # noqa: PLC0415 - as below

        try:
            judged: list[Judged] = one.result()
        except (KilledWorker, CancelledError) as error:
            raise ClusterError(
                f"{scenario}: the cluster at {self._address} gives up on seeds {job.seeds}: {error}; workers that do "
                "them are lost again and again; run those seeds here with -j 1 to see why"
            ) from error
        one.release()
        return judged


def _connected(address: str) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"--cluster needs the package {error.name}, which is not installed; install the extra: "
            "pip install 'penguiflow-sim[cluster]'"
        ) from error
    try:
        return Client(address, timeout=_CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"the cluster at {address} does not answer within {_CONNECT_TIMEOUT_S} s: {error}; --cluster takes the "
            "address of a Dask scheduler, such as tcp://10.0.0.5:8786; start one with dask scheduler"
        ) from error


def _do(job: Job, sent: bytes, folder: str, wanted: Versions) -> list[Judged]:
    if _versions() != wanted:
        raise ClusterError(
            f"a worker on {platform.node()} has {_told(_versions())}; a sweep runs on one version everywhere, "
            f"because steps differ; install {_told(wanted)} there"
        )
    return do_on_standby(job, sent, folder)


def _versions() -> Versions:
    return platform.python_version().rpartition(".")[0], __version__


def _told(versions: Versions) -> str:
    return f"Python {versions[0]} with penguiflow-sim {versions[1]}"
