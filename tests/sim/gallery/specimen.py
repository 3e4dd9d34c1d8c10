"""What the gallery is made of: a flow with one planted bug, its twin without it, and what has to be found."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from sim.checks.evaluate import evaluate_seed
from sim.harness import run_seed
from sim.model.prepared import Prepared
from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = range(1, 51)
"""The seeds within which a bug has to be found."""


@dataclass(frozen=True, eq=False)
class Specimen:
    """One planted bug.

    Args:
        name: its name.
        idea: what is wrong, in one line.
        build: makes the flow, `build(world, mended)`; mended, the same flow has no bug.
        finding: the kinds of finding of which one has to show.
        cause: the id of the fault without which it does not show; empty where the load is enough.
        fields: the scenario that shows it, as in a file.
        payload: makes payloads.

    """

    name: str
    idea: str
    build: Callable[[Any, bool], Any]
    finding: tuple[str, ...]
    cause: str
    fields: dict[str, Any] = field(default_factory=dict)
    payload: Callable[..., Any] | None = None


def scenario_of(specimen: Specimen) -> Scenario:
    """The scenario under which the bug has to be found, and its twin has to be left alone."""
    known: dict[str, Any] = {
        "schema": "penguiflow.sim/1",
        "name": "".join(letter if letter.isalnum() else "-" for letter in specimen.name.lower()),
        "flow": "gallery:build",
        "load": {"arrival": "poisson", "stages": [{"for": "4s", "rate": "1/s"}]},
        "horizon": "600s",
    }
    return Scenario.model_validate({**known, **specimen.fields})


@cache
def prepared(specimen: Specimen, *, mended: bool) -> Prepared:
    """The specimen, or its twin, ready to run."""

    def build(world: Any) -> Any:
        return specimen.build(world, mended)

    return Prepared(scenario_of(specimen), build, specimen.payload)


def findings(specimen: Specimen, seed: int, *, mended: bool = False) -> list[str]:
    """The kinds of what is found in one run, of checks that count and of those that only warn."""
    ready = prepared(specimen, mended=mended)
    outcome = evaluate_seed(ready.scenario, run_seed(ready, seed))
    broken = [check for check in outcome.checks if check.verdict == "fail"]
    return [finding.kind for check in broken for finding in check.findings]


def runs_until_found(specimen: Specimen) -> int | None:
    """How many seeds it takes; `None` when all of them show nothing of it."""
    for runs, seed in enumerate(SEEDS, start=1):
        if any(kind in specimen.finding for kind in findings(specimen, seed)):
            return runs
    return None
