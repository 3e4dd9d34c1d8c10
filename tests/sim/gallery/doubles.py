"""Effects that happen twice, or too late: one bug each, under each accident that brings it out."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from specimen import Specimen

from penguiflow import Message, Node, NodePolicy, StepUnknown, create

POLICY = NodePolicy(timeout_s=0.5, max_retries=2, backoff_base=0.1)
NEVER_TWICE = [{"id": "once", "metric": "effects.duplicates", "max": 0}]
NEVER_LATE = [{"id": "in-time", "metric": "effects.zombies", "max": 0}]


async def _work() -> str:
    await asyncio.sleep(0.02)
    return "done"


async def charge(ctx: Any, message: Any, **how: Any) -> Any:
    """The effect of all these flows: a card is charged."""
    return await ctx.effect("charge", _work, args={"order": message.payload["request"]}, **how)


async def once(ctx: Any, message: Any, **how: Any) -> Any:
    """The same, at most once for its trace; whether an earlier attempt charged it is somebody's else to find out."""
    try:
        return await ctx.once("charge", lambda: charge(ctx, message, **how))
    except StepUnknown:
        return "unknown"


def single(handler: Any, policy: NodePolicy = POLICY) -> Any:
    """A flow of one node."""
    return create(Node(handler, name="pay", policy=policy).to())


# -- what is retried as a whole ---------------------------------------------------------------


def bare(_world: Any, mended: bool) -> Any:
    """A retry charges again, and there is no key by which the repeat could be known."""

    async def pay(message: Message, ctx: Any) -> Message:
        await (once if mended else charge)(ctx, message)
        await ctx.effect("note", _work, key=f"{message.trace_id}/{ctx.attempt}")
        return message

    return single(pay)


def keyed(_world: Any, mended: bool) -> Any:
    """The key is sent with each attempt, and nobody asks whether it was used."""

    async def pay(message: Message, ctx: Any) -> Message:
        await (once if mended else charge)(ctx, message, key=ctx.idempotency_key("charge"))
        await ctx.effect("note", _work, key=f"{message.trace_id}/{ctx.attempt}")
        return message

    return single(pay)


def reused(_world: Any, mended: bool) -> Any:
    """The same key goes out with other arguments on each attempt."""

    async def pay(message: Message, ctx: Any) -> Message:
        async def act() -> Any:
            tries = {} if mended else {"attempt": ctx.attempt}
            return await ctx.effect("charge", _work, key=ctx.idempotency_key("charge"), args=tries)

        with contextlib.suppress(StepUnknown):
            await (ctx.once("charge", act) if mended else act())
        await ctx.effect("note", _work, key=f"{message.trace_id}/{ctx.attempt}")
        return message

    return single(pay)


def loop(_world: Any, mended: bool) -> Any:
    """Three things are done one after the other, and a failure in the middle does the first again."""

    async def pay(message: Message, ctx: Any) -> Message:
        for item in ("a", "b", "c"):

            async def act(item: str = item) -> Any:
                return await ctx.effect("charge", _work, args={"order": message.payload["request"], "item": item})

            try:
                await (ctx.once(item, act) if mended else act())
            except StepUnknown:
                continue
        await ctx.effect("note", _work, key=f"{message.trace_id}/{ctx.attempt}")
        return message

    return single(pay)


def together(_world: Any, mended: bool) -> Any:
    """Several things are done at once, and one that fails does all of them again."""

    async def pay(message: Message, ctx: Any) -> Message:
        async def act(item: str) -> Any:
            async def one() -> Any:
                return await ctx.effect("charge", _work, args={"order": message.payload["request"], "item": item})

            try:
                return await (ctx.once(item, one) if mended else one())
            except StepUnknown:
                return None

        await asyncio.gather(*map(act, "ab"))
        await ctx.effect("note", _work, key=f"{message.trace_id}/{ctx.attempt}")
        return message

    return single(pay)


def own_loop(_world: Any, mended: bool) -> Any:
    """The handler tries again by itself, whatever the first try has done."""

    async def pay(message: Message, ctx: Any) -> Message:
        for _ in range(1 if mended else 3):
            try:
                async with asyncio.timeout(0.4):
                    await charge(ctx, message)
                    await ctx.effect("note", _work, key=f"{message.trace_id}/{asyncio.get_running_loop().time()}")
                    break
            except (ConnectionError, TimeoutError):
                continue
        return message

    return single(pay, NodePolicy())


def subflow(_world: Any, mended: bool) -> Any:
    """A node that runs a flow of its own is retried, and so is all that flow has done."""

    async def inner(message: Message, ctx: Any) -> Message:
        await charge(ctx, message)
        return message

    async def pay(message: Message, ctx: Any) -> Message:
        def playbook() -> Any:
            return create(Node(inner, name="inner", policy=NodePolicy()).to()), None

        async def act() -> Any:
            return await ctx.call_playbook(playbook, message)

        with contextlib.suppress(StepUnknown):
            await (ctx.once("inner", act) if mended else act())
        await ctx.effect("note", _work, key=f"{message.trace_id}/{ctx.attempt}")
        return message

    return single(pay)


def commit_first(_world: Any, mended: bool) -> Any:
    """What cannot fail twice comes before what can: charging in the node that still has to compute."""

    async def commit(message: Message, ctx: Any) -> Message:
        if not mended:
            await charge(ctx, message)
        await ctx.effect("note", _work, key=f"{message.trace_id}/{ctx.attempt}")
        return message

    async def last(message: Message, ctx: Any) -> Message:
        if mended:
            await once(ctx, message)
        return message

    first, second = Node(commit, name="pay", policy=POLICY), Node(last, name="last", policy=NodePolicy())
    return create(first.to(second), second.to())


RETRIED = (bare, keyed, reused, loop, together, own_loop, subflow, commit_first)
ACCIDENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "lost answer": (
        "the answer of the charge is lost",
        {"kind": "tool_error", "where": {"tool": "charge"}, "after_effect": True, "chance": 0.4},
    ),
    "late answer": (
        "the answer of the charge comes after the timeout",
        {"kind": "latency", "where": {"tool": "charge"}, "delay": "700ms", "chance": 0.4},
    ),
    "next step fails": (
        "the step behind the charge fails",
        {"kind": "tool_error", "where": {"tool": "note"}, "chance": 0.4},
    ),
    "next step hangs": (
        "the step behind the charge does not answer",
        {"kind": "hang", "where": {"tool": "note"}, "side": "request", "chance": 0.4, "release": "20s"},
    ),
}


def _retried() -> list[Specimen]:
    return [
        Specimen(
            f"{build.__name__}, {accident}",
            f"{(build.__doc__ or '').rstrip('.')}; {told}.",
            build,
            ("reused_key",) if build is reused else ("duplicate_effect",),
            "accident",
            {"faults": [{"id": "accident", **fault}], "checks": NEVER_TWICE},
        )
        for build in RETRIED
        for accident, (told, fault) in ACCIDENTS.items()
        # What ends before the step behind it has nothing to be repeated by that step.
        if not (build is subflow and "answer" in accident)
    ]


# -- who asks twice ---------------------------------------------------------------------------


def doubled_message(_world: Any, mended: bool) -> Any:
    """A message that arrives twice is handled twice."""

    async def take(message: Message, ctx: Any) -> Message:
        return message

    async def pay(message: Message, ctx: Any) -> Message:
        await (once if mended else charge)(ctx, message)
        return message

    first, second = Node(take, name="take", policy=NodePolicy()), Node(pay, name="pay", policy=NodePolicy())
    return create(first.to(second), second.to())


def impatient_client(_world: Any, mended: bool) -> Any:
    """A client that gives up asks again for the same order, and the order is carried out again."""
    done: dict[int, Any] = {}

    async def pay(message: Message, ctx: Any) -> Message:
        order = message.payload["request"]
        if mended and order in done:
            return message
        done[order] = True
        await ctx.effect("charge", _work, key=f"order-{order}")
        await asyncio.sleep(0.3)
        return message

    return single(pay, NodePolicy())


def two_committers(_world: Any, mended: bool) -> Any:
    """Two branches of a flow carry out the same step."""

    async def split(message: Message, ctx: Any) -> Message:
        return message

    async def left(message: Message, ctx: Any) -> Message:
        await charge(ctx, message, key=ctx.idempotency_key("charge"))
        return message

    async def right(message: Message, ctx: Any) -> None:
        if not mended:
            await charge(ctx, message, key=ctx.idempotency_key("charge"))

    start, one, two = (Node(step, name=step.__name__, policy=NodePolicy()) for step in (split, left, right))
    return create(start.to(one, two), one.to(), two.to())


def emits_twice(_world: Any, mended: bool) -> Any:
    """A node emits its message and returns it too, so that the next one gets it twice."""

    async def first(message: Message, ctx: Any) -> Message | None:
        await ctx.emit(message)
        return None if mended else message

    async def pay(message: Message, ctx: Any) -> Message:
        await charge(ctx, message)
        return message

    one, two = Node(first, name="first", policy=NodePolicy()), Node(pay, name="pay", policy=NodePolicy())
    return create(one.to(two), two.to())


ASKED_TWICE = [
    Specimen(
        "doubled message",
        doubled_message.__doc__ or "",
        doubled_message,
        ("duplicate_effect",),
        "twice",
        {
            "faults": [{"id": "twice", "kind": "duplicate", "where": {"edge": "take->pay"}, "chance": 0.4}],
            "checks": NEVER_TWICE,
        },
    ),
    Specimen(
        "doubled request",
        "A request that the network delivers twice is carried out twice.",
        doubled_message,
        ("duplicate_effect",),
        "twice",
        {
            "faults": [{"id": "twice", "kind": "duplicate", "where": {"edge": "OpenSea->take"}, "chance": 0.4}],
            "checks": NEVER_TWICE,
        },
    ),
    Specimen(
        "impatient client",
        impatient_client.__doc__ or "",
        impatient_client,
        ("duplicate_effect",),
        "",
        {
            "load": {
                "stages": [{"for": "4s", "rate": "1/s"}],
                "client": {"give_up_after": "200ms", "resubmit": {"times": 1, "after": "1s"}},
            },
            "checks": NEVER_TWICE,
        },
    ),
    Specimen(
        "two committers", two_committers.__doc__ or "", two_committers, ("duplicate_effect",), "",
        {"checks": NEVER_TWICE},
    ),
    Specimen(
        "emits twice", emits_twice.__doc__ or "", emits_twice, ("duplicate_effect",), "", {"checks": NEVER_TWICE}
    ),
]  # fmt: skip


# -- too late ---------------------------------------------------------------------------------


def shielded(_world: Any, mended: bool) -> Any:
    """The charge is shielded from the cancellation that its timeout brings."""

    async def pay(message: Message, ctx: Any) -> Message:
        await (charge(ctx, message) if mended else asyncio.shield(charge(ctx, message)))
        return message

    return single(pay, NodePolicy(timeout_s=0.5))


def swallowed(_world: Any, mended: bool) -> Any:
    """The handler swallows its cancellation and goes on to the charge."""

    async def pay(message: Message, ctx: Any) -> Message:
        try:
            await ctx.effect("look", _work, key=message.trace_id)
        except asyncio.CancelledError:
            if mended:
                raise
        await charge(ctx, message)
        return message

    return single(pay, NodePolicy(timeout_s=0.5, cancel_grace_s=5))


def left_behind(_world: Any, mended: bool) -> Any:
    """The charge is left to a task of its own, and the caller is told that all is well before it is done."""
    tasks: set[asyncio.Task[Any]] = set()

    async def pay(message: Message, ctx: Any) -> Message:
        if mended:
            await charge(ctx, message)
            return message
        task = asyncio.create_task(charge(ctx, message))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return message

    return single(pay, NodePolicy(timeout_s=20))


def finally_charges(_world: Any, mended: bool) -> Any:
    """The charge stands in a `finally`, which also runs when there is no time left."""

    async def pay(message: Message, ctx: Any) -> Message:
        try:
            await ctx.effect("look", _work, key=message.trace_id)
        except BaseException:
            if not mended:
                await charge(ctx, message)
            raise
        await charge(ctx, message)
        return message

    return single(pay, NodePolicy(timeout_s=0.5, cancel_grace_s=5))


LATE = (shielded, swallowed, left_behind, finally_charges)
_SLOW_CHARGE = {"kind": "latency", "where": {"tool": "charge"}, "side": "request", "delay": "2s", "chance": 0.5}
_SLOW_LOOK = {"kind": "latency", "where": {"tool": "look"}, "delay": "2s", "chance": 0.5}


def _late() -> list[Specimen]:
    """Each under a timeout, under a deadline, and with a client that cancels."""
    loads: dict[str, dict[str, Any]] = {
        "a timeout": {},
        "a deadline": {"deadline": "400ms"},
        "a client that cancels": {"client": {"cancel": {"after": "300ms"}}},
    }
    return [
        Specimen(
            f"{build.__name__}, {told}",
            f"{(build.__doc__ or '').rstrip('.')}; brought out by {told}.",
            build,
            ("zombie_effect",),
            "slow",
            {
                "faults": [{"id": "slow", **(_SLOW_CHARGE if build in (shielded, left_behind) else _SLOW_LOOK)}],
                "checks": NEVER_LATE,
                "load": {"arrival": "poisson", "stages": [{"for": "4s", "rate": "1/s"}], **load},
            },
        )
        for build in LATE
        for told, load in loads.items()
        # A handler that overruns its timeout is waited for, so its caller is not told no before the charge.
        if not (told == "a timeout" and build in (swallowed, finally_charges))
    ]


DOUBLES = [*_retried(), *ASKED_TWICE, *_late()]
