"""Tenants: who may see which trace, and what happens to one who should not.

A trace belongs to the tenant of its first envelope. From outside a mismatch
looks like a trace that does not exist; the operator gets an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from penguiflow.core.graph import OPEN_SEA, ROOKERY
from penguiflow.errors import TenantViolation
from penguiflow.types import Message

if TYPE_CHECKING:
    from typing import Any

    from penguiflow.core.events import Events, Place
    from penguiflow.core.graph import Endpoint
    from penguiflow.core.ledger import Ledger
    from penguiflow.core.rookery import Rookery
    from penguiflow.core.traces import Trace

Tenancy = Literal["enforce", "observe", "off"]


class Border:
    """Keeps the tenants of one flow apart.

    Args:
        mode: `enforce` refuses and tells, `observe` only tells, `off` does neither.
        events: where violations are told.
        ledger: the flow's traces.
        rookery: the flow's results.

    Raises:
        ValueError: the mode is none of the three.

    """

    def __init__(self, mode: Tenancy, events: Events, ledger: Ledger, rookery: Rookery) -> None:
        if mode not in get_args(Tenancy):
            raise ValueError(f"tenancy must be one of {', '.join(get_args(Tenancy))}; got {mode!r}")
        self._enforced = mode == "enforce"
        self._watched = mode != "off"
        self._events = events
        self._ledger = ledger
        self._rookery = rookery
        self._shared_by: str | None = None
        self._mixed = False

    def require_tenant(self, message: Any) -> None:
        """Refuse an envelope that names no tenant, where tenants are enforced."""
        if isinstance(message, Message) and self._enforced and not message.headers.tenant.strip():
            raise ValueError(
                f"the message of trace {message.trace_id} names no tenant: headers.tenant is "
                f"{message.headers.tenant!r}. Name one, or create the flow with tenancy='off'"
            )

    def crossed(self, trace: Trace, tenant: str, act: str, place: Place | Endpoint = OPEN_SEA) -> bool:
        """Tell that `tenant` reaches for a trace of another one by `act`; whether that is to be refused."""
        if self._watched:
            self._events.emit("tenant_violation", place, trace, extra={"act": act, "intruder": tenant})
        return self._enforced

    def share(self, tenant: str) -> None:
        """An unscoped envelope of `tenant` came in: its results are for whoever fetches next."""
        if tenant == self._shared_by and not self._mixed:
            return
        if self._shared_by is None or self._idle():
            self._shared_by, self._mixed = tenant, False
        else:
            self._mixed = True

    def require_one_tenant(self, trace: Trace) -> None:
        """Refuse to give a result of `trace` to an unscoped fetch that may be another tenant's.

        Raises:
            TenantViolation: unscoped envelopes of two tenants came in since the flow was idle.

        """
        if not self._mixed or not self._watched:
            return
        self._events.emit("tenant_violation", ROOKERY, trace, extra={"act": "unscoped fetch"})
        if self._enforced:
            raise TenantViolation(
                "an unscoped fetch cannot tell tenants apart, and unscoped messages of more than one are live. "
                "Fetch by trace_id, or through flow.tenant(name)"
            )

    def _idle(self) -> bool:
        """Whether nothing was open before the newest trace, and no unscoped result waits."""
        return len(self._ledger) <= 1 and not len(self._rookery)
