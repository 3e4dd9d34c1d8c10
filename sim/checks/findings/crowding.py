"""Queues that grow, tenants that wait for others, retries in step (production runbook: high latency, timeouts)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks import crowding
from sim.checks.describe import describe_limit, describe_time
from sim.checks.findings.scene import FINDINGS_MAX, Evidence
from sim.checks.findings.whereabouts import longest_wait
from sim.checks.selection import requests_in

if TYPE_CHECKING:
    from sim.checks.findings.scene import Broken, Scene

_ONE_EACH = "Bound what one tenant may have open at a time, give slow work a node of its own, or raise concurrency"


def growth_evidence(scene: Scene, broken: Broken) -> Evidence:
    """The node whose queue grew fastest."""
    slopes = crowding.growth_by_node(scene.recording, scene.where, scene.interval)
    if not slopes:
        return Evidence("", ())
    node, slope = max(slopes.items(), key=lambda item: item[1])
    finding = scene.finding(
        "threshold",
        scene.interval.start_s,
        f"the queue before {node} grew by {slope:.3g} messages a second; the promise is {_promise(broken)}",
        node=node,
        cause=f"More work arrives at {node} than it gets done, so waiting times grow without an end.",
        fix=f"Let less work in, tighten timeout_s and retries of {node}, then raise its concurrency or add workers.",
    )
    return Evidence(f"the queue before {node} grew by {slope:.3g}/s", (finding,))


def head_of_line_evidence(scene: Scene, broken: Broken) -> Evidence:
    """The requests that waited longest behind other tenants."""
    where = scene.where.model_copy(update={"node": None})
    requests = list(requests_in(scene.recording, where, scene.interval))
    waits = crowding.head_of_line_waits(scene.recording, requests, scene.where.node)
    longest = sorted(requests, key=lambda request: -waits[request.trace_id])[:FINDINGS_MAX]
    findings = tuple(
        scene.finding(
            "threshold",
            request.arrival_s,
            f"{request.order} of {request.tenant} waited {describe_time(waits[request.trace_id])} behind other "
            f"tenants; the promise is {_promise(broken)} (trace {request.trace_id})",
            trace_id=request.trace_id,
            tenant=request.tenant,
            cause=f"Tenants share one queue, first in, first out. {longest_wait(scene, request)}",
            fix=f"{_ONE_EACH}; tighten timeout_s of the node that they share.",
        )
        for request in longest
        if waits[request.trace_id] > 0
    )
    waited = describe_time(waits[longest[0].trace_id]) if longest else ""
    return Evidence(f"{longest[0].tenant} waited {waited} behind other tenants" if findings else "", findings)


def fairness_evidence(scene: Scene, _broken: Broken) -> Evidence:
    """Who waits longer than whom; a number below its `min` is what breaks this promise."""
    means = crowding.latency_by_tenant(scene.recording, scene.where, scene.interval)
    if not means:
        return Evidence("", ())
    slowest, fastest = max(means, key=lambda one: means[one]), min(means, key=lambda one: means[one])
    told = f"{slowest} waits {describe_time(means[slowest])} on average, {fastest} {describe_time(means[fastest])}"
    finding = scene.finding(
        "threshold",
        max(scene.interval.start_s, 0.0),
        f"{told}; the promise is {_promise(_broken)}",
        tenant=slowest,
        cause=f"{slowest} bears the waiting: its requests are slower by nature, or queue behind those of others.",
        fix=f"{_ONE_EACH}; head_of_line tells how much of it is queueing behind others.",
    )
    return Evidence(told, (finding,))


def synchronised_evidence(scene: Scene, broken: Broken) -> Evidence:
    """The place and moment at which most retries came together."""
    places = crowding.retries_by_place(scene.recording, scene.where, scene.interval)
    if not places:
        return Evidence("", ())
    place, bucket = max(((name, one) for name in places for one in places[name]), key=lambda at: places[at[0]][at[1]])
    together, at_s = places[place][bucket], bucket * crowding.SAME_INSTANT_S
    callers = place == crowding.CALLERS
    finding = scene.finding(
        "threshold",
        at_s,
        f"{together} of {sum(places[place].values())} retries of {place} began "
        f"within 10 ms of {describe_time(at_s)}; the promise is {_promise(broken)}",
        node=None if callers else place,
        cause="Retries wait equally long, so those that failed together come back together, as a wave.",
        fix="Let callers wait a random share of their backoff (full jitter)."
        if callers
        else f"Give {place} jitter=1.0, so that each retry waits for a random share of its backoff.",
    )
    return Evidence(f"{together} retries of {place} began together", (finding,))


def _promise(broken: Broken) -> str:
    return f"{broken.check.stat} {describe_limit(broken.check)}"
