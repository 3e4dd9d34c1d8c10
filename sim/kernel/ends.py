"""The ways in which a simulation ends before its program does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.model import recording


class SimulationEnd(Exception):  # noqa: N818 - an end is a verdict about the program, not an error of the harness
    """The simulation cannot go on.

    Args:
        at_s: virtual seconds from the start of the run.

    """

    def __init__(self, at_s: float) -> None:
        super().__init__(at_s)
        self.at_s = at_s


class Stuck(SimulationEnd):
    """Nothing is ready, no timer is set, and the program is not done.

    Args:
        story: who waits for what.

    """

    def __init__(self, story: recording.Stuck) -> None:
        super().__init__(story.at_s)
        self.args = (story,)
        self.story = story

    def __str__(self) -> str:
        lines = [f"stuck at {self.at_s:g} s: {self.story.reason}", *self.story.waits]
        return "\n  ".join(lines)


class HorizonReached(SimulationEnd):
    """The program is still busy when its virtual time is up.

    Args:
        at_s: the horizon, in virtual seconds.

    """

    def __str__(self) -> str:
        return (
            f"the run is still busy at its horizon of {self.at_s:g} s; "
            "virtual time does not pass the horizon; set a later one, or look for a loop that never ends"
        )


class Spinning(SimulationEnd):
    """Something is always ready and no timer is set: time stands still for ever.

    Args:
        at_s: virtual seconds from the start of the run.
        place: the line that runs again and again, as far as it is known.

    """

    def __init__(self, at_s: float, place: str) -> None:
        super().__init__(at_s)
        self.args = (at_s, place)
        self.place = place

    def __str__(self) -> str:
        return (
            f"a task spins at {self.place} and time stands still at {self.at_s:g} s; "
            "a task that waits for a change lets time pass; wait for an event, or sleep for longer than 0 s"
        )


class Unyielding(Spinning):
    """One callback computes without end: it neither awaits nor returns.

    Args:
        at_s: virtual seconds from the start of the run.
        place: the line that it was at when it was given up.

    """

    def __str__(self) -> str:
        return (
            f"a callback computes without end at {self.place} and holds up the event loop at {self.at_s:g} s; "
            "a callback may take some seconds of the processor's time; await something in the loop, or do less at once"
        )


class BudgetExhausted(SimulationEnd):
    """The program has run as many callbacks as it may.

    Args:
        at_s: virtual seconds from the start of the run.
        event_budget: how many callbacks were allowed.

    """

    def __init__(self, at_s: float, event_budget: int) -> None:
        super().__init__(at_s)
        self.args = (at_s, event_budget)
        self.event_budget = event_budget

    def __str__(self) -> str:
        return (
            f"the run used up its budget of {self.event_budget:,} callbacks at {self.at_s:g} s; "
            "a run has to end within its budget; look for a task that spins, or raise the budget"
        )
