"""A capsule: one failing run, with all that it takes to see it again on another machine and in another checkout.

No payload value, no host and no path of a machine stands in a capsule.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

CAPSULE_SCHEMA_ID = "penguiflow.sim.capsule/1"
CAPSULE_SUFFIX = ".capsule.json"
_NAME_LENGTH = 80


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Violation(_Data):
    """A check that the run broke, and the kinds of what broke it."""

    check: str
    findings: tuple[str, ...]


class Versions(_Data):
    """What the bytes of the run hold for.

    Args:
        penguiflow_sim: the version of this distribution.
        draws: the version of the mapping from addresses to draws.
        python: the minor version, such as `3.11`.
        hash_seed: PYTHONHASHSEED of the process that ran it.

    """

    penguiflow_sim: str
    draws: int
    python: str
    hash_seed: str


class Code(_Data):
    """Digests by which the same code is known again.

    Args:
        scenario: over the modules and files that the scenario names, and what those import from beside it.
        harness: over the sources of `penguiflow` and `sim`.

    """

    scenario: str
    harness: str


class Trail(_Data):
    """A short form of everything that happened: where two runs part can be told from it.

    Args:
        events: how many things happened.
        end_s: when the run ended, in virtual seconds.
        stride: after so many events each there is a mark.
        marks: the digest of everything up to there, in 8 digits.

    """

    events: int
    end_s: float
    stride: int
    marks: tuple[str, ...]


class Capsule(_Data):
    """One failing run.

    Args:
        file: the scenario's file, from the root of its project.
        scenario: the scenario as data, in the words of its file.
        scenario_sha256: of what the scenario means.
        seed: the seed.
        plan: what was late, failed or died besides what the file's faults did.
        explored: whether the run belongs to an exploration; thresholds say nothing of one with a plan.
        digest: over every event of the run.
        steps_digest: over every step of every task; holds for one minor version of Python.
        violations: what the run broke.
        legal: why the run may happen.
        command: how to see it again.

    """

    schema_: Literal["penguiflow.sim.capsule/1"] = Field(default="penguiflow.sim.capsule/1", alias="schema")
    file: str
    scenario: dict[str, Any]
    scenario_sha256: str
    seed: int
    plan: dict[str, Any]
    explored: bool
    digest: str
    steps_digest: str
    trail: Trail
    violations: tuple[Violation, ...]
    versions: Versions
    code: Code
    legal: str
    command: str

    @property
    def name(self) -> str:
        """The name of its scenario."""
        return str(self.scenario["name"])


def capsule_file(scenario: str, seed: int) -> str:
    """The name of the file of a capsule; a variant's has a digest instead of what no file name should hold."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", scenario).strip("-")
    if plain != scenario:
        plain = f"{plain[:_NAME_LENGTH]}-{sha256(scenario.encode()).hexdigest()[:8]}"
    return f"{plain}-{seed}{CAPSULE_SUFFIX}"
