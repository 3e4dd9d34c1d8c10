"""The extension point for checks of your own (docs/checks.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.model.recording import Recording


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that a check of your own saw in a recording.

    Args:
        text: what it is, in one line; the largest ones stand in the report.
        value: its number.
        at_s: when, in virtual seconds; without it, it counts only `during: whole`.
        trace_id: the trace concerned; its story stands in the report.
        tenant: the tenant concerned, for `where`.
        node: the node concerned, for `where`.
        cause: the likely cause, in a sentence.
        fix: one thing to try, in a sentence.

    """

    text: str
    value: float = 1.0
    at_s: float | None = None
    trace_id: str | None = None
    tenant: str | None = None
    node: str | None = None
    cause: str = ""
    fix: str = ""


class CustomCheck(Protocol):
    """A function of one recording: it tells what it saw, as bare numbers or with all that is known of them."""

    def __call__(self, recording: Recording, /) -> Iterable[float | Seen]:
        """Look at the run of one seed; nothing of it may be changed."""
        ...


class CustomCheckError(Exception):
    """A check of somebody's own failed, or gave something that is no sample.

    Args:
        check: the id of the check.
        message: what was wrong, with which value.
        rule: what holds instead.
        fix: one thing to try.

    """

    def __init__(self, check: str, message: str, *, rule: str, fix: str) -> None:
        super().__init__(f"{message}; {rule}; {fix}")
        self.check = check
        self.message = message
        self.rule = rule
        self.fix = fix
