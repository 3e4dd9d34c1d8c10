"""Where calls of services meet the interceptors of a run: plan, faults and leaks at the caller's end, effects at the
service's.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from penguiflow.core.intercept import run_through
from sim.model.service_call import ServiceCall
from sim.services.acting import acting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from penguiflow import Interceptor


class ServiceSeam:
    """Carries each call through what is installed, with the identity of the attempt that makes it."""

    def __init__(self) -> None:
        self._around: tuple[Interceptor, ...] = ()
        self._inside: tuple[Interceptor, ...] = ()
        self._made: Counter[tuple[str | None, ...]] = Counter()

    def install(self, interceptor: Interceptor, *, inside: bool = False) -> None:
        """Stand `interceptor` around calls, within those before; `inside` it sees only what reaches a service."""
        if "tool" in getattr(interceptor, "acts", ("tool",)):
            if inside:
                self._inside += (interceptor,)
            else:
                self._around += (interceptor,)

    def identify(
        self, service: str, name: str, *, value: Any, key: str | None = None, is_effect: bool = False
    ) -> ServiceCall:
        """The call that comes next: who makes it, and the how-many-th such call of its trace it is."""
        turn = acting()
        by = None if turn is None else turn.call
        node, trace_id = (None, None) if by is None else (by.node, by.trace_id)
        place = (trace_id, node, service, name)
        occurrence = self._made[place]
        self._made[place] += 1
        return ServiceCall(
            act="tool",
            node=node,
            name=name,
            trace_id=trace_id,
            tenant=None if by is None else by.tenant,
            attempt=0 if by is None else by.attempt,
            occurrence=occurrence,
            value=value,
            key=key,
            service=service,
            is_effect=is_effect,
        )

    async def around(self, call: ServiceCall, act: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out `act` as the caller sees it: late, failing, or lost."""
        return await run_through(self._around, call, act)

    async def inside(self, call: ServiceCall, act: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out `act` as the service sees it."""
        return await run_through(self._inside, call, act)


_seam: ServiceSeam | None = None


def running_seam() -> ServiceSeam | None:
    """The seam of the run; nothing outside of one."""
    return _seam


def use_seam(seam: ServiceSeam | None) -> ServiceSeam | None:
    """Let `seam` be the running one; gives the one before."""
    global _seam
    before, _seam = _seam, seam
    return before
