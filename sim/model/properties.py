"""What code states about itself (`sim.always` and its like): where it stands, and how often it held."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeclaredProperty:
    """A property that stands in the text of the code.

    Args:
        kind: `always`, `sometimes`, `reachable` or `unreachable`.
        name: the property.
        place: `file:line`, from the scenario's folder.

    """

    kind: str
    name: str
    place: str


@dataclass(slots=True)
class PropertyTally:
    """How often a property of the code held, and how often it did not.

    Args:
        kind: `always`, `sometimes`, `reachable` or `unreachable`.
        name: the property.
        held: how often it did.
        failed: how often it did not.
        first_failure_s: when it first did not.
        actor: who ran then.

    """

    kind: str
    name: str
    held: int = 0
    failed: int = 0
    first_failure_s: float | None = None
    actor: str = ""

    @property
    def broken(self) -> bool:
        """Whether this run alone shows that it does not hold."""
        return self.failed > 0 and self.kind in ("always", "unreachable")
