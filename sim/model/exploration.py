"""What an exploration found: failures, each with all that it takes to see it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.model.plan import CallPoint, Plan

LEGAL = (
    "legal on stock asyncio: the ready queue stayed first in, first out; only what the plan names was different outside"
)
"""What every failure of an exploration can say of itself."""
_EVENTS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed.

    Args:
        program: the name of what ran.
        seed: its seed.
        plan: what was different outside.
        error: what the program raised, or how the simulation ended.
        digest: the digest of the run; the same seed and plan give it again.
        calls: the calls to the outside that the run made.
        ended_s: when it ended, in virtual seconds.

    """

    program: str
    seed: int
    plan: Plan
    error: BaseException
    digest: str
    calls: tuple[CallPoint, ...]
    ended_s: float

    def __str__(self) -> str:
        text = str(self.error)
        lines = [
            f"{self.program} fails with seed {self.seed}: {type(self.error).__name__}{': ' if text else ''}{text}",
            f"  plan {self.plan}",
            f"  at {self.ended_s:g} s, after {len(self.calls)} calls: {self._last_calls()}",
            f"  {LEGAL}",
            f"  again: sim.run({self.program}, seed={self.seed}, plan={self.plan})",
        ]
        return "\n".join(lines)

    def _last_calls(self) -> str:
        shown = [call.address for call in self.calls[-_EVENTS_SHOWN:]]
        return ("... " if len(self.calls) > len(shown) else "") + (", ".join(shown) or "none")


@dataclass(frozen=True, slots=True)
class Exploration:
    """What many runs of one program came to.

    Args:
        program: the name of what ran.
        runs: how many runs there were.
        calls: what the program calls when nothing is late.
        singles: how many plans with one late call there are.
        singles_tried: how many of them ran; all of them is a proof for these multipliers.
        failures: the runs that failed, in the order of their seeds.
        never: each `sim.sometimes` of the program that held in no run.

    """

    program: str
    runs: int
    calls: tuple[CallPoint, ...]
    singles: int
    singles_tried: int
    failures: tuple[Failure, ...]
    never: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no run failed, and the program got wherever it says that it sometimes gets."""
        return not (self.failures or self.never)

    def check(self) -> None:
        """Do nothing when all runs passed.

        Raises:
            ExplorationFailed: a run failed (its error is the cause), or a `sim.sometimes` held in no run.

        """
        if self.failures:
            raise ExplorationFailed(self) from self.failures[0].error
        if self.never:
            raise ExplorationFailed(self)

    def __str__(self) -> str:
        counted = (
            f"{self.program}: {self.runs} runs, {len(self.failures)} failed; {len(self.calls)} calls; "
            f"{self.singles_tried} of {self.singles} plans with one late call tried"
        )
        never = [f"  sometimes '{name}' never held, so these runs say nothing of it" for name in self.never]
        return "\n".join([counted, *never, *(str(failure) for failure in self.failures)])


class ExplorationFailed(AssertionError):  # noqa: N818 - a verdict about the program, as an assertion is
    """A run of an exploration failed, or none of them got where the program says that it sometimes gets.

    Args:
        exploration: all that was found.

    """

    def __init__(self, exploration: Exploration) -> None:
        super().__init__(str(exploration))
        self.exploration = exploration


@dataclass(frozen=True, slots=True)
class Portability:
    """What the lint saw that runs ready callbacks in any order: fragility, never a failure.

    Args:
        program: the name of what ran.
        runs: how many runs there were.
        fragile: the error of each seed that failed.

    """

    program: str
    runs: int
    fragile: Mapping[int, str]

    def __str__(self) -> str:
        if not self.fragile:
            return f"{self.program}: {self.runs} runs in any order of ready callbacks, and none failed"
        seed, error = next(iter(self.fragile.items()))
        return (
            f"{self.program}: leans on asyncio's order of ready callbacks: {len(self.fragile)} of {self.runs} runs in "
            f"another order fail, the first with seed {seed}: {error}; asyncio promises this order, so this is no bug"
        )
