"""Flows whose traces stay open, each in another phase; for the programs that measure open traces."""

from __future__ import annotations

import asyncio
from typing import Any

from penguiflow import Headers, Message, Node, NodePolicy, PenguiFlow, create

HEADERS = Headers(tenant="acme")


async def answer(message: Any, _ctx: Any) -> Any:
    """Hand on what came."""
    return message


async def hang(_message: Any, _ctx: Any) -> Any:
    """Sleep for an hour; nobody waits for that long."""
    await asyncio.sleep(3600)


async def fail(_message: Any, _ctx: Any) -> Any:
    """Fail, and be tried again later."""
    raise OSError


def envelope(payload: Any = 1, **fields: Any) -> Message:
    """A message of the only tenant."""
    return Message(payload=payload, headers=HEADERS, **fields)


def queued(_traces: int) -> PenguiFlow:
    """A flow in which everything but the first message waits in a queue."""
    return create(Node(hang).to(), queue_maxsize=0)


def handled(traces: int) -> PenguiFlow:
    """A flow that has a handler for every message."""
    return create(Node(hang, policy=NodePolicy(concurrency=traces)).to(), queue_maxsize=0)


def backing_off(_traces: int) -> PenguiFlow:
    """A flow in which every message waits for its second try."""
    return create(Node(fail, policy=NodePolicy(max_retries=1, backoff_base=3600)).to(), queue_maxsize=0)


def answered(_traces: int) -> PenguiFlow:
    """A flow in which every message is answered, and nobody fetches the answer."""
    return create(Node(answer).to(), queue_maxsize=0)


def blocked(_traces: int) -> PenguiFlow:
    """A flow in which everything but the first two messages waits to get in."""
    return create(Node(hang).to(), queue_maxsize=1)
