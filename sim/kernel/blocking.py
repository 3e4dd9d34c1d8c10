"""Calls that hold up the event loop, and the virtual time that plain functions take."""

from __future__ import annotations

from dataclasses import dataclass

from sim.kernel.locks import schedule_here


@dataclass(frozen=True, slots=True)
class Blocked:
    """A call that held up the whole event loop.

    Args:
        call: what held it up, such as `time.sleep`.
        file: the file of the caller, as its module names it.
        line: the caller's line.
        duration_s: for how long, in virtual seconds.
        actor: who called: `node charge`, `task task-3`.
        at_s: when it began, in virtual seconds.

    """

    call: str
    file: str
    line: int
    duration_s: float
    actor: str
    at_s: float

    def __str__(self) -> str:
        return (
            f"{self.call} blocks the event loop for {self.duration_s:g} s at {self.file}:{self.line}, called by "
            f"{self.actor}; nothing else runs meanwhile; await what waits, or call it through asyncio.to_thread"
        )


def blocking(duration_s: float) -> None:
    """Say that the work at this place takes `duration_s` virtual seconds.

    In a thread of a run (`asyncio.to_thread`, an executor, anyio's), what
    follows happens that much later, also when the caller has given up
    meanwhile. On the event loop itself it holds up everything, and is a
    finding. Outside of a run it does nothing.

    Args:
        duration_s: virtual seconds.

    Raises:
        ValueError: `duration_s` is negative.

    """
    if duration_s < 0:
        msg = f"blocking({duration_s!r}) takes a negative time; work takes 0 s or longer; give its length in seconds"
        raise ValueError(msg)
    schedule = schedule_here()
    if schedule is not None:
        schedule.sleep(duration_s, "sim.blocking")
