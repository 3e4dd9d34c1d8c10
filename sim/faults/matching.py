"""Which calls a fault may hit: `where`, the window, and chance by address."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penguiflow import Call
    from sim.kernel.draws import Draws
    from sim.model.recording import FaultCount
    from sim.model.scenario import FaultBase, Where


def address_of(call: Call) -> tuple[str | int, ...]:
    """The name of one call among all calls of a run: where it is, not when it came."""
    return (
        call.act,
        call.node or "",
        call.name or "",
        call.tenant or "",
        call.trace_id or "",
        call.attempt,
        call.occurrence,
    )


def where_matches(where: Where, call: Call) -> bool:
    """Whether `call` is one that `where` describes; attempts and calls are counted from 1 there."""
    if call.act != ("tool" if where.tool is not None else "attempt"):
        return False
    return (
        where.node in (None, call.node)
        and where.tool in (None, call.name)
        and where.tenant in (None, call.tenant)
        and where.attempt in (None, call.attempt + 1)
        and where.call in (None, call.occurrence + 1)
    )


class Trigger:
    """Decides for one fault, call by call, and counts.

    Args:
        fault: the fault.
        draws: the run's source of chance.
        count: where to count.
        share: a further probability, drawn apart from `chance`.

    """

    def __init__(self, fault: FaultBase, draws: Draws, count: FaultCount, *, share: float = 1.0) -> None:
        self._fault = fault
        self._draws = draws
        self._count = count
        self._share = share

    def fires(self, call: Call, now_s: float) -> bool:
        """Whether the fault hits this call."""
        fault = self._fault
        if not (fault.window.from_ <= now_s < fault.window.end_s and where_matches(fault.where, call)):
            return False
        self._count.matched += 1
        address = (fault.id, *address_of(call))
        if not (
            self._draws.chance(fault.chance, "chance", *address) and self._draws.chance(self._share, "share", *address)
        ):
            return False
        if fault.max_fires is not None and self._count.fired >= fault.max_fires:
            self._count.suppressed += 1
            return False
        self._count.fired += 1
        return True
