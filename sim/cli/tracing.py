"""The traces of failing seeds, which run once more for them: nothing of all others has to be kept until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.capsules import CAPSULES_MAX
from sim.harness import NOTHING_LATE, run_seed
from sim.loader import modules_of
from sim.prepare import prepare
from sim.report import render_trace, write_trace_files
from sim.usercode import user_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sim.model.outcome import SeedOutcome
    from sim.sweep import Swept


def write_traces(swept: Iterable[Swept], report: Path, *, every: bool) -> None:
    """Write the traces of the seeds that have a capsule, or of every seed, and remove those of an earlier run.

    Raises:
        ReportError: a file cannot be written.
        ScenarioError: the scenario's code cannot be driven any more.

    """
    write_trace_files({one.loaded.scenario.name: _traces(one, every=every) for one in swept}, report)


def _traces(swept: Swept, *, every: bool) -> Iterator[tuple[int, bytes]]:
    failing = sorted(swept.failing, key=lambda outcome: outcome.seed)[:CAPSULES_MAX]
    outcomes: Sequence[SeedOutcome] = swept.outcomes if every else failing
    if not outcomes:
        return
    prepared = prepare(swept.loaded)
    for outcome in outcomes:
        with modules_of(swept.loaded.folder), user_errors(swept.loaded):
            recording = run_seed(prepared, outcome.seed, plan=outcome.plan or NOTHING_LATE)
        yield outcome.seed, render_trace(recording)
