"""What every fault of calls is: it decides whether it hits a call, tells what it does, and does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from sim.faults.matching import Trigger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from penguiflow import Call
    from penguiflow.core.intercept import Act
    from sim.kernel import World
    from sim.model.recording import FaultCount
    from sim.model.scenario import FaultBase
    from sim.subject import Subject

F = TypeVar("F", bound="FaultBase")


async def _nobody_dies(_restart_after_s: float) -> None:
    raise NotImplementedError("no fault and no plan of this run lets its flow die")


@dataclass(frozen=True)
class Setting:
    """What a fault acts in.

    Args:
        world: the run's clocks and chance.
        subject: what is hit.
        errors: exception classes that are named as code, by that name.
        factories: factories of custom faults, by their name.
        die: lets the flow die, and start again after so many seconds; never returns to who has died.

    """

    world: World
    subject: Subject
    errors: Mapping[str, Callable[[str], Exception]] = field(default_factory=dict)
    factories: Mapping[str, Callable[..., CustomAct]] = field(default_factory=dict)
    die: Callable[[float], Awaitable[None]] = _nobody_dies


class CustomAct(Protocol):
    """What the factory of a custom fault gives (docs/faults.md)."""

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out a call that is hit, through `proceed` or not, and give its result."""
        ...


class CallFault(Generic[F]):
    """A fault that hits single calls.

    Args:
        fault: the fault as the file has it.
        setting: what it acts in.
        count: where its hits are counted.

    """

    act: Act | None = None
    """The kind of act that it hits; `None` where its `where` says so."""
    share = 1.0

    def __init__(self, fault: F, setting: Setting, count: FaultCount) -> None:
        self.id = fault.id
        self.fault = fault
        self.world = setting.world
        self.draws = setting.world.draws
        self.setting = setting
        self._trigger = Trigger(fault, self.draws, count, share=self.share, act=self.act)

    @property
    def hits(self) -> Act:
        """The kind of act that it hits."""
        return self._trigger.act

    def fires(self, call: Call, now_s: float) -> bool:
        """Whether it hits this call."""
        return self._trigger.fires(call, now_s)

    def describe(self, call: Call) -> str:
        """What it does to the call, for the record."""
        raise NotImplementedError

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Carry the call out, spoilt."""
        raise NotImplementedError

    def forget(self) -> None:
        """The flow has died: no call is under way any more."""
