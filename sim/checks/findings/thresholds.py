"""Numbers beyond their bound that no single request explains: attempts, queues, recovery."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

from sim.checks.describe import describe_limit, describe_time, describe_value, unit_of
from sim.checks.findings.scene import Evidence
from sim.checks.metrics import calls_and_orders
from sim.checks.recovery import recovery_after
from sim.checks.words import counted
from sim.model.metrics import unit_of as metric_unit

if TYPE_CHECKING:
    from sim.checks.findings.scene import Broken, Scene

_RETRY_FIX = "Lower max_retries, bound backoff with max_backoff, and give all retries together a budget."


def attempts_evidence(scene: Scene, broken: Broken) -> Evidence:
    """The node with the most calls per request."""
    calls, orders = calls_and_orders(scene.recording, scene.where, scene.interval)
    node = max(calls, key=lambda name: calls[name])
    ratio = describe_value(calls[node] / orders, "")
    finding = scene.finding(
        "threshold",
        scene.interval.start_s,
        f"{node} had {counted(calls[node], 'call')} for {counted(orders, 'request')}, {ratio} each; "
        f"the promise is {broken.check.stat} {describe_limit(broken.check)}",
        node=node,
        cause=f"Retries amplify the load on {node}: those of the callers times those of the node.",
        fix=_RETRY_FIX,
    )
    return Evidence(f"{node} had {ratio} calls a request", (finding,))


def depth_evidence(scene: Scene, broken: Broken) -> Evidence:
    """The moment and node of the deepest queue."""
    depths = [
        sample
        for sample in scene.recording.depths
        if scene.where.node in (None, sample.node) and sample.at_s < scene.interval.end_s
    ]
    inside = [sample for sample in depths if sample.at_s in scene.interval] or depths[-1:]
    deepest = max(inside, key=lambda sample: sample.depth)
    bound = f" of at most {deepest.bound}" if deepest.bound else " in a queue without a bound"
    finding = scene.finding(
        "threshold",
        deepest.at_s,
        f"{counted(deepest.depth, 'message')}{bound} waited before {deepest.node} at {describe_time(deepest.at_s)}; "
        f"the promise is {broken.check.stat} {describe_limit(broken.check)}",
        node=deepest.node,
        cause=f"Work arrives at {deepest.node} faster than it gets done.",
        fix=f"Tighten timeout_s and retries of {deepest.node}, or let less work in at once; add workers after that.",
    )
    return Evidence(f"{counted(deepest.depth, 'message')} waited before {deepest.node}", (finding,))


def recovery_evidence(scene: Scene, broken: Broken) -> Evidence:
    """A backlog that drained too late, or never."""
    recovery = recovery_after(scene.interval, scene.recording, scene.where)
    if recovery is None:
        return Evidence("", ())
    closed = f"the window closed at {describe_time(scene.interval.end_s)}"
    if recovery.drained:
        headline = f"the backlog took {describe_time(recovery.took_s)} to drain"
        summary = f"{headline} after {closed}; the promise is {describe_limit(broken.check)}"
    else:
        headline = "the backlog never drained"
        summary = (
            f"metastable: still {recovery.open_after} open at the end, {describe_time(recovery.took_s)} after "
            f"{closed}; {recovery.open_before} {'was' if recovery.open_before == 1 else 'were'} open before it"
        )
    finding = scene.finding(
        "threshold" if recovery.drained else "not_drained",
        scene.interval.end_s,
        summary,
        cause="The fault is gone, but retries and work that nobody waits for any more keep the queues full.",
        fix=f"{_RETRY_FIX} Set deadline_s, so that old work is dropped instead of done.",
    )
    return Evidence(headline, (finding,))


def number_evidence(scene: Scene, broken: Broken) -> Evidence:
    """The bare number, where nothing more concrete can be shown."""
    check = broken.check
    headline = f"{check.metric} {check.stat} is {_number_in_words(broken)}"
    finding = scene.finding(
        "threshold",
        max(scene.interval.start_s, 0.0),
        f"{headline}; the promise is {describe_limit(check)}",
        cause="The number lies outside of its bounds.",
        fix="Look at the plots of the stretch that the check names.",
    )
    return Evidence(headline, (finding,))


def _number_in_words(broken: Broken) -> str:
    """A number with its unit; one that is compared, with what it is compared with."""
    check = broken.check
    if broken.measured is None or broken.baseline is None:
        return describe_value(broken.value, unit_of(check))
    if broken.measured == broken.baseline == 0:
        return "0, as without faults (1 x)"
    unit = metric_unit(check.metric, check.stat, None)
    without = f"{describe_value(broken.baseline, unit)} without faults"
    times = "" if isinf(broken.value) else f", {describe_value(broken.value, 'x')}"
    return f"{describe_value(broken.measured, unit)}, beside {without}{times}"
