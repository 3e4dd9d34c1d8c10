"""Requests that are late, lost or stuck, and flows that drown: one flaw each, at each place of a small flow."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from specimen import Specimen

from penguiflow import Message, Node, NodePolicy, create, join_k

NODES = ("first", "middle", "last")
GOOD = NodePolicy(timeout_s=1.0, max_retries=1, backoff_base=0.2, max_backoff=1.0, concurrency=32)


async def _plain(message: Message, _ctx: Any) -> Message:
    await asyncio.sleep(0.02)
    return message


def chain(place: str, handler: Any = _plain, policy: NodePolicy = GOOD, **flow: Any) -> Any:
    """Three nodes one after the other; the one at `place` is of its own kind."""
    kinds = {name: (handler, policy) if name == place else (_plain, GOOD) for name in NODES}
    nodes = [Node(kinds[name][0], name=name, policy=kinds[name][1]) for name in NODES]
    return create(*(node.to(*nodes[number + 1 : number + 2]) for number, node in enumerate(nodes)), **flow)


# -- limits that are missing or too wide ------------------------------------------------------


def no_timeout(place: str, mended: bool) -> Any:
    """Nothing ends a call that hangs."""
    return chain(place, policy=GOOD if mended else replace(GOOD, timeout_s=None))


def wide_timeout(place: str, mended: bool) -> Any:
    """A timeout is longer than the request's deadline, so no retry is ever made in time."""
    return chain(place, policy=replace(GOOD, timeout_s=0.3 if mended else 30.0))


def many_retries(place: str, mended: bool) -> Any:
    """A node tries six times, and so multiplies the load on what is down."""
    return chain(place, policy=replace(GOOD, max_retries=1 if mended else 6))


def endless_backoff(place: str, mended: bool) -> Any:
    """The backoff doubles without bound, and waits longer than anybody does."""
    wait = replace(GOOD, max_retries=4, backoff_base=0.1 if mended else 4.0, max_backoff=0.5 if mended else None)
    return chain(place, policy=wait)


def in_step(place: str, mended: bool) -> Any:
    """Retries have no jitter, so that all that failed together come back together."""
    policy = NodePolicy(timeout_s=1.0, max_retries=2, backoff_base=1.0, jitter=1.0 if mended else 0.0, concurrency=32)
    return chain(place, policy=policy)


def blocking_sleep(place: str, mended: bool) -> Any:
    """A handler sleeps with `time.sleep`, and everything else of the process stands still."""

    async def work(message: Message, _ctx: Any) -> Message:
        if mended:
            await asyncio.sleep(0.2)
        else:
            time.sleep(0.2)  # noqa: ASYNC251 - that is the bug
        return message

    return chain(place, work)


def lost_permit(place: str, mended: bool) -> Any:
    """A permit is not given back where the call under it fails."""
    permits = asyncio.Semaphore(2)

    async def work(message: Message, ctx: Any) -> Message:
        await permits.acquire()
        if mended:
            try:
                await ctx.effect("call", key=f"{message.trace_id}/{ctx.attempt}")
            finally:
                permits.release()
        else:
            await ctx.effect("call", key=f"{message.trace_id}/{ctx.attempt}")
            permits.release()
        return message

    return chain(place, work, NodePolicy(timeout_s=2.0))


def silent_failure(place: str, mended: bool) -> Any:
    """An error is swallowed, and the request ends without an answer."""

    async def work(message: Message, ctx: Any) -> Message | None:
        try:
            await ctx.effect("call", key=f"{message.trace_id}/{ctx.attempt}")
        except ConnectionError:
            if mended:
                return message
            return None
        return message

    return chain(place, work)


def waits_for_word(place: str, mended: bool) -> Any:
    """One request waits for a word that nobody sends where the call before it fails."""
    answered: dict[str, asyncio.Event] = {}

    async def work(message: Message, ctx: Any) -> Message:
        done = answered.setdefault(message.trace_id, asyncio.Event())

        async def call() -> None:
            try:
                await ctx.effect("call", key=f"{message.trace_id}/{ctx.attempt}")
            except ConnectionError:
                if not mended:
                    return
            done.set()

        task = asyncio.create_task(call())
        await done.wait()
        await task
        return message

    return chain(place, work, NodePolicy())


def one_at_a_time(place: str, mended: bool) -> Any:
    """A node that waits for a service handles one request at a time, and all others stand behind it."""

    async def work(message: Message, _ctx: Any) -> Message:
        await asyncio.sleep(0.4)
        return message

    return chain(place, work, NodePolicy(timeout_s=5.0, concurrency=8 if mended else 1))


def hopeless_work(place: str, mended: bool) -> Any:
    """Nobody looks at the time that is left: work begins that cannot end before the deadline."""

    async def work(message: Message, ctx: Any) -> Message:
        await ctx.effect("call", key=f"{message.trace_id}/{ctx.attempt}")
        left_s = ctx.deadline_remaining()
        if mended and left_s is not None and left_s < 0.5:
            return message.model_copy(update={"payload": {"answer": "too late for details"}})
        await asyncio.sleep(0.45)
        return message

    return chain(place, work, NodePolicy(timeout_s=5.0, concurrency=8))


LATE_ANSWER = {"id": "deadlines", "metric": "trace.deadline_exceeded", "stat": "rate", "max": 0}
NO_ERRORS = {"id": "answers", "metric": "trace.errors", "stat": "rate", "max": 0}


def _of(place: str, **fault: Any) -> list[dict[str, Any]]:
    return [{"id": "accident", "where": {"node": place}, **fault}]


def _tool_fails(_place: str) -> list[dict[str, Any]]:
    return [{"id": "accident", "kind": "tool_error", "where": {"tool": "call"}, "chance": 0.5}]


FLAWS: list[Any] = [
    (
        no_timeout, ("stuck",),
        lambda place: _of(place, kind="hang", where={"node": place, "attempt": 1}, chance=0.5), {},
    ),
    (
        wide_timeout, ("deadline",),
        lambda place: _of(place, kind="hang", where={"node": place, "attempt": 1}, chance=0.5),
        {"load": {"deadline": "3s"}, "checks": [LATE_ANSWER]},
    ),
    (
        many_retries, ("threshold",),
        lambda place: _of(place, kind="tool_error", window={"from": "0s", "for": "3s"}),
        {"checks": [{"id": "load", "metric": "attempts.per_request", "stat": "max", "max": 2.0}]},
    ),
    (
        endless_backoff, ("deadline",),
        lambda place: _of(place, kind="tool_error", where={"node": place, "attempt": 1}, chance=0.7),
        {"load": {"deadline": "3s"}, "checks": [LATE_ANSWER]},
    ),
    (
        in_step, ("threshold",),
        lambda place: _of(place, kind="tool_error", where={"node": place, "attempt": 1}),
        {
            "load": {"arrival": "constant", "stages": [{"for": "1ms", "rate": "20000/s"}]},
            "checks": [{"id": "spread", "metric": "retries.synchronised", "stat": "mean", "max": 0.5}],
        },
    ),
    (blocking_sleep, ("blocked_loop",), lambda _place: [], {}),
    (
        lost_permit, ("timeout",), _tool_fails,
        {
            "load": {"deadline": "1500ms"},
            "checks": [{"id": "timeouts", "metric": "trace.timeouts", "stat": "count", "max": 0}],
        },
    ),
    (
        silent_failure, ("threshold", "lost", "error"), _tool_fails,
        {"checks": [NO_ERRORS]},
    ),
    (waits_for_word, ("stuck",), _tool_fails, {}),
    (
        one_at_a_time, ("threshold",), lambda _place: [],
        {
            "load": {"arrival": "constant", "stages": [{"for": "3s", "rate": "8/s"}]},
            "checks": [{"id": "quick", "metric": "trace.latency", "stat": "p95", "max": "1s"}],
        },
    ),
    (
        hopeless_work, ("deadline",),
        lambda _place: [
            {"id": "accident", "kind": "latency", "where": {"tool": "call"}, "delay": "500ms", "chance": 0.5}
        ],
        {"load": {"deadline": "900ms"}, "checks": [LATE_ANSWER]},
    ),
]  # fmt: skip


def _specimens() -> list[Specimen]:
    made = []
    for flaw, finding, faults, fields in FLAWS:
        for place in NODES:

            def build(_world: Any, mended: bool, flaw: Any = flaw, place: str = place) -> Any:
                return flaw(place, mended)

            load = {"arrival": "poisson", "stages": [{"for": "4s", "rate": "2/s"}], **fields.get("load", {})}
            injected = faults(place)
            made.append(
                Specimen(
                    f"{flaw.__name__}, {place}",
                    f"{flaw.__doc__} Here it is the {place} of three nodes.",
                    build,
                    finding,
                    "accident" if injected else "",
                    {**fields, "load": load, "faults": injected},
                )
            )
    return made


# -- the shape of the flow --------------------------------------------------------------------


def ring(_world: Any, mended: bool) -> Any:
    """Two nodes send to each other over short queues, and each waits for room before the other."""

    async def enter(message: Message, _ctx: Any) -> Message:
        return message

    async def left(message: Message, ctx: Any) -> None:
        for _ in range(1 if mended else 3):
            await ctx.emit(message)

    async def right(message: Message, ctx: Any) -> Any:
        turns = message.payload.get("turns", 0) + 1
        onward = message.model_copy(update={"payload": {**message.payload, "turns": turns}})
        if turns > 2:
            await ctx.emit(onward, to=[out])
        else:
            await ctx.emit(onward, to=[one])

    first, one, two, out = (
        Node(step, name=name, policy=NodePolicy(), allow_cycle=True)
        for name, step in (("enter", enter), ("left", left), ("right", right), ("out", _plain))
    )
    return create(first.to(one), one.to(two), two.to(one, out), out.to(), queue_maxsize=1, allow_cycles=True)


def half_a_join(_world: Any, mended: bool) -> Any:
    """A join waits for a part that one branch never sends."""

    async def split(message: Message, _ctx: Any) -> Message:
        return message

    async def one(message: Message, _ctx: Any) -> Message:
        return message

    async def two(message: Message, _ctx: Any) -> Message | None:
        return message if mended or message.payload["request"] % 2 else None

    start, left, right = (Node(step, name=step.__name__, policy=NodePolicy()) for step in (split, one, two))
    join = join_k("join", 2)
    return create(start.to(left, right), left.to(join), right.to(join), join.to())


def crossed_locks(_world: Any, mended: bool) -> Any:
    """Two nodes take the same two locks in opposite order."""
    a, b = asyncio.Lock(), asyncio.Lock()

    def taking(outer: asyncio.Lock, inner: asyncio.Lock) -> Any:
        async def work(message: Message, _ctx: Any) -> Message:
            async with outer:
                await asyncio.sleep(0.3)
                async with inner:
                    return message

        return work

    first = Node(taking(a, b), name="first", policy=NodePolicy())
    second = Node(taking(*((a, b) if mended else (b, a))), name="second", policy=NodePolicy())
    return create(first.to(second), second.to())


def growing(_world: Any, mended: bool) -> Any:
    """The queue before a node that became slow has no bound, and grows as long as the load lasts."""
    policy = NodePolicy(concurrency=4 if mended else 1)
    return create(Node(_plain, name="slow", policy=policy).to(), queue_maxsize=0)


def hog(_world: Any, mended: bool) -> Any:
    """One tenant's slow requests hold up everybody else's at a node that handles one at a time."""

    async def work(message: Message, _ctx: Any) -> Message:
        await asyncio.sleep(4.0 if message.headers.tenant == "acme" else 0.02)
        return message

    return create(Node(work, name="work", policy=NodePolicy(concurrency=16 if mended else 1)).to())


def herd(_world: Any, mended: bool) -> Any:
    """Everybody who was refused comes back after the same wait, and is refused again."""

    async def work(message: Message, ctx: Any) -> Message:
        for tries in range(6):
            try:
                await ctx.effect("call", key=f"{message.trace_id}/{tries}")
            except RuntimeError:
                number = message.payload["request"]
                await asyncio.sleep(0.3 * (number + 1) if mended else 0.3)
            else:
                return message
        raise ConnectionError("refused six times")

    return create(Node(work, name="work", policy=NodePolicy(concurrency=16)).to())


def hammering(_world: Any, mended: bool) -> Any:
    """Retries without a wait hammer a service while it is down."""

    async def work(message: Message, _ctx: Any) -> Message:
        await asyncio.sleep(0.1)
        return message

    policy = NodePolicy(timeout_s=1.0, max_retries=0 if mended else 8, backoff_base=0.0)
    return create(Node(work, name="work", policy=policy).to())


def residue(_world: Any, mended: bool) -> Any:
    """Each request leaves a task behind that waits for something which never comes."""
    tasks: list[asyncio.Task[Any]] = []

    async def work(message: Message, _ctx: Any) -> Message:
        if not mended:
            tasks.append(asyncio.create_task(asyncio.Event().wait()))
            await asyncio.sleep(0)
            await tasks[-1] if message.payload["request"] == 2 else None
        return message

    return create(Node(work, name="work", policy=NodePolicy()).to())


SHAPES = [
    Specimen("ring of full queues", ring.__doc__ or "", ring, ("stuck",), ""),
    Specimen(
        "half a join", half_a_join.__doc__ or "", half_a_join, ("threshold", "error", "lost"), "",
        {"checks": [NO_ERRORS], "load": {"stages": [{"for": "4s", "rate": "2/s"}]}},
    ),
    Specimen(
        "crossed locks", crossed_locks.__doc__ or "", crossed_locks, ("stuck",), "",
        {"load": {"arrival": "poisson", "stages": [{"for": "4s", "rate": "4/s"}]}},
    ),
    Specimen(
        "a queue that grows", growing.__doc__ or "", growing, ("threshold",), "slow",
        {
            "load": {"stages": [{"for": "10s", "rate": "4/s"}]},
            "faults": [{"id": "slow", "kind": "latency", "where": {"node": "slow"}, "delay": "600ms",
                        "window": {"from": "1s", "for": "8s"}}],
            "checks": [{"id": "growth", "metric": "queue.growth", "stat": "max", "during": "slow", "max": 0.5}],
        },
    ),
    Specimen(
        "a tenant that holds up the others", hog.__doc__ or "", hog, ("threshold",), "",
        {
            "tenants": {"acme": {}, "globex": {"weight": 3}},
            "load": {"arrival": "poisson", "stages": [{"for": "4s", "rate": "3/s"}]},
            "checks": [{"id": "hol", "metric": "head_of_line", "stat": "max", "max": "1s"}],
        },
    ),
    Specimen(
        "a herd after a limit", herd.__doc__ or "", herd, ("threshold", "error"), "limit",
        {
            "load": {"stages": [{"for": "100ms", "rate": "120/s"}]},
            "faults": [{"id": "limit", "kind": "rate_limit", "where": {"tool": "call"}, "rate": "3/s"}],
            "checks": [{"id": "load", "metric": "attempts.per_request", "where": {"tool": "call"}, "stat": "max",
                        "max": 3.0}],
        },
    ),
    Specimen(
        "a storm of retries", hammering.__doc__ or "", hammering, ("threshold", "not_drained"), "storm",
        {
            "load": {"stages": [{"for": "20s", "rate": "2/s"}]},
            "horizon": "60s",
            "faults": [{"id": "storm", "kind": "tool_error", "where": {"node": "work"}, "error": "timeout",
                        "window": {"from": "5s", "for": "3s"}}],
            "checks": [{"id": "amplification", "metric": "attempts.per_request", "stat": "max", "max": 1.5}],
        },
    ),
    Specimen("a task that is waited for", residue.__doc__ or "", residue, ("stuck",), ""),
]  # fmt: skip

DELAYS = [*_specimens(), *SHAPES]
