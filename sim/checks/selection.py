"""Which requests, effects and sightings of a recording a check looks at."""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence

    from sim.checks.windows import Interval
    from sim.model.recording import Effect, Recording, Request, Sighting
    from sim.model.scenario import Where


def requests_in(recording: Recording, where: Where, interval: Interval) -> Iterator[Request]:
    """The requests that arrived in `interval`; with a node, tool, attempt or call, those that made such a call."""
    traces = _traces_with_call(recording, where)
    return (
        request
        for request in recording.requests
        if request.arrival_s in interval
        and where.tenant in (None, request.tenant)
        and (traces is None or request.trace_id in traces)
    )


def effects_in(recording: Recording, where: Where, interval: Interval) -> Iterator[tuple[int, Effect]]:
    """Effects that match and took effect in `interval`, each with its position in `recording.effects`."""
    return ((position, effect) for position, effect in _matching_effects(recording, where) if effect.at_s in interval)


def first_of_each(effects: Sequence[Effect]) -> Mapping[int, int]:
    """For each effect that repeats one, by position, the position of that one.

    Two effects are the same when name, tenant and key agree, in whatever trace; without a
    key, when name, trace, node and arguments do (SCENARIOS 1.6). Keyless effects outside
    every trace cannot be told apart and never repeat one another. Two tenants may use the
    same key: each has its own. An effect that has the key of an earlier one and other
    arguments repeats that one, unless another earlier one has its arguments too.
    """
    firsts: dict[tuple[str | None, ...], int] = {}
    exact: dict[tuple[str | None, ...], int] = {}
    repeats: dict[int, int] = {}
    twice = _numbered_twice(effects)
    for position, effect in enumerate(effects if twice else ()):
        identity = _identity(effect)
        if identity is None or _number(identity) not in twice:
            continue
        first = firsts.setdefault(identity, position)
        same = exact.setdefault((*identity, effect.args_digest), position)
        if first != position:
            repeats[position] = same if same != position else first
    return repeats


def _numbered_twice(effects: Iterable[Effect]) -> Collection[int]:
    """The numbers that several effects have; what has one of its own need not be remembered in full."""
    identities = filter(None, map(_identity, effects))
    numbers = sorted(array("I", map(_number, identities)))
    return {number for number, next_one in pairwise(numbers) if number == next_one}


def _number(identity: tuple[str | None, ...]) -> int:
    return crc32(repr(identity).encode("utf-8", "surrogatepass"))


def sightings_in(recording: Recording, where: Where, interval: Interval) -> list[Sighting]:
    """Sightings in `interval` of secrets that belong to `where.tenant`, at `where.node`."""
    return [
        sighting
        for sighting in recording.sightings
        if sighting.at_s in interval and where.tenant in (None, sighting.owner) and where.node in (None, sighting.node)
    ]


def _identity(effect: Effect) -> tuple[str | None, ...] | None:
    if effect.key is not None:
        return ("key", effect.service, effect.name, effect.tenant, effect.key)
    if effect.trace_id is not None:
        return ("call", effect.service, effect.name, effect.trace_id, effect.node, effect.args_digest)
    return None


def _matching_effects(recording: Recording, where: Where) -> Iterator[tuple[int, Effect]]:
    calls: Counter[str | None] = Counter()
    for position, effect in enumerate(recording.effects):
        if (
            (where.tool is None or (where.tool == effect.name and effect.service is None))
            and where.service in (None, effect.service)
            and where.node in (None, effect.node)
            and where.tenant in (None, effect.tenant)
            and where.attempt in (None, effect.attempt)
        ):
            if where.call is not None:
                calls[effect.trace_id] += 1
            if where.call in (None, calls[effect.trace_id]):
                yield position, effect


def _traces_with_call(recording: Recording, where: Where) -> Container[str | None] | None:
    """The traces with a call such as `where` wants; `None` when it wants none in particular."""
    if where.tool is not None:
        return {effect.trace_id for _, effect in _matching_effects(recording, where)}
    if where.node is None and where.attempt is None and where.call is None:
        return None
    calls = Counter(
        span.trace_id
        for span in recording.spans
        if span.kind == "running" and where.node in (None, span.node) and where.attempt in (None, span.attempt)
    )
    wanted = where.call or 1
    return {trace_id for trace_id, number in calls.items() if number >= wanted}
