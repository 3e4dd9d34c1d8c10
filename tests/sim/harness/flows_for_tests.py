"""Small flows, each with one idea, and a way to run them under a scenario."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from penguiflow import Node, NodePolicy, create
from sim.harness import run_seed
from sim.model.prepared import Prepared
from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from sim.model.recording import Recording


def scenario(**fields: Any) -> Scenario:
    known: dict[str, Any] = {
        "schema": "penguiflow.sim/1",
        "name": "under-test",
        "flow": "flows_for_tests:nothing",
        "tenants": {"acme": {"weight": 1}, "globex": {"weight": 1}},
        "load": {"stages": [{"for": "10s", "rate": "2/s"}]},
        "horizon": "120s",
    }
    return Scenario.model_validate({**known, **fields})


def run(
    builder: Any, seed: int = 1, *, faults: bool = True, inject: Any = (), payload: Any = None, **fields: Any
) -> Recording:
    described = scenario(faults=list(inject), **fields)
    return run_seed(Prepared(described, builder, payload), seed, faults=faults)


async def echo(message: Any, ctx: Any) -> Any:
    await asyncio.sleep(0.05)
    return message


def echoing() -> Any:
    return create(Node(echo, name="echo", policy=NodePolicy(timeout_s=1.0, max_retries=2, backoff_base=0.1)).to())


def silent() -> Any:
    async def wait_forever(message: Any, ctx: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    return create(Node(wait_forever, name="wait").to())


def charging(key: str | None = None, retries: int = 1) -> Any:
    async def act(seconds: float) -> dict[str, str]:
        await asyncio.sleep(seconds)
        return {"receipt": "yes"}

    async def pay(message: Any, ctx: Any) -> Any:
        chosen = ctx.idempotency_key(key) if key else None
        receipt = await ctx.effect("charge", partial(act, 0.02), key=chosen, args={"order": message.payload["request"]})
        return message.model_copy(update={"payload": {**message.payload, **receipt}})

    policy = NodePolicy(timeout_s=0.5, max_retries=retries, backoff_base=0.1)
    return create(Node(pay, name="pay", policy=policy).to())
