"""The death of a program: nothing that it had planned happens any more, and none of its cleaning up runs."""
# ruff: noqa: SLF001 - the loop's queues are ours

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.kernel.sleeping import Sleep

if TYPE_CHECKING:
    from sim.kernel.loop import SimLoop


def drop_everything(loop: SimLoop) -> None:
    """Forget every callback and timer of `loop`, as a process does that is killed; time stays where it is.

    Tasks are not cancelled: a killed process runs no `finally`. They wait for
    what will not come, until the end of the run.
    """
    nobodys: Sleep[None] = Sleep(loop=loop)
    nobodys.cancel()
    for place, handle in enumerate(loop._ready):
        if type(handle) is Sleep:
            loop._ready[place] = nobodys  # to cancel the task's own would wake it up
        else:
            handle.cancel()
    for _, _, timer in list(loop._scheduled):
        if type(timer) is not Sleep:
            timer.cancel()
    loop._scheduled.clear()
