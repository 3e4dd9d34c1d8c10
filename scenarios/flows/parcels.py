"""A shop that orders shipping labels from a carrier over HTTP.

Fragile: the order carries no key, so the carrier cannot tell a repeat of a
lost answer from a new order, and prints a second label.

Hardened: the order carries an `Idempotency-Key`, and the carrier answers a
key that it knows with the first label.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from penguiflow import Context, Message, Node, NodePolicy, PenguiFlow, create
from sim.services import Idempotent

if TYPE_CHECKING:
    import random


def carrier() -> Any:
    """The carrier: an ASGI app, made anew for each run, that prints one label for each order."""
    printed: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("it has no lifespan")
        order = json.loads((await receive())["body"])
        printed.append(order)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        label = {"order": order["order"], "label": f"label-{len(printed)}"}
        await send({"type": "http.response.body", "body": json.dumps(label).encode()})

    return Idempotent(app)


def fragile() -> PenguiFlow:
    """Retries around an order that has no key."""
    return _shop(keyed=False)


def hardened() -> PenguiFlow:
    """The same retries, and a key made of the trace and the step."""
    return _shop(keyed=True)


def _shop(*, keyed: bool) -> PenguiFlow:
    carrier_api = httpx.AsyncClient(base_url="http://carrier", timeout=2)

    async def ship(message: Message, ctx: Context) -> Message:
        headers = {"Idempotency-Key": ctx.idempotency_key("label")} if keyed else {}
        answer = await carrier_api.post("/labels", json=message.payload, headers=headers)
        answer.raise_for_status()
        return message.model_copy(update={"payload": answer.json()})

    return create(Node(ship, name="ship", policy=NodePolicy(timeout_s=3, max_retries=2, backoff_base=0.2)).to())


def order(rng: random.Random, tenant: str, index: int) -> dict[str, Any]:
    """One order to be shipped."""
    return {"order": f"{tenant}-{index}", "grams": rng.randint(100, 5000)}
