"""Faults of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.faults.base import CallFault
from sim.model.faults import CustomFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penguiflow import Call
    from sim.faults.base import Setting
    from sim.model.recording import FaultCount


class FactoryError(Exception):
    """The factory of a custom fault gives nothing that can act.

    Args:
        fault: the fault.
        problem: what is wrong.

    """

    def __init__(self, fault: str, problem: str) -> None:
        super().__init__(problem)
        self.fault = fault


class Custom(CallFault[CustomFault]):
    """What the factory gives acts on the calls that are hit; `where`, window and chance are the harness's."""

    def __init__(self, fault: CustomFault, setting: Setting, count: FaultCount) -> None:
        super().__init__(fault, setting, count)
        factory = setting.factories[fault.factory]
        try:
            self._made = factory(fault, self.draws, **fault.args)
        except Exception as error:
            raise FactoryError(
                fault.id, f"{fault.factory} raises {type(error).__name__}: {error}; it takes (fault, draws, **args)"
            ) from error
        if not callable(getattr(self._made, "apply", None)):
            kind = type(self._made).__name__
            raise FactoryError(fault.id, f"{fault.factory} gives a {kind}, which has no method apply(call, proceed)")

    def describe(self, call: Call) -> str:
        """In its own words, where it has any."""
        describe = getattr(self._made, "describe", None)
        return str(describe(call)) if callable(describe) else self.fault.factory

    async def apply(self, call: Call, proceed: Callable[[], Awaitable[Any]]) -> Any:
        """Let it act."""
        return await self._made.apply(call, proceed)
