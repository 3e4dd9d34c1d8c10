"""Which calls a fault may hit: `where`, the window, and chance by address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.model.service_call import ServiceCall

if TYPE_CHECKING:
    from penguiflow import Call
    from penguiflow.core.intercept import Act
    from sim.kernel.draws import Draws
    from sim.model.recording import FaultCount
    from sim.model.scenario import FaultBase, Where


def address_of(call: Call) -> tuple[str | int, ...]:
    """The name of one call among all calls of a run: where it is, not when it came."""
    return (
        call.act,
        call.node or "",
        *((call.service,) if isinstance(call, ServiceCall) else ()),
        call.name or "",
        call.tenant or "",
        call.trace_id or "",
        call.attempt,
        call.occurrence,
    )


def act_of(where: Where) -> Act:
    """What kind of act `where` describes."""
    if where.edge is not None:
        return "send"
    return "attempt" if where.tool is None and where.service is None else "tool"


def where_matches(where: Where, call: Call, act: Act | None = None) -> bool:
    """Whether `call` is one that `where` describes; attempts and calls are counted from 1 there.

    Args:
        where: the description; of a message, `node` is where it goes to.
        call: what happens.
        act: the kind of act that is meant, where `where` leaves that open.

    """
    return (
        call.act == (act or act_of(where))
        and (call.service if isinstance(call, ServiceCall) else None) == where.service
        and where.node in (None, call.name if call.act == "send" else call.node)
        and where.tool in (None, call.name)
        and (where.edge is None or ends_of(where.edge) == (call.node, call.name))
        and where.tenant in (None, call.tenant)
        and where.trace in (None, call.trace_id)
        and where.attempt in (None, call.attempt + 1)
        and where.call in (None, call.occurrence + 1)
    )


def ends_of(edge: str) -> tuple[str, str]:
    """The two nodes of an edge that is written `a->b`."""
    source, _, target = edge.partition("->")
    return source.strip(), target.strip()


class Trigger:
    """Decides for one fault, call by call, and counts.

    Args:
        fault: the fault.
        draws: the run's source of chance.
        count: where to count.
        share: a further probability, drawn apart from `chance`.
        act: the kind of act that it hits, where its `where` leaves that open.

    """

    def __init__(
        self,
        fault: FaultBase,
        draws: Draws,
        count: FaultCount,
        *,
        share: float = 1.0,
        act: Act | None = None,
    ) -> None:
        self.act: Act = act or act_of(fault.where)
        self._window_s = (fault.window.from_, fault.window.end_s)
        self._fault = fault
        self._draws = draws
        self._count = count
        self._share = share

    def fires(self, call: Call, now_s: float) -> bool:
        """Whether the fault hits this call."""
        fault = self._fault
        from_s, end_s = self._window_s
        if not (from_s <= now_s < end_s and where_matches(fault.where, call, self.act)):
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
