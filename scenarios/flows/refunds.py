"""An agent, written by hand, that refunds orders: it asks a language model what to do, and does it over HTTP.

Fragile: when the model is busy, the node fails and the whole conversation
starts again. The refund that it had already made is made again.

Hardened: a busy model is asked again by itself, a few times and bounded, and
each refund carries a key made of the trace and the order.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create
from sim.services import Idempotent

if TYPE_CHECKING:
    import random

STEPS_MAX = 5
BUSY = 429
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {"order": {}}}}}
    for name in ("look_up", "refund")
]


def shop() -> Any:
    """The shop's own service, made anew for each run: it knows every order, and pays back what it is asked to."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("it has no lifespan")
        answer = {"status": "paid"} if scope["method"] == "GET" else {"status": "refunded"}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return Idempotent(app)


def fragile() -> PenguiFlow:
    """Any failure starts the conversation again, tools included."""
    return _agent(asks=1, keyed=False)


def hardened() -> PenguiFlow:
    """A busy model is asked again, and the shop knows a refund that it has made."""
    return _agent(asks=3, keyed=True)


def _agent(*, asks: int, keyed: bool) -> PenguiFlow:
    model = httpx.AsyncClient(base_url="http://model/v1", timeout=5)
    shop_api = httpx.AsyncClient(base_url="http://shop", timeout=2)

    async def ask(messages: list[dict[str, Any]]) -> dict[str, Any]:
        for wait_s in [0.5 * 2**number for number in range(asks - 1)] + [None]:
            request = {"model": "small", "messages": messages, "tools": TOOLS}
            answer = await model.post("/chat/completions", json=request)
            if answer.status_code != BUSY or wait_s is None:
                break
            await asyncio.sleep(wait_s)
        message: dict[str, Any] = answer.raise_for_status().json()["choices"][0]["message"]
        return message

    async def use(tool: str, order: str, ctx: Context) -> str:
        if tool == "look_up":
            return (await shop_api.get(f"/orders/{order}")).text
        headers = {"Idempotency-Key": ctx.idempotency_key(f"refund-{order}")} if keyed else {}
        answer = await shop_api.post("/refunds", json={"order": order}, headers=headers)
        return answer.raise_for_status().text

    async def agent(message: Message, ctx: Context) -> Message:
        messages: list[dict[str, Any]] = [{"role": "user", "content": message.payload["text"]}]
        for _ in range(STEPS_MAX):
            reply = await ask(messages)
            if not reply.get("tool_calls"):
                return message.model_copy(update={"payload": {"text": reply["content"]}})
            messages.append(reply)
            for call in reply["tool_calls"]:
                order = json.loads(call["function"]["arguments"])["order"]
                result = await use(call["function"]["name"], order, ctx)
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        raise RuntimeError(f"no answer after {STEPS_MAX} steps")

    policy = NodePolicy(timeout_s=20, max_retries=2, backoff_base=0.5)
    return create(Node(agent, name="agent", policy=policy).to())


def request(rng: random.Random, tenant: str, index: int) -> dict[str, Any]:
    """What one customer writes."""
    return {"text": f"Please refund order {tenant}-{index}, it came {rng.choice(['late', 'broken', 'twice'])}."}
