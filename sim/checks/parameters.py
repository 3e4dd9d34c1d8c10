"""What each kind of fault does, in short text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.model.faults import Delay
from sim.model.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.model.faults import (
        CancelFault,
        ClockSkewFault,
        CorruptFault,
        CrashFault,
        CustomFault,
        DropFault,
        DuplicateFault,
        Fault,
        HangFault,
        LatencyFault,
        RateLimitFault,
        ReorderFault,
        RetryStormFault,
        SlowStreamFault,
        SqueezeFault,
        StoreErrorFault,
        TenantProbeFault,
        ToolErrorFault,
    )


def own_parameters(fault: Fault) -> list[str]:
    """What a fault does, without what all kinds have; empty for a kind that has nothing of its own."""
    describe = _DESCRIBE.get(fault.kind)
    return [] if describe is None else describe(fault)


def _latency(fault: LatencyFault) -> list[str]:
    return [_delay(fault.delay), *_side(fault.side)]


def _tool_error(fault: ToolErrorFault) -> list[str]:
    return [fault.error, "answer lost after the effect" if fault.after_effect else "before the effect"]


def _hang(fault: HangFault) -> list[str]:
    released = "for ever" if fault.release is None else f"for {format_duration(fault.release)}"
    return [released, *_side(fault.side)]


def _crash(fault: CrashFault) -> list[str]:
    return [_moment(after_effect=fault.after_effect), f"restart after {format_duration(fault.restart_after)}"]


def _cancel(fault: CancelFault) -> list[str]:
    return ["the whole request" if fault.what == "trace" else "the attempt", _moment(after_effect=fault.after_effect)]


def _moment(*, after_effect: bool) -> str:
    return "after the effect" if after_effect else "when the call begins"


def _rate_limit(fault: RateLimitFault) -> list[str]:
    told = [] if fault.retry_after is None else [f"retry after {format_duration(fault.retry_after)}"]
    return [f"{fault.rate:g}/s", f"burst {fault.burst}", *told]


def _corrupt(fault: CorruptFault) -> list[str]:
    return [" ".join([fault.how, *fault.fields])]


def _squeeze(fault: SqueezeFault) -> list[str]:
    if fault.concurrency is not None:
        return [f"concurrency {fault.concurrency}"]
    return [f"queue_maxsize {fault.queue_maxsize}"]


def _store_error(fault: StoreErrorFault) -> list[str]:
    return [fault.op, fault.error]


def _drop(_fault: DropFault) -> list[str]:
    return ["lost"]


def _duplicate(fault: DuplicateFault) -> list[str]:
    return [f"{1 + fault.copies} times"]


def _reorder(fault: ReorderFault) -> list[str]:
    return [f"within {format_duration(fault.within)}"]


def _slow_stream(fault: SlowStreamFault) -> list[str]:
    waits = (("first chunk", fault.first_chunk), ("gap", fault.gap))
    told = [f"{name} {format_duration(wait_s)}" for name, wait_s in waits if wait_s]
    return [*told, *([f"cut after {fault.cut_after}"] if fault.cut_after else [])]


def _clock_skew(fault: ClockSkewFault) -> list[str]:
    sign = "-" if fault.offset < 0 else ""
    offset = [f"offset {sign}{format_duration(abs(fault.offset))}"] if fault.offset else []
    return [*offset, *([f"drift {fault.drift:g}"] if fault.drift else [])]


def _retry_storm(fault: RetryStormFault) -> list[str]:
    tries = f"{fault.clients} clients x {fault.attempts} attempts"
    return [f"share {fault.share:g}", tries, f"backoff {format_duration(fault.backoff)}", f"jitter {fault.jitter}"]


def _tenant_probe(fault: TenantProbeFault) -> list[str]:
    planted, searched = ", ".join(fault.plant), ", ".join(fault.look_in)
    return [f"{fault.victim}'s secrets in {planted}", f"looked for by {fault.attacker} in {searched}"]


def _custom(fault: CustomFault) -> list[str]:
    return [fault.factory, *(f"{name} {value}" for name, value in fault.args.items())]


_DESCRIBE: Mapping[str, Callable[[Any], list[str]]] = {
    "latency": _latency,
    "tool_error": _tool_error,
    "hang": _hang,
    "rate_limit": _rate_limit,
    "corrupt": _corrupt,
    "squeeze": _squeeze,
    "store_error": _store_error,
    "drop": _drop,
    "duplicate": _duplicate,
    "reorder": _reorder,
    "slow_stream": _slow_stream,
    "crash": _crash,
    "cancel": _cancel,
    "clock_skew": _clock_skew,
    "retry_storm": _retry_storm,
    "tenant_probe": _tenant_probe,
    "custom": _custom,
}


def _side(side: str) -> list[str]:
    return ["before the call acts"] if side == "request" else []


def _delay(delay: float | Delay) -> str:
    if not isinstance(delay, Delay):
        return format_duration(delay)
    spread = f" {delay.spread:g}" if delay.dist in ("uniform", "lognormal") else ""
    cap = "" if delay.max is None else f", max {format_duration(delay.max)}"
    return f"{format_duration(delay.median)} {delay.dist}{spread}{cap}"
