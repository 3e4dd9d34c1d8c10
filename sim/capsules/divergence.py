"""Where a run parts from the one that was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.harness import run_seed
from sim.sweep.jobs import parting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.model.capsule import Capsule
    from sim.model.plan import Plan
    from sim.model.prepared import Prepared
    from sim.model.recording import Recording

_EVENTS_SHOWN = 8


def divergence(capsule: Capsule, prepared: Prepared, plan: Plan) -> tuple[str, ...]:
    """Lines that tell where a run parts from the saved one.

    It runs twice here. Where the two differ, both are shown side by side;
    else what is shown is the stretch in which the saved run went another way.

    Args:
        capsule: the saved run.
        prepared: its scenario.
        plan: its plan.

    """
    first: list[str] = []
    second: list[str] = []
    recording = run_seed(prepared, capsule.seed, plan=plan, trail=first)
    run_seed(prepared, capsule.seed, plan=plan, trail=second)
    if first != second:
        cause = "two runs here differ, too: a source of chance or time goes past the world"
        return (cause, parting(first, second))
    return tuple(_apart(capsule, recording, [line for line in first if "  run  " in line]))


def _apart(capsule: Capsule, recording: Recording, events: Sequence[str]) -> Iterator[str]:
    saved = capsule.trail
    yield f"saved: {saved.events} events in {saved.end_s:g} s; here: {recording.events} in {recording.end_s:g} s"
    if recording.digest == capsule.digest:
        yield "every event is the same; steps of tasks differ, as with another version of a package"
        return
    same = _same_until(capsule, recording)
    yield f"the same up to event {same} at least; the next ones here are"
    for line in events[same : same + _EVENTS_SHOWN]:
        yield f"  {line.replace('  run  ', '  ', 1)}"
    yield "two runs here agree: look at what a capsule does not hold, such as versions of packages and other files"


def _same_until(capsule: Capsule, recording: Recording) -> int:
    """So many events are the same for certain, by the marks that both runs have."""
    stride = max(capsule.trail.stride, recording.stride)
    ours, theirs = (
        marks[stride // own - 1 :: stride // own]
        for marks, own in ((recording.marks, recording.stride), (capsule.trail.marks, capsule.trail.stride))
    )
    same = 0
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            break
        same += stride
    return same
