"""What a check of somebody's own saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.findings.scene import FINDINGS_MAX, Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.checks.findings.scene import Scene
    from sim.model.custom import Seen

_CAUSE = "A check of your own says so."
_FIX = "Look at what the check reads in the recording."


def custom_evidence(scene: Scene, seen: Sequence[Seen]) -> Evidence:
    """The things with a text, those with the largest numbers first."""
    told = sorted((one for one in seen if one.text), key=lambda one: -one.value)
    findings = tuple(
        scene.finding(
            "custom",
            scene.interval.start_s if one.at_s is None else one.at_s,
            one.text,
            trace_id=one.trace_id,
            tenant=one.tenant,
            node=one.node,
            cause=one.cause or _CAUSE,
            fix=one.fix or _FIX,
        )
        for one in told[:FINDINGS_MAX]
    )
    return Evidence(told[0].text if told else "", findings, len(told))
