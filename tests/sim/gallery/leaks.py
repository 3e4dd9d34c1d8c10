"""Data that crosses from one tenant to another: each way of keeping it too long, into each place where it shows.

A carrier is where the flow keeps something between requests; mended, it keeps
it by tenant, or not at all. A sink is where what it gives turns up.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from specimen import Specimen

from penguiflow import Message, Node, NodePolicy, create

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Carrier = Callable[[str, str], Awaitable[str]]
    """Takes a tenant and its text, and gives the text that is shown."""

_log = logging.getLogger("gallery")


def payload(_rng: Any, _tenant: str, index: int) -> dict[str, Any]:
    """A request with something private in it."""
    return {"request": index, "text": "note {canary}"}


# -- where it is kept -------------------------------------------------------------------------


def last_one(mended: bool) -> Carrier:
    """The last text is kept for everybody."""
    kept: dict[str, str] = {}

    async def give(tenant: str, text: str) -> str:
        place = tenant if mended else "last"
        before, kept[place] = kept.get(place, ""), text
        return before

    return give


def cache(mended: bool) -> Carrier:
    """A cache asks for the question only."""
    answers: dict[Any, str] = {}

    async def give(tenant: str, text: str) -> str:
        key = (tenant, "hours") if mended else "hours"
        return answers.setdefault(key, text)

    return give


def buffer(mended: bool) -> Carrier:
    """A buffer is written out together, whoever filled it."""
    texts: defaultdict[str, list[str]] = defaultdict(list)

    async def give(tenant: str, text: str) -> str:
        place = tenant if mended else "all"
        texts[place].append(text)
        if len(texts[place]) < 3:
            return ""
        told = "; ".join(texts[place])
        texts[place].clear()
        return told

    return give


def current(mended: bool) -> Carrier:
    """The current request is an attribute, and somebody else's by the time that it is read."""
    state = {"text": ""}

    async def give(_tenant: str, text: str) -> str:
        state["text"] = text
        await asyncio.sleep(0.6)
        return text if mended else state["text"]

    return give


def default_argument(mended: bool) -> Carrier:
    """A list that is a default argument remembers every call."""

    def remembered(text: str, seen: list[str] = []) -> list[str]:  # noqa: B006 - that is the bug
        seen.append(text)
        return seen

    async def give(_tenant: str, text: str) -> str:
        return " ".join(remembered(text, []) if mended else remembered(text))

    return give


def template(mended: bool) -> Carrier:
    """A response is filled in again and again, and keeps the fields that nobody overwrites."""
    response: dict[str, str] = {}

    async def give(tenant: str, text: str) -> str:
        filled = {} if mended else response
        filled.setdefault(f"note of {len(filled) % 2}", text)
        filled["to"] = tenant
        return str(filled)

    return give


def settings(mended: bool) -> Carrier:
    """Whoever comes first leaves a default for everybody after it."""
    defaults: dict[str, str] = {}

    async def give(tenant: str, text: str) -> str:
        defaults.setdefault(tenant if mended else "default", text)
        return defaults[tenant if mended else "default"]

    return give


def short_key(mended: bool) -> Carrier:
    """A memo goes by too short a key, so that two tenants share an entry."""
    memo: dict[Any, str] = {}

    async def give(tenant: str, text: str) -> str:
        return memo.setdefault((tenant, text) if mended else len(tenant) > 20, text)

    return give


# -- where it shows ---------------------------------------------------------------------------


async def into_answer(_ctx: Any, message: Message, shown: str) -> Message:
    """It is part of the answer."""
    return message.model_copy(update={"payload": {**message.payload, "also": shown}})


async def into_log(_ctx: Any, message: Message, shown: str) -> Message:
    """It is logged while another tenant's message is handled."""
    _log.warning("handling %s", shown)
    return message


async def into_print(_ctx: Any, message: Message, shown: str) -> Message:
    """It is printed."""
    print("handling", shown)  # noqa: T201 - that is the bug
    return message


async def into_warning(_ctx: Any, message: Message, shown: str) -> Message:
    """It is the text of a warning."""
    warnings.warn(f"odd input of {message.trace_id}: {shown}", stacklevel=1)  # Python tells one text once
    return message


async def into_error(_ctx: Any, message: Message, shown: str) -> Message:
    """It is the text of an exception."""
    if message.payload["request"] % 2:
        raise ValueError(f"cannot handle {shown}")
    return message


async def into_tool(ctx: Any, message: Message, shown: str) -> Message:
    """A tool gets it as an argument."""
    await ctx.effect("search", args={"query": shown})
    return message


async def into_key(ctx: Any, message: Message, shown: str) -> Message:
    """It is part of an idempotency key."""
    await ctx.effect("search", key=f"{message.trace_id}/{shown}")
    return message


CARRIERS = (last_one, cache, buffer, current, default_argument, template, settings, short_key)
SINKS = (into_answer, into_log, into_print, into_warning, into_error, into_tool, into_key)


def _specimen(carrier: Callable[[bool], Carrier], sink: Callable[..., Awaitable[Message]]) -> Specimen:
    def build(_world: Any, mended: bool) -> Any:
        carry = carrier(mended)

        async def answer(message: Message, ctx: Any) -> Message:
            shown = await carry(message.headers.tenant, message.payload["text"])
            return await sink(ctx, message, shown)

        return create(Node(answer, name="answer", policy=NodePolicy(concurrency=4)).to())

    return Specimen(
        f"{carrier.__name__}, {sink.__name__.replace('_', ' ')}",
        f"{(carrier.__doc__ or '').rstrip('.')}. {sink.__doc__}",
        build,
        ("leak",),
        "peek",
        {
            "tenants": {"acme": {}, "globex": {}},
            "load": {"arrival": "poisson", "payload": "gallery:payload", "stages": [{"for": "5s", "rate": "3/s"}]},
            "faults": [{"id": "peek", "kind": "tenant_probe", "victim": "acme", "attacker": "globex"}],
            "checks": [{"id": "no-leak", "metric": "leaks.confirmed", "max": 0}],
        },
        payload,
    )


LEAKS = [_specimen(carrier, sink) for carrier in CARRIERS for sink in SINKS]
