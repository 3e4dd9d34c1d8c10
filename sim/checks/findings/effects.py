"""Side effects that happened twice, too late, or without a key (production runbook: duplicate side effects)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.describe import describe_time
from sim.checks.findings.scene import FINDINGS_MAX, Evidence
from sim.checks.metrics import is_unkeyed, is_zombie
from sim.checks.selection import effects_in, first_of_each

if TYPE_CHECKING:
    from sim.checks.findings.scene import Scene
    from sim.model.recording import Effect
    from sim.model.result import Finding


def duplicate_evidence(scene: Scene) -> Evidence:
    """Effects that repeat an earlier one."""
    effects = scene.recording.effects
    firsts = first_of_each(effects)
    pairs = [
        (effects[first], effects[position])
        for position in effects_in(scene.recording, scene.where, scene.interval)
        if (first := firsts[position]) is not None
    ]
    findings = tuple(_duplicate(scene, first, repeat) for first, repeat in pairs[:FINDINGS_MAX])
    return Evidence(f"{pairs[0][1].name} took effect twice" if pairs else "", findings, len(pairs))


def zombie_evidence(scene: Scene) -> Evidence:
    """Effects for which nobody waited any more."""
    effects = [effect for effect in _effects(scene) if is_zombie(effect)]
    findings = tuple(_zombie(scene, effect) for effect in effects[:FINDINGS_MAX])
    return Evidence(
        f"{effects[0].name} took effect with nobody waiting for it" if effects else "", findings, len(effects)
    )


def unkeyed_evidence(scene: Scene) -> Evidence:
    """Effects without an idempotency key."""
    effects = [effect for effect in _effects(scene) if is_unkeyed(effect)]
    findings = tuple(_unkeyed(scene, effect) for effect in effects[:FINDINGS_MAX])
    return Evidence(
        f"{effects[0].name} took effect without an idempotency key" if effects else "", findings, len(effects)
    )


def _effects(scene: Scene) -> list[Effect]:
    positions = effects_in(scene.recording, scene.where, scene.interval)
    return [scene.recording.effects[position] for position in positions]


def _duplicate(scene: Scene, first: Effect, repeat: Effect) -> Finding:
    key = "without a key" if repeat.key is None else f"key {repeat.key}"
    other = " with other arguments" if first.args_digest != repeat.args_digest else ""
    return scene.finding(
        "duplicate_effect",
        repeat.at_s,
        f"{repeat.name} {key} took effect twice{other}: {_acted(first, repeat)} and {_acted(repeat, first)} "
        f"({_traces(first, repeat)})",
        trace_id=repeat.trace_id,
        tenant=repeat.tenant,
        node=repeat.node,
        cause=_duplicate_cause(first, repeat),
        fix=_duplicate_fix(first, repeat),
        noted=_key_noted(repeat),
    )


def _acted(effect: Effect, other: Effect) -> str:
    node = "" if effect.node == other.node else f"{effect.node} "
    perhaps = "" if effect.certain else " perhaps (it was cut off)"
    return f"{node}attempt {effect.attempt}{perhaps} at {describe_time(effect.at_s)}"


def _traces(first: Effect, repeat: Effect) -> str:
    node = f", node {repeat.node}" if first.node == repeat.node else ""
    if first.trace_id == repeat.trace_id:
        return f"trace {repeat.trace_id}{node}"
    return f"traces {first.trace_id} and {repeat.trace_id}{node}"


def _duplicate_cause(first: Effect, repeat: Effect) -> str:
    if first.trace_id != repeat.trace_id:
        return f"The caller asked again in another trace, and {repeat.node} carried out {repeat.name} again."
    if first.node != repeat.node:
        return f"Two nodes, {first.node} and {repeat.node}, carry out the same step of one trace."
    if first.attempt == repeat.attempt:
        return f"One attempt of {repeat.node} carried out {repeat.name} twice."
    retried = f"A retry ran {repeat.node} again from the start, although {repeat.name} had already happened"
    if repeat.key is None:
        return f"{retried}, and there is no key by which the repeat could be known."
    if first.args_digest != repeat.args_digest:
        return f"{retried}; it sent the same key with other arguments, so the key does not stand for one request."
    return f"{retried}; it sent the same key both times, and the service behind {repeat.name} does not heed it."


def _duplicate_fix(first: Effect, repeat: Effect) -> str:
    if first.trace_id != repeat.trace_id:
        return (
            "Make the idempotency key from what the caller wants, not from the trace, "
            f"and let {repeat.name} answer a key that it knows with the first result."
        )
    if repeat.key is not None and first.args_digest != repeat.args_digest:
        return (
            "Make one key for one set of arguments: a service that keeps its promise refuses a known key with others, "
            f"or answers with the first result. Draw what varies in {repeat.node} before the first attempt."
        )
    if repeat.key is not None and first.node == repeat.node:
        return (
            f"Let the service behind {repeat.name} store each key with its result and answer a known one from there; "
            f"until it does, run {repeat.name} with ctx.once, which asks before it acts."
        )
    return (
        f"Run {repeat.name} once a key (trace_id and step) with ctx.once, or move it from {repeat.node} into a "
        "commit node of its own, behind the computing one, with max_retries=0."
    )


def _key_noted(effect: Effect) -> str:
    return "no idempotency key" if effect.key is None else f"idempotency key {effect.key}"


def _zombie(scene: Scene, effect: Effect) -> Finding:
    request = scene.stories.request(effect.trace_id)
    ended_s = None if request is None else request.ended_s
    answered = request is not None and request.outcome == "ok"
    since = "" if ended_s is None else f" at {describe_time(ended_s)}"
    gone = "had its answer" if answered else "had given up"
    return scene.finding(
        "zombie_effect",
        effect.at_s,
        f"{effect.name} {_happened(effect)} at {describe_time(effect.at_s)}, after the caller {gone}{since} "
        f"(trace {effect.trace_id}, node {effect.node}, attempt {effect.attempt})",
        trace_id=effect.trace_id,
        tenant=effect.tenant,
        node=effect.node,
        cause=f"Work on the trace went on at {effect.node} when nobody waited for it any more.",
        fix=f"Keep timeout_s times the attempts of {effect.node}, with backoff, inside the request's deadline_s, "
        f"and look at the deadline right before {effect.name}.",
    )


def _happened(effect: Effect) -> str:
    return "took effect" if effect.certain else "was cut off, and has perhaps taken effect,"


def _unkeyed(scene: Scene, effect: Effect) -> Finding:
    return scene.finding(
        "unkeyed_effect",
        effect.at_s,
        f"{effect.name} took effect without a key at {describe_time(effect.at_s)} "
        f"(trace {effect.trace_id}, node {effect.node}, attempt {effect.attempt})",
        trace_id=effect.trace_id,
        tenant=effect.tenant,
        node=effect.node,
        cause=f"{effect.node} gives {effect.name} no idempotency key, so a repeat cannot be told from a new request.",
        fix=f"Pass key=ctx.idempotency_key({effect.name!r}) to the effect, and on to the service behind it.",
        noted="no idempotency key",
    )
