"""Side effects that happened twice, too late, or without a key (production runbook: duplicate side effects)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.describe import describe_key, describe_time
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
        (effects[firsts[position]], effect)
        for position, effect in effects_in(scene.recording, scene.where, scene.interval)
        if position in firsts
    ]
    findings = tuple(_repeat(scene, first, repeat) for first, repeat in pairs[:FINDINGS_MAX])
    return Evidence(_headline(*pairs[0]) if pairs else "", findings, len(pairs))


def _headline(first: Effect, repeat: Effect) -> str:
    if _reuses(first, repeat):
        return f"{_named(repeat)} took effect twice under one key, with different arguments"
    return f"{_named(repeat)} took effect twice"


def _repeat(scene: Scene, first: Effect, repeat: Effect) -> Finding:
    return (_reused if _reuses(first, repeat) else _duplicate)(scene, first, repeat)


def _reuses(first: Effect, repeat: Effect) -> bool:
    """Whether a key stands for two different things (docs.stripe.com/api/idempotent_requests refuses the second)."""
    return first.args_digest != repeat.args_digest


def _named(effect: Effect) -> str:
    return effect.name if effect.service is None else f"{effect.name} at {effect.service}"


def zombie_evidence(scene: Scene) -> Evidence:
    """Effects for which nobody waited any more."""
    effects = [effect for effect in _effects(scene) if is_zombie(effect)]
    findings = tuple(_zombie(scene, effect) for effect in effects[:FINDINGS_MAX])
    return Evidence(
        f"{_named(effects[0])} took effect {_GONE[effects[0].gone]}" if effects else "", findings, len(effects)
    )


def unkeyed_evidence(scene: Scene) -> Evidence:
    """Effects without an idempotency key: one finding for each thing that a node does without one."""
    groups: dict[tuple[str, str | None], list[Effect]] = {}
    effects = _effects(scene)
    for effect in effects:
        groups.setdefault((_named(effect), effect.node), []).append(effect)
    unkeyed = {who: [effect for effect in group if is_unkeyed(effect)] for who, group in groups.items()}
    told = [(bare, len(groups[who])) for who, bare in unkeyed.items() if bare]
    findings = tuple(_unkeyed(scene, bare, total) for bare, total in told[:FINDINGS_MAX])
    return Evidence(
        f"{_named(told[0][0][0])} took effect without an idempotency key" if told else "", findings, len(told)
    )


def _effects(scene: Scene) -> list[Effect]:
    return [effect for _, effect in effects_in(scene.recording, scene.where, scene.interval)]


def _duplicate(scene: Scene, first: Effect, repeat: Effect) -> Finding:
    key = describe_key(repeat)
    died = any(first.at_s <= death_s <= repeat.at_s for death_s in scene.recording.deaths_s)
    return scene.finding(
        "duplicate_effect",
        repeat.at_s,
        f"{_named(repeat)} {key} took effect twice: {_acted(first, repeat)} and {_acted(repeat, first)} "
        f"({_traces(first, repeat)})",
        trace_id=repeat.trace_id,
        tenant=repeat.tenant,
        node=repeat.node,
        cause=_death_cause(repeat) if died else _duplicate_cause(first, repeat),
        fix=_death_fix(repeat) if died else _duplicate_fix(first, repeat),
        noted=_key_noted(repeat),
    )


def _reused(scene: Scene, first: Effect, repeat: Effect) -> Finding:
    return scene.finding(
        "reused_key",
        repeat.at_s,
        f"{_named(repeat)} {describe_key(repeat)} took effect twice with different arguments: {_acted(first, repeat)} "
        f"and {_acted(repeat, first)} ({_traces(first, repeat)})",
        trace_id=repeat.trace_id,
        tenant=repeat.tenant,
        node=repeat.node,
        cause=f"One idempotency key of {repeat.node} stands for two different things: a service that knows keys "
        "answers the second with the result of the first, or refuses it.",
        fix="Make the key from everything that the arguments depend on, and take what changes from one attempt to "
        "the next (times, random numbers, counters) out of the arguments, or settle it once before the first.",
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


def _death_cause(repeat: Effect) -> str:
    return (
        f"The flow died in between, and {repeat.trace_id} was delivered to the new one again; that {repeat.name} had "
        "happened was known in the memory of the old one at most."
    )


def _death_fix(repeat: Effect) -> str:
    return (
        f"Let {repeat.node} ask the service behind {repeat.name} by the key, or a store that outlives the flow, before "
        "it acts: ctx.once remembers in memory only."
    )


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
    return f"{retried}; it sent the same key both times, and the service behind {repeat.name} does not heed it."


def _duplicate_fix(first: Effect, repeat: Effect) -> str:
    if first.trace_id != repeat.trace_id:
        return (
            "Make the idempotency key from what the caller wants, not from the trace, "
            f"and let {repeat.name} answer a key that it knows with the first result."
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
    return "no idempotency key" if effect.key is None else f"idempotency {describe_key(effect)}"


_GONE = {
    "answered": "after the caller had its answer",
    "refused": "after the caller was told that it had failed",
    "cancelled": "after it was cancelled",
    "deadline": "after its deadline",
    "gave_up": "after the caller had given up",
}
_GONE_CAUSE = {
    "answered": "The answer left the flow before {node} was done: a branch or a task that nobody waits for.",
    "refused": "{node} goes on, or is tried again, after the failure was told: the caller is going to ask again.",
    "cancelled": "{node} does not end when it is cancelled, or shields the call from it.",
    "deadline": "Work on the trace went on at {node} when its time was up.",
    "gave_up": "{node} does not know that its caller has left: the request has no deadline as short as its patience.",
}
_GONE_FIX = {
    "answered": "Answer after {name}, or hand it to a queue of its own whose work no caller is told about.",
    "refused": "Look at ctx.deadline_remaining() and for cancellation right before {name}, and let a timeout of {node} "
    "end the call itself.",
    "cancelled": "Let CancelledError through at {node}, and do not shield {name}; what must not stop half way belongs "
    "into a step of its own with a key.",
    "deadline": "Keep timeout_s times the attempts of {node}, with backoff, inside the request's deadline_s, "
    "and look at the deadline right before {name}.",
    "gave_up": "Send requests with a deadline_s that is no longer than their caller waits, or let the caller cancel "
    "the trace when it leaves; look at the deadline right before {name}.",
}


def _zombie(scene: Scene, effect: Effect) -> Finding:
    names = {"node": effect.node or "the flow", "name": _named(effect)}
    return scene.finding(
        "zombie_effect",
        effect.at_s,
        f"{_named(effect)} {_happened(effect)} at {describe_time(effect.at_s)}, {_GONE[effect.gone]}"
        f"{_since(scene, effect)} (trace {effect.trace_id}, node {effect.node}, attempt {effect.attempt})",
        trace_id=effect.trace_id,
        tenant=effect.tenant,
        node=effect.node,
        cause=_GONE_CAUSE[effect.gone].format(**names),
        fix=_GONE_FIX[effect.gone].format(**names),
    )


def _since(scene: Scene, effect: Effect) -> str:
    request = scene.stories.request(effect.trace_id)
    if request is None:
        return ""
    since_s = request.deadline_s if effect.gone == "deadline" and request.deadline_s is not None else request.ended_s
    return "" if since_s is None else f" at {describe_time(since_s)}"


def _happened(effect: Effect) -> str:
    return "took effect" if effect.certain else "was cut off, and has perhaps taken effect,"


def _unkeyed(scene: Scene, effects: list[Effect], total: int) -> Finding:
    first, often = effects[0], len(effects)
    share = f"{often} of {total} times" if total > 1 else "once"
    return scene.finding(
        "unkeyed_effect",
        first.at_s,
        f"{_named(first)} took effect without a key, {share}, first at {describe_time(first.at_s)} "
        f"(trace {first.trace_id}, node {first.node}, attempt {first.attempt})",
        trace_id=first.trace_id,
        tenant=first.tenant,
        node=first.node,
        cause=f"{first.node} gives {_named(first)} no idempotency key, so a repeat cannot be told from a new request.",
        fix=f"Pass key=ctx.idempotency_key({first.name!r}) to the effect, and on to the service behind it.",
        noted="no idempotency key",
    )
