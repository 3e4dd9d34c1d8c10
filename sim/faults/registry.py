"""Which class carries out which kind of fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.faults.calls import CallError, Hang, Latency, StoreError
from sim.faults.custom import Custom
from sim.faults.damage import Corrupt
from sim.faults.deaths import Cancel, Crash
from sim.faults.messages import Drop, Duplicate, Reorder, SlowStream
from sim.faults.room import QueueSqueeze, RateLimit, Squeeze
from sim.model.faults import SqueezeFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.faults.base import CallFault, Setting
    from sim.model.recording import FaultCount
    from sim.model.scenario import Fault

CALL_FAULTS: Mapping[str, type[CallFault[Any]]] = {
    "latency": Latency,
    "tool_error": CallError,
    "retry_storm": CallError,
    "hang": Hang,
    "rate_limit": RateLimit,
    "corrupt": Corrupt,
    "squeeze": Squeeze,
    "store_error": StoreError,
    "drop": Drop,
    "duplicate": Duplicate,
    "reorder": Reorder,
    "slow_stream": SlowStream,
    "crash": Crash,
    "cancel": Cancel,
    "custom": Custom,
}
"""The kinds that hit single calls; `clock_skew` and `tenant_probe` hit none."""


def call_fault(fault: Fault, setting: Setting, count: FaultCount) -> CallFault[Any] | None:
    """What carries out `fault`; nothing where it hits no calls."""
    if isinstance(fault, SqueezeFault) and fault.queue_maxsize is not None:
        return QueueSqueeze(fault, setting, count)
    kind = CALL_FAULTS.get(fault.kind)
    return None if kind is None else kind(fault, setting, count)
