"""What a builder of findings looks at, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.checks.windows import WHOLE, Interval
from sim.model.result import Finding
from sim.model.scenario import Where

if TYPE_CHECKING:
    from sim.checks.story import Stories
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

    """

    headline: str
    findings: tuple[Finding, ...]


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
    where: Where = field(default_factory=Where)
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
    ) -> Finding:
        """A finding with the story of its trace; the faults that hit the trace are a part of the cause."""
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
            fix=fix,
        )


@dataclass(frozen=True, slots=True)
class Broken:
    """A check of the file that fails, with the number that breaks it.

    Args:
        check: the check.
        value: its number; infinite where the baseline's is 0.

    """

    check: Check
    value: float
