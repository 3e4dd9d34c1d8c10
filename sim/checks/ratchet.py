"""Known failures: they warn, and the list of them can only get shorter (SCENARIOS 1.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sim.checks.rows import Row
    from sim.model.scenario import Known


def ratchet(rows: Sequence[Row], known: Sequence[Known], *, all_seeds: bool, today: date | None) -> list[Row]:
    """The rows, those of known failures softened to warnings, or failing because their entry has to go.

    The day itself stands nowhere in what comes out: two days on the same side
    of every `until` give the same rows.

    Args:
        rows: every promise over all seeds.
        known: the entries of the file.
        all_seeds: whether every seed of the file was run; a few of them do not show that a failure is gone.
        today: the day to hold the dates against; `None` where none is past.

    """
    entries = {one.check: one for one in known}
    return [
        _settled(row, entries[row.promise.id], all_seeds=all_seeds, today=today) if row.promise.id in entries else row
        for row in rows
    ]


def _settled(row: Row, entry: Known, *, all_seeds: bool, today: date | None) -> Row:
    if not row.failing:
        gone = f"known ({entry.issue}) and no longer failing: take it out of known"
        return replace(row, known=gone, stale=True) if all_seeds and not row.doubts else row
    if today is not None and today > entry.until:
        past = f"known ({entry.issue}), but excused only until {entry.until}: repair it, or move the date"
        return replace(row, known=past, stale=True)
    excused = f"known ({entry.issue}) until {entry.until}"
    return replace(row, known=excused, promise=replace(row.promise, severity="warn"))
