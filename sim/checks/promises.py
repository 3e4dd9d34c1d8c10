"""Every promise of a scenario in one form: the checks of its file, and those that are always on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sim.checks.describe import describe_limit, describe_where, unit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.model.scenario import Check, Scenario

_ALWAYS_ON = {
    "stuck": "Everything that was accepted ends before the horizon.",
    "lost": "Every request has an outcome.",
    "leaks": "No tenant sees what belongs to another.",
    "surroundings": "Nothing blocks the event loop or goes past the simulated world.",
    "duplicates": "Nothing takes effect twice, whatever is late.",
    "properties": "What the code states about itself is true.",
    "determinism": "The same seed gives the same bytes.",
}
_WARNINGS = ("surroundings",)


@dataclass(frozen=True, slots=True)
class Promise:
    """What has to hold, in the words of a report.

    Args:
        check: the check of the file; `None` for one that is always on.
        about: the promise as a sentence; empty for a check of the file.

    The other fields are those of `sim.model.result.CheckResult`.

    """

    id: str
    metric: str
    stat: str
    during: str
    where: str
    severity: Literal["fail", "warn"]
    unit: str
    limit: str
    check: Check | None = None
    about: str = ""

    def excess(self, value: float) -> float:
        """How far `value` lies beyond its bounds; negative inside of them."""
        if self.check is None:
            return value
        beyond = [] if self.check.max is None else [value - self.check.max]
        return max(beyond if self.check.min is None else [*beyond, self.check.min - value])


def promises(scenario: Scenario, judged: Sequence[str]) -> list[Promise]:
    """The checks of the file, in its order, then the always-on ones, among those that were judged."""
    of_file = (_of_file(check) for check in scenario.checks if check.id in judged)
    return [*of_file, *(_always_on(name) for name in _ALWAYS_ON if name in judged)]


def _of_file(check: Check) -> Promise:
    return Promise(
        id=check.id,
        metric=check.metric,
        stat=check.stat,
        during=check.during,
        where=describe_where(check.where),
        severity=check.severity,
        unit=unit_of(check),
        limit=describe_limit(check),
        check=check,
    )


def _always_on(id: str) -> Promise:
    return Promise(
        id=id,
        metric=id,
        stat="count",
        during="whole",
        where="",
        severity="warn" if id in _WARNINGS else "fail",
        unit="",
        limit="<= 0",
        about=_ALWAYS_ON[id],
    )
