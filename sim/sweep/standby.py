"""A process on standby that does jobs, for threads of a process which has a clock and a network to keep.

A run replaces the clock of its whole process and refuses it the network. A
worker of a cluster needs both to stay in touch, so it has its jobs done by
another process, which reads them from its standard input.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

from sim.kernel.namespace import enter_empty_network
from sim.sweep.jobs import do_sent

if TYPE_CHECKING:
    from sim.sweep.jobs import Job, Judged

_SERVE = "from sim.sweep.standby import serve; serve()"
_of_thread = threading.local()


class StandbyLostError(Exception):
    """The process on standby ended in the middle of a job."""


def do_on_standby(job: Job, sent: bytes, folder: str) -> list[Judged]:
    """Have a job done by the process on standby of this thread; a first job starts one.

    Args:
        job: the seeds.
        sent: the scenario, packed.
        folder: the working directory of whoever hands out the work.

    Raises:
        StandbyLostError: the process ended.

    """
    process: subprocess.Popen[bytes] | None = getattr(_of_thread, "process", None)
    if process is None or process.poll() is not None:
        process = _of_thread.process = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
    try:
        done, value = _asked(process, (job, sent, folder))
    except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
        process.kill()
        raise StandbyLostError(f"the process that ran seeds {job.seeds} has ended") from error
    if done:
        answer: list[Judged] = value
        return answer
    raise value


def serve() -> None:
    """Do jobs from standard input until it ends; what flows print goes to standard error."""
    enter_empty_network()
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        while True:
            try:
                job, sent, folder = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
            except EOFError:
                return
            _send(answers, _outcome(job, sent, folder))


def _outcome(job: Job, sent: bytes, folder: str) -> tuple[bool, Any]:
    try:
        os.chdir(folder)
        return True, do_sent(job, sent)
    except Exception as error:  # noqa: BLE001 - raised again where the job came from
        return False, error


def _asked(process: subprocess.Popen[bytes], question: object) -> tuple[bool, Any]:
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
    _send(process.stdin, question)
    answer: tuple[bool, Any] = pickle.load(process.stdout)  # noqa: S301 - from the process that was started here
    return answer


def _send(stream: IO[bytes], value: object) -> None:
    stream.write(pickle.dumps(value))
    stream.flush()
