"""How the seeds of a scenario turn into plans of what is late outside (SCENARIOS section 1.9)."""

from typing import Annotated, Literal, get_args

from pydantic import Field, Strict, field_validator

from sim.model.fields import Flag, Model
from sim.model.rules import BrokenRule

Mode = Literal["file", "delay_points", "swarm", "stall", "crash", "subset"]
MODES: tuple[Mode, ...] = get_args(Mode)
LATE_MAX = 3


class Explore(Model):
    """What may be late besides what the file's faults do; seeds take turns with the modes."""

    modes: tuple[Mode, ...] = Field(
        default=("file",),
        description="`file` adds nothing to the file's faults; `delay_points` makes a few calls late, `swarm` whole "
        "nodes and tools, `stall` holds up the event loop, `crash` lets the flow die at a call; in `subset` only some "
        "of the file's faults act.",
        examples=[["file", "delay_points"]],
    )
    late: Annotated[int, Strict(), Field(ge=1, le=LATE_MAX)] = Field(
        default=LATE_MAX, description="At most so many calls are late in a run of `delay_points`.", examples=[2]
    )
    ties: Flag = Field(
        default=True,
        description="Whether timers that are due at exactly one time go off in another order in some runs.",
        examples=[False],
    )

    @field_validator("modes")
    @classmethod
    def _some(cls, modes: tuple[Mode, ...]) -> tuple[Mode, ...]:
        if not modes:
            raise BrokenRule("it is empty", rule="seeds take turns with one mode or more", fix="write [file, stall]")
        return modes

    @property
    def explores(self) -> bool:
        """Whether any mode adds something to the file's own faults."""
        return any(mode != "file" for mode in self.modes)
