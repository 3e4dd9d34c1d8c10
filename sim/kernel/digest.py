"""A digest over everything that a run does: when, who, what, with which values; equal digests mean the same run."""

from __future__ import annotations

import hashlib
import sys
from array import array
from itertools import zip_longest
from math import copysign
from typing import TYPE_CHECKING, Any, NamedTuple

from penguiflow import fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON = f"py{sys.version_info.major}.{sys.version_info.minor}"
"""The version whose runs are comparable: asyncio takes other steps in another minor version."""
CALLBACK = 0
"""The word for a callback that is no task's step; the word for a task's step is the task's index."""
FULL = 4096
"""Words that wait at most before they are hashed."""


class Event(NamedTuple):
    """One thing that happened in a run.

    Args:
        at_s: when, in virtual seconds.
        address: to whom: a task such as `task-3`, a call such as `charge#1`, or the run's `main`.
        kind: what: `step`, `callback`, `call`, `answer`, or the program's own word.
        payload: the fingerprint of the values that came with it; empty without any.

    """

    at_s: float
    address: str
    kind: str
    payload: str = ""

    def __str__(self) -> str:
        return f"{self.at_s:.6f} s  {self.address}  {self.kind}  {self.payload}".rstrip()


class Digest:
    """The digest of one run, always on: the loop writes machine words into `words`, calls write their addresses.

    Args:
        keep_events: also keep each event, to show where two runs part.

    """

    __slots__ = ("_hash", "_now", "events", "keep_events", "words")

    def __init__(self, *, keep_events: bool = False) -> None:
        self.words: list[float] = []  # a time below zero, then who was run at that time, then the next time
        self.events: list[Event] = []
        self.keep_events = keep_events
        self._hash = hashlib.blake2b(digest_size=16)
        self._now = 0.0

    def add(self, at_s: float, address: str, kind: str, *values: object) -> None:
        """Take an event in, by the fingerprint of its `values`."""
        self.flush()
        payload = fingerprint.digest(values) if values else ""
        self._hash.update(repr((at_s, address, kind, payload)).encode("utf-8", "surrogatepass"))
        if self.keep_events:
            self.events.append(Event(at_s, address, kind, payload))

    def flush(self) -> None:
        """Hash the words that wait."""
        if self.keep_events:
            self._keep(self.words)
        octets = array("d", self.words)  # a time of zero is -0.0, which has other octets than the word for a callback
        if sys.byteorder == "big":
            octets.byteswap()
        self._hash.update(octets.tobytes())
        self.words.clear()  # the loop holds this very list

    def _keep(self, words: Sequence[float]) -> None:
        for word in words:
            if copysign(1.0, word) < 0:
                self._now = -word
            elif word == CALLBACK:
                self.events.append(Event(self._now, "loop", "callback"))
            else:
                self.events.append(Event(self._now, f"task-{word:g}", "step"))

    def __str__(self) -> str:
        """The digest so far, behind the Python version that it holds for: `py3.11-<32 digits>`."""
        self.flush()
        return f"{PYTHON}-{self._hash.hexdigest()}"


class OtherPythonError(ValueError):
    """Two digests of different Python versions were to be compared."""


def same(first: str, second: str) -> bool:
    """Whether two runs with these digests did the same.

    Raises:
        OtherPythonError: the digests come from different minor versions of Python, which say nothing of each other.

    """
    versions = [digest.partition("-")[0] for digest in (first, second)]
    if versions[0] != versions[1]:
        msg = (
            f"digests of {versions[0]} and {versions[1]} cannot be compared: asyncio takes other steps in each minor "
            f"version of Python; run both under {versions[0]}, or compare what the program answers"
        )
        raise OtherPythonError(msg)
    return first == second


def first_difference(first: Sequence[Event], second: Sequence[Event]) -> tuple[Event | None, Event | None] | None:
    """The first events in which two runs differ, `None` for that of a run that is over; no pair when they are equal."""
    pairs: Any = zip_longest(first, second)
    return next(((ours, theirs) for ours, theirs in pairs if ours != theirs), None)
