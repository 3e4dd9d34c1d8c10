"""Counts and seeds in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEEDS_SHOWN = 3


def seed_list(seeds: Sequence[int]) -> str:
    """The smallest few seeds, such as `seed 17` or `seeds 3, 17, 31 and 9 more`."""
    shown = ", ".join(str(seed) for seed in sorted(seeds)[:_SEEDS_SHOWN])
    more = f" and {len(seeds) - _SEEDS_SHOWN} more" if len(seeds) > _SEEDS_SHOWN else ""
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {shown}{more}"


def share_of_seeds(part: int, whole: int) -> str:
    """A part of the seeds, such as `12 of 20 seeds`, or `the only seed`."""
    return "the only seed" if part == whole == 1 else f"{part} of {whole} seeds"


def counted(number: int, noun: str) -> str:
    """A number of things, such as `1 request` or `3 requests`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
