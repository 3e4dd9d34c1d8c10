"""Running a saved failure again, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sim.capsules.code import code_of
from sim.capsules.divergence import divergence
from sim.capsules.files import parse
from sim.capsules.make import versions, violations
from sim.capsules.restore import restored
from sim.loader import modules_of
from sim.model.plan import Plan, plan_from
from sim.prepare import prepare
from sim.sweep.jobs import judge_seed
from sim.usercode import user_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.model.capsule import Capsule, Violation
    from sim.model.outcome import SeedOutcome

Status = Literal["FIXED", "FAILED", "DIVERGED", "INCONCLUSIVE", "ERROR"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a capsule came to.

    Args:
        path: its file.
        status: `FIXED` where nothing of it is broken any more, `FAILED` where it is, `DIVERGED` where the same code
            did something else, `INCONCLUSIVE` where nothing was tested.
        text: why, in one line.
        details: more lines; where the runs part.
        trace: everything that happened, one line each, where it was asked for.

    """

    path: Path
    status: Status
    text: str
    details: tuple[str, ...] = ()
    trace: tuple[str, ...] = ()


def replay(path: Path, *, scenarios: Path | None = None, trace: bool = False) -> Replayed:
    """Run a capsule again.

    The same code has to do the same to the byte. Of changed code its checks
    decide, and so they do under another minor version of Python, whose tasks
    take other steps, or another hash seed.

    Args:
        path: the capsule.
        scenarios: where scenarios lie in this checkout.
        trace: whether to keep everything that happens.

    Raises:
        CapsuleError: it cannot be read, or its code is not here.
        ScenarioError: its code cannot be driven.

    """
    capsule = parse(path)
    loaded = restored(capsule, path, scenarios)
    prepared = prepare(loaded)
    plan = plan_from(capsule.plan) if capsule.explored else None
    events: list[str] = []
    with modules_of(loaded.folder), user_errors(loaded):
        outcome = judge_seed(prepared, capsule.seed, plan, events if trace else None)
        changed = _changed(capsule, code_of(loaded).scenario, code_of(loaded).harness)
        status, text, details = _judged(capsule, outcome, violations(loaded.scenario, outcome), changed)
        if status == "DIVERGED":
            details = divergence(capsule, prepared, plan or Plan())
    shown = f"{capsule.name} seed {capsule.seed}: {text}"
    return Replayed(path, status, shown, tuple(details), tuple(_noted(events)))


def _changed(capsule: Capsule, scenario: str, harness: str) -> str:
    """What is not as it was when the capsule was saved, so that its bytes say nothing; empty where all is."""
    now, then = versions(), capsule.versions
    if now.python != then.python:
        return f"saved under Python {then.python}, replayed under {now.python}"
    if now.hash_seed != then.hash_seed:
        return f"saved with PYTHONHASHSEED={then.hash_seed}, replayed with {now.hash_seed}"
    if now.penguiflow_sim != then.penguiflow_sim or harness != capsule.code.harness:
        return f"saved by penguiflow-sim {then.penguiflow_sim}, replayed by {_other(now.penguiflow_sim, then)}"
    return "the code has changed" if scenario != capsule.code.scenario else ""


def _other(version: str, then: object) -> str:
    same = version == getattr(then, "penguiflow_sim", "")
    return f"another {version}" if same else version


def _judged(
    capsule: Capsule, outcome: SeedOutcome, broken: Sequence[Violation], changed: str
) -> tuple[Status, str, tuple[str, ...]]:
    if not changed:
        if (outcome.digest, outcome.steps_digest) != (capsule.digest, capsule.steps_digest):
            return "DIVERGED", "the same code does not do the same", ()
        return "FAILED", f"{_told(broken)}, to the byte as it was saved", ()
    saved = [violation.check for violation in capsule.violations]
    again = [violation for violation in broken if violation.check in saved]
    if again:
        return "FAILED", f"{_told(again)}; {changed}", ()
    if broken:
        return "FAILED", f"{_told(broken)}, instead of {', '.join(saved)}; {changed}", ()
    if outcome.plan_unmet:
        unmet = ", ".join(outcome.plan_unmet)
        return "INCONCLUSIVE", f"its plan meets no call {unmet} any more, so nothing was tested; {changed}", ()
    holds = "holds" if len(saved) == 1 else "hold"
    return "FIXED", f"{', '.join(saved)} {holds} now; {changed}", ()


def _told(broken: Sequence[Violation]) -> str:
    return ", ".join(
        f"{one.check} fails ({', '.join(one.findings)})" if one.findings else f"{one.check} fails" for one in broken
    )


def _noted(events: Sequence[str]) -> list[str]:
    """What the run noted, without the steps of its tasks."""
    return [line.replace("  run  ", "  ", 1) for line in events if "  run  " in line]
