"""Faults that end something from outside: the process of the flow, a request, one attempt."""

from typing import Literal

from pydantic import Field

from sim.model.fault_base import FaultBase
from sim.model.fields import Flag, Positive
from sim.model.units import Duration


class CrashFault(FaultBase):
    """The flow dies with all that it holds in memory; a new one is built, and gets what was not answered yet."""

    kind: Literal["crash"] = Field(
        description="The flow dies with all that it holds in memory, and is built again.", examples=["crash"]
    )
    restart_after: Duration = Field(
        default=1.0, description="How long after its death the new flow starts.", examples=["5s"]
    )
    after_effect: Flag = Field(
        default=False,
        description="`false`: it dies when the call begins; `true`: when the call has taken effect and before its "
        "answer is seen.",
        examples=[True],
    )
    max_fires: Positive | None = Field(default=1, description="Die at most this often in a run.", examples=[2])


class CancelFault(FaultBase):
    """A request, or the attempt that works for it, is cancelled from outside."""

    kind: Literal["cancel"] = Field(description="Something is cancelled from outside.", examples=["cancel"])
    what: Literal["trace", "node"] = Field(
        default="trace",
        description="`trace`: the whole request, as its caller would; `node`: the running attempt of the node, as a "
        "supervisor would.",
        examples=["node"],
    )
    after_effect: Flag = Field(
        default=False,
        description="`false`: when the call begins; `true`: when it has taken effect and before its answer is seen.",
        examples=[True],
    )
