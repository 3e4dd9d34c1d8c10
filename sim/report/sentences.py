"""Lines that more than one report says: a check in numbers, a fault's hits, where the time went, how to reproduce."""

from __future__ import annotations

import shlex
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sim.model.exploration import LEGAL
from sim.report.status import needs_attention
from sim.report.wording import duration, number, percent, plural, quantity, seed_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.model.result import CheckResult, FaultResult, Numbers, ScenarioResult, TimeShare


class Part(NamedTuple):
    """One kind of time at a node: its key, its word, its seconds and its share of everything."""

    kind: str
    word: str
    seconds: float
    share: float


class NodeTime(NamedTuple):
    """Where the requests' time went at one node."""

    node: str
    seconds: float
    share: float
    parts: tuple[Part, ...]


def measure(check: CheckResult) -> str:
    """What a check measures: `trace.latency p99 during slow-search where tenant=acme`; empty for an always-on one."""
    if check.metric == check.id:
        return ""
    return f"{_subject(check)}{_scope(check)}"


def _subject(check: CheckResult) -> str:
    return check.metric if check.stat in ("", "count") else f"{check.metric} {check.stat}"


def _scope(check: CheckResult) -> str:
    during = "" if check.during in ("", "whole") else f" during {check.during}"
    return during + (f" where {check.where}" if check.where else "")


def reading(check: CheckResult) -> str:
    """What a check reads, and its limit: `1.64 s (≤ 1.8 s)`; empty for an always-on one that holds."""
    if check.metric == check.id and not check.value:
        return ""
    limit = f" ({check.limit})" if check.limit else ""
    if check.value is None and check.failing_seeds and check.unit == "x":
        return f"more than a baseline of 0{limit.replace('<=', '≤').replace('>=', '≥')}"
    return f"{quantity(check.value, check.unit)}{limit.replace('<=', '≤').replace('>=', '≥')}"


def claim(check: CheckResult) -> str:
    """A check in one line, as in `trace.latency p99 = 1.64 s (≤ 1.8 s)`; empty for an always-on one that holds."""
    read = reading(check)
    text = f"{_subject(check)} = {read}{_scope(check)}" if read else measure(check)
    return "; ".join(part for part in (text, check.known) if part)


def findings_not_shown(check: CheckResult, shown: int) -> int:
    """How many findings of all seeds there are besides those shown, kept or not."""
    return max(check.found, len(check.findings)) - shown


def seeds_of(check: CheckResult, scenario: ScenarioResult) -> str:
    """Which seeds broke a check, or which came closest to its limit; empty where that tells nothing."""
    count = len(scenario.seeds)
    if check.failing_seeds:
        return seed_list(check.failing_seeds, count)
    return f"worst seed {check.worst_seed}" if check.value and check.worst_seed is not None and count > 1 else ""


def hits(fault: FaultResult) -> str:
    """How often a fault fired: `214 fired of 731 matched`; for a probe, how many controls were seen."""
    if fault.controls_wanted is not None:
        return f"{fault.controls_seen or 0} of {fault.controls_wanted} controls seen"
    suppressed = f", {fault.suppressed:,} held back" if fault.suppressed else ""
    return f"{fault.fired:,} fired of {fault.matched:,} matched{suppressed}"


def window(fault: FaultResult) -> str:
    """When a fault is armed: `20 s to 35 s`, `from 40 s on`, `the whole run`."""
    if fault.end_s is None:
        return f"from {duration(fault.start_s)} on" if fault.start_s else "the whole run"
    return f"{duration(fault.start_s)} to {duration(fault.end_s)}"


def time_by_node(scenario: ScenarioResult) -> list[NodeTime]:
    """Where the requests' time went, the most expensive node first; empty where no time passed."""
    total_s = sum(_seconds(share) for share in scenario.time_shares)
    if not total_s:
        return []
    ordered = sorted(scenario.time_shares, key=lambda share: (-_seconds(share), share.node))
    return [_node_time(share, total_s) for share in ordered]


def _seconds(share: TimeShare) -> float:
    return share.waiting_s + share.running_s + share.backoff_s + share.blocked_s


def _node_time(share: TimeShare, total_s: float) -> NodeTime:
    named = (
        ("waiting", "queued", share.waiting_s),
        ("running", "running", share.running_s),
        ("backoff", "backing off", share.backoff_s),
        ("blocked", "blocked", share.blocked_s),
    )
    parts = tuple(Part(kind, word, seconds, seconds / total_s) for kind, word, seconds in named if seconds > 0)
    return NodeTime(share.node, _seconds(share), _seconds(share) / total_s, parts)


def time_sentence(time: NodeTime) -> str:
    """`charge 61 % (queued 41 %, running 20 %)`."""
    parts = ", ".join(f"{part.word} {percent(part.share)}" for part in time.parts)
    return f"{time.node} {percent(time.share)} ({parts})" if parts else f"{time.node} {percent(0)}"


def latencies(numbers: Numbers) -> list[tuple[str, str]]:
    """The four latency figures that were measured, by name."""
    figures = (
        ("p50", numbers.latency_p50_s),
        ("p95", numbers.latency_p95_s),
        ("p99", numbers.latency_p99_s),
        ("max", numbers.latency_max_s),
    )
    return [(name, duration(value)) for name, value in figures if value is not None]


def counts(numbers: Numbers) -> str:
    """How much happened: `12 effects, 12,345 events`."""
    return f"{plural(numbers.effects, 'effect')}, {plural(numbers.events, 'event')}"


def reproduce(scenario: ScenarioResult, capsules: Mapping[tuple[str, int], str] = MappingProxyType({})) -> list[str]:
    """Commands that show again what needs attention: the first failing seed of each check, at most three.

    Args:
        scenario: what was run.
        capsules: the file of each capsule, by scenario and seed.

    """
    seeds = [min(check.failing_seeds) for check in scenario.checks if needs_attention(check) and check.failing_seeds]
    command, option = f"penguiflow sim run {shlex.quote(scenario.file)}", "--seed"
    explore = " --explore" if scenario.exploration is not None else ""
    if "[" in scenario.name:  # one variant of a file's matrix
        command += f" -k {shlex.quote(scenario.name)}"
    if scenario.file.endswith(".py"):  # made in Python, by a test
        command, option, explore = f"pytest {shlex.quote(scenario.file)}", "--sim-seed", ""
    if seeds:
        shown = list(dict.fromkeys(seeds))[:3]
        saved = [capsules[scenario.name, seed] for seed in shown if (scenario.name, seed) in capsules]
        return [
            *(f"{command} {option} {seed}{explore}" for seed in shown),
            *(f"penguiflow sim replay {shlex.quote(path)}" for path in saved),
        ]
    return [command + explore] if any(needs_attention(check) for check in scenario.checks) else []


def failing_plans(scenario: ScenarioResult) -> list[str]:
    """For each failing seed in which something was late besides, what was, and that it may happen."""
    if scenario.exploration is None:
        return []
    failing = [seed for check in scenario.checks if needs_attention(check) for seed in check.failing_seeds]
    told = [
        f"seed {one.seed} {one.mode} {one.plan}; {LEGAL.partition(':')[0]}"
        for one in scenario.exploration.seeds
        if one.seed in failing and one.mode != "file"
    ]
    return [*told, LEGAL.partition(": ")[2]] if told else []


def limit_text(names: list[str], limit_s: float) -> str:
    """A latency limit with the checks that set it: `latency-spike: 1.8 s`."""
    return f"{', '.join(names)}: {duration(limit_s)}"


def controls_missing(fault: FaultResult) -> bool:
    """Whether a probe did not see all of its own controls."""
    return fault.controls_wanted is not None and (fault.controls_seen or 0) < fault.controls_wanted


def fault_note(fault: FaultResult) -> str:
    """Why a fault makes its scenario inconclusive; empty where it does not."""
    if controls_missing(fault):
        return "a control was not seen, so silence proves nothing"
    if fault.fired < fault.must_fire:
        return f"fired less than the {number(fault.must_fire)} it must, so nothing was tested"
    return ""
