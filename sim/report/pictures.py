"""The plots of a scenario, drawn once for all reports; one that cannot be drawn is an error line, not an end."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.report.plots import FORMATS, KINDS, alt_text, csv_text, draw, has_data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.model.result import ScenarioResult
    from sim.report.plots import Format, Kind

_TITLES: Mapping[Kind, str] = MappingProxyType(
    {"latency": "Latency over virtual time", "queues": "Queue depth by node"}
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One plot of one scenario.

    Args:
        kind: `latency` or `queues`.
        title: what it shows, for people.
        files: its bytes by format; empty when it could not be drawn.
        csv: the numbers behind it.
        alt_text: the same in words.
        error: why it could not be drawn; empty when it could.

    """

    kind: Kind
    title: str
    files: Mapping[Format, bytes]
    csv: str
    alt_text: str
    error: str = ""


def pictures(scenario: ScenarioResult, formats: Sequence[Format] = FORMATS) -> tuple[Picture, ...]:
    """The plots that the scenario has numbers for, in the given formats."""
    return tuple(_picture(scenario, kind, formats) for kind in KINDS if has_data(scenario, kind))


def _picture(scenario: ScenarioResult, kind: Kind, formats: Sequence[Format]) -> Picture:
    facts = {"csv": csv_text(scenario, kind), "alt_text": alt_text(scenario, kind)}
    try:
        files = draw(scenario, kind, formats)
    except Exception as error:  # noqa: BLE001 - whatever the plotting library raises, the rest of the report stands
        line = f"the {kind} plot of {scenario.name} could not be drawn: {type(error).__name__}: {error}"
        return Picture(kind, _TITLES[kind], {}, error=line, **facts)
    return Picture(kind, _TITLES[kind], files, **facts)
