"""From a sweep to the capsules of its failing seeds."""

from __future__ import annotations

import json
import os
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from penguiflow import __version__
from sim.capsules.code import code_of
from sim.kernel.draws import DRAW_ALGORITHM
from sim.model.capsule import Capsule, Trail, Versions, Violation, capsule_file
from sim.model.exploration import LEGAL
from sim.model.plan import Plan
from sim.sweep import broken_promises

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.loader import LoadedScenario
    from sim.model.outcome import SeedOutcome
    from sim.model.scenario import Scenario

CAPSULES_MAX = 10
"""Of one scenario, so many of its failing seeds are kept: the smallest ones."""


def capsules_of(loaded: LoadedScenario, failing: Sequence[SeedOutcome]) -> list[Capsule]:
    """The capsules of the smallest failing seeds.

    Args:
        loaded: the scenario and the places in its file.
        failing: seeds that broke a promise which counts.

    """
    kept = sorted(failing, key=lambda outcome: outcome.seed)[:CAPSULES_MAX]
    code = code_of(loaded) if kept else None
    return [
        Capsule(
            file=loaded.file,
            scenario=loaded.data,
            scenario_sha256=data_sha256(loaded.data),
            seed=outcome.seed,
            plan=(outcome.plan or Plan()).as_dict(),
            explored=outcome.plan is not None,
            digest=outcome.digest,
            steps_digest=outcome.steps_digest,
            trail=Trail(events=outcome.events, end_s=outcome.end_s, stride=outcome.stride, marks=outcome.marks),
            violations=violations(loaded.scenario, outcome),
            versions=versions(),
            code=code,
            legal=LEGAL,
            command=f"penguiflow sim replay {capsule_file(loaded.scenario.name, outcome.seed)}",
        )
        for outcome in kept
        if code is not None
    ]


def violations(scenario: Scenario, outcome: SeedOutcome) -> tuple[Violation, ...]:
    """The promises of a scenario that count and that a seed broke."""
    return tuple(
        Violation(check=check.id, findings=tuple(dict.fromkeys(finding.kind for finding in check.findings)))
        for check in broken_promises(scenario, outcome)
    )


def versions() -> Versions:
    """Those of this process."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    hash_seed = os.environ.get("PYTHONHASHSEED", "random")
    return Versions(penguiflow_sim=__version__, draws=DRAW_ALGORITHM, python=python, hash_seed=hash_seed)


def data_sha256(data: Mapping[str, Any]) -> str:
    """A digest of a scenario as data."""
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
