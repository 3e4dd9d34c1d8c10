"""Numbers, times and names as people read them; every report spells them the same way."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from sim.model.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OUTCOME_ORDER = ("ok", "error", "deadline", "cancelled", "no_result", "unanswered")
duration = format_duration  # one word for each kind of number in a report
_UNSAFE_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
# Invisible characters that reorder the text around them, and with it what a reader believes.
_REORDERING = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def printable(text: str) -> str:
    """`text` with control and reordering characters spelled out, so that no name can act on a terminal or a page."""
    return "".join(_spelled_out(character) for character in text)


def _spelled_out(character: str) -> str:
    unsafe = unicodedata.category(character) in _UNSAFE_CATEGORIES or character in _REORDERING
    return character.encode("unicode_escape").decode("ascii") if unsafe else character


def clipped(text: str, length: int) -> str:
    """`text`, or its beginning and an ellipsis where it is longer than `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def number(value: float) -> str:
    """A plain number to three decimals, with thousands separated: `1,880`, `0.012`, `2.5`."""
    shown = f"{value:,.3f}".rstrip("0").rstrip(".")
    if shown in ("0", "-0") and value:
        return f"{value:.2g}"
    return "0" if shown == "-0" else shown


def instant(seconds: float) -> str:
    """A point of virtual time, to the millisecond: `40.120 s`."""
    return f"{seconds:,.3f} s"


def quantity(value: float | None, unit: str) -> str:
    """A check's number with its unit; seconds read as a duration."""
    if value is None:
        return "no value"
    if unit == "s":
        return duration(value)
    return f"{number(value)} {unit}".rstrip()


def percent(share: float) -> str:
    """A share as a whole percentage; a small one is never called nothing."""
    return "<1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"  # noqa: PLR2004 - half a percent rounds to nothing


def plural(count: int, noun: str) -> str:
    """`1 seed`, `2 seeds`, `2 promises`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def seed_ranges(seeds: Sequence[int]) -> str:
    """Seeds in short: `1..50 +4711`; no more than four parts."""
    parts = [str(run.first) if run.first == run.last else f"{run.first}..{run.last}" for run in _runs(sorted(seeds))]
    shown, hidden = parts[:4], len(parts) - 4
    return " +".join(shown) + (f" and {hidden} more" if hidden > 0 else "") or "none"


class _Run(NamedTuple):
    """Seeds in a row."""

    first: int
    last: int


def _runs(ordered: Sequence[int]) -> Iterator[_Run]:
    first = None
    for position, seed in enumerate(ordered):
        first = seed if first is None else first
        if position + 1 == len(ordered) or ordered[position + 1] > seed + 1:
            yield _Run(first, seed)
            first = None


def seed_list(seeds: Sequence[int], of: int) -> str:
    """Failing seeds in short: `seeds 17, 31 (2 of 51)`; the three smallest stand for all."""
    noun = "seed" if len(seeds) == 1 else "seeds"
    more = ", …" if len(seeds) > 3 else ""  # noqa: PLR2004 - three examples are enough to start from
    return f"{noun} {', '.join(str(seed) for seed in sorted(seeds)[:3])}{more} ({len(seeds)} of {of})"


def outcome_list(outcomes: Mapping[str, int]) -> list[tuple[str, int]]:
    """Outcomes that happened, in the order good to bad."""
    names = [*OUTCOME_ORDER, *sorted(name for name in outcomes if name not in OUTCOME_ORDER)]
    return [(name.replace("_", " "), outcomes[name]) for name in names if outcomes.get(name)]
