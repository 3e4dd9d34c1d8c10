"""Properties that code states about itself: `always`, `sometimes`, `reachable`, `unreachable`.

The words are those of Antithesis (antithesis.com/docs/properties_assertions).
They stand inside nodes and stay there in production, where a call does
nothing. This module imports nothing, so that importing it costs nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    PropertyKind = Literal["always", "sometimes", "reachable", "unreachable"]
    Observer = Callable[[PropertyKind, str, bool], None]

_observe: Observer | None = None


def always(condition: object, name: str) -> None:
    """State that `condition` is true whenever this line runs.

    Args:
        condition: its truth is what counts.
        name: the property, in a few words; one name stands for one property.

    """
    if _observe is not None:
        _observe("always", name, bool(condition))


def sometimes(condition: object, name: str) -> None:
    """State that `condition` is true at least once in a whole sweep: that a test gets there.

    Args:
        condition: its truth is what counts.
        name: the property, in a few words.

    """
    if _observe is not None:
        _observe("sometimes", name, bool(condition))


def reachable(name: str) -> None:
    """State that this line runs at least once in a whole sweep.

    Args:
        name: the property, in a few words.

    """
    if _observe is not None:
        _observe("reachable", name, True)


def unreachable(name: str) -> None:
    """State that this line never runs.

    Args:
        name: the property, in a few words.

    """
    if _observe is not None:
        _observe("unreachable", name, False)


def install(observer: Observer | None) -> Observer | None:
    """Have `observer` told of every property that is evaluated; return the one that it replaces."""
    global _observe
    previous, _observe = _observe, observer
    return previous
