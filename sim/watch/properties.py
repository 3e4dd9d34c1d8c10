"""What the code under test states about itself, counted in one run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sim.kernel.whereabouts import actor
from sim.model.properties import PropertyTally
from sim.properties import install

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.properties import PropertyKind


@contextmanager
def watched_properties(tallies: dict[str, PropertyTally], clock: Callable[[], float]) -> Iterator[None]:
    """Inside, every `sim.always` and its like is counted.

    Args:
        tallies: where, by the name of the property.
        clock: virtual seconds since the start.

    """

    def observe(kind: PropertyKind, name: str, held: bool) -> None:  # noqa: FBT001 - the protocol of an observer
        tally = tallies.get(name)
        if tally is None:
            tally = tallies[name] = PropertyTally(kind, name)
        if held:
            tally.held += 1
            return
        tally.failed += 1
        if tally.first_failure_s is None:
            tally.first_failure_s, tally.actor = clock(), actor()

    previous = install(observe)
    try:
        yield
    finally:
        install(previous)
