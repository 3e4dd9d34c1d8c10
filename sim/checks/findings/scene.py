"""What a builder of findings looks at, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.checks.windows import WHOLE, Interval
from sim.model.result import Finding
from sim.model.scenario import CheckWhere

if TYPE_CHECKING:
    from sim.checks.story import Stories
    from sim.model.custom import Seen
    from sim.model.recording import Recording
    from sim.model.scenario import Check, FindingKind

FINDINGS_MAX = 3
"""Findings of one check in one seed: the first in time are enough to understand it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a check fails in one seed.

    Args:
        headline: the failure in a few words, to follow the check's id.
        findings: at most `FINDINGS_MAX`, the earliest first.
        found: how many there are in all; `None` where `findings` holds them all.

    """

    headline: str
    findings: tuple[Finding, ...]
    found: int | None = None

    @property
    def total(self) -> int:
        """How many findings there are, shown or not."""
        return len(self.findings) if self.found is None else self.found


@dataclass(frozen=True, slots=True)
class Scene:
    """The part of a recording in which a check failed.

    Args:
        recording: the run.
        stories: the same, by trace.
        where: which samples count.
        interval: when they count.

    """

    recording: Recording
    stories: Stories
    where: CheckWhere = field(default_factory=CheckWhere)
    interval: Interval = WHOLE

    def finding(
        self,
        kind: FindingKind,
        at_s: float,
        summary: str,
        *,
        cause: str,
        fix: str,
        trace_id: str | None = None,
        tenant: str | None = None,
        node: str | None = None,
        noted: str = "",
    ) -> Finding:
        """A finding with the story of its trace.

        The faults that hit the trace become a part of the cause, and the limits of the node, with what is
        `noted` of it besides, a part of the fix: the values that it is about.
        """
        hits = self.stories.hits(trace_id)
        return Finding(
            kind=kind,
            seed=self.recording.seed,
            at_s=round(at_s, 6),
            summary=summary,
            trace_id=trace_id,
            tenant=tenant,
            node=node,
            story=self.stories.of(trace_id),
            cause=f"{cause} Hit by {', '.join(hits)}." if hits else cause,
            fix=self._with_limits(fix, node, noted),
        )

    def _with_limits(self, fix: str, node: str | None, noted: str) -> str:
        limits = None if node is None else self.recording.limits.get(node)
        facts = ", ".join(part for part in ("" if limits is None else str(limits), noted) if part)
        return f"{fix} ({node}: {facts})" if node and facts else fix


@dataclass(frozen=True, slots=True)
class Broken:
    """A check of the file that fails, with the number that breaks it.

    Args:
        check: the check.
        value: its number; infinite where the baseline's is 0.
        measured: the number before it was divided by that of the baseline.
        baseline: what it was divided by; `None` for a check that compares with nothing.
        seen: what a check of somebody's own saw.

    """

    check: Check
    value: float
    measured: float | None = None
    baseline: float | None = None
    seen: tuple[Seen, ...] = ()
