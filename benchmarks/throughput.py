"""Messages a second through PenguiFlow, as a share of a bare `asyncio.Queue` pipeline of the same shape.

Both sides run in turn in one process, several rounds, nobody listening:
machines are noisy, so only the ratio of neighbours means anything.

    python benchmarks/throughput.py [--messages 4000] [--rounds 7] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from penguiflow import Headers, InMemoryStateStore, Message, Node, PenguiFlow, create, log_flow_events

Bench = Callable[[int], Awaitable[None]]
CHAIN_NODES = 10
FAN_OUT = 8


async def passthrough(message: Any, _ctx: Any) -> Any:
    """Hand on what came."""
    return message


# -- bare asyncio.Queue pipelines ------------------------------------------------------------


async def _pump(source: asyncio.Queue[Any], targets: list[asyncio.Queue[Any]]) -> None:
    while True:
        item = await source.get()
        item = await passthrough(item, None)
        for target in targets:
            await target.put(item)


async def _through(entrance: asyncio.Queue[Any], exit_: asyncio.Queue[Any], sent: int, received: int) -> None:
    async def feed() -> None:
        for index in range(sent):
            await entrance.put(index)

    feeder = asyncio.create_task(feed())
    for _ in range(received):
        await exit_.get()
    await feeder


async def bare_chain(messages: int) -> None:
    """Ten queues in a row."""
    queues: list[asyncio.Queue[Any]] = [asyncio.Queue(64) for _ in range(CHAIN_NODES + 1)]
    pumps = [asyncio.create_task(_pump(a, [b])) for a, b in pairwise(queues)]
    await _through(queues[0], queues[-1], messages, messages)
    await _stop(pumps)


async def bare_fan(messages: int) -> None:
    """One queue into eight, and these into one."""
    entrance: asyncio.Queue[Any] = asyncio.Queue(64)
    middles: list[asyncio.Queue[Any]] = [asyncio.Queue(64) for _ in range(FAN_OUT)]
    joined: asyncio.Queue[Any] = asyncio.Queue(64 * FAN_OUT)
    exit_: asyncio.Queue[Any] = asyncio.Queue(64)
    pumps = [asyncio.create_task(_pump(entrance, middles)), asyncio.create_task(_pump(joined, [exit_]))]
    pumps += [asyncio.create_task(_pump(middle, [joined])) for middle in middles]
    await _through(entrance, exit_, messages, messages * FAN_OUT)
    await _stop(pumps)


async def bare_roundtrips(messages: int) -> None:
    """One request after the other, each with a reply queue of its own."""
    entrance: asyncio.Queue[Any] = asyncio.Queue(64)

    async def serve() -> None:
        while True:
            item, reply = await entrance.get()
            await reply.put(await passthrough(item, None))

    server = asyncio.create_task(serve())
    for index in range(messages):
        reply: asyncio.Queue[Any] = asyncio.Queue(1)
        await entrance.put((index, reply))
        await reply.get()
    await _stop([server])


async def _stop(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


# -- the same shapes as flows ----------------------------------------------------------------


def _chain(**options: Any) -> PenguiFlow:
    nodes = [Node(passthrough, name=f"n{index}") for index in range(CHAIN_NODES)]
    return create(*(a.to(b) for a, b in pairwise(nodes)), **options)


async def _drive(flow: PenguiFlow, sent: int, received: int) -> None:
    flow.run()

    async def feed() -> None:
        for index in range(sent):
            await flow.emit(index)

    feeder = asyncio.create_task(feed())
    for _ in range(received):
        await flow.fetch()
    await feeder
    await flow.stop()


async def flow_chain(messages: int) -> None:
    """Ten nodes in a row, bare payloads."""
    await _drive(_chain(), messages, messages)


async def flow_chain_envelopes(messages: int, **options: Any) -> None:
    """Ten nodes in a row, envelopes."""
    flow = _chain(**options)
    flow.run()
    headers = Headers(tenant="acme")

    async def feed() -> None:
        for index in range(messages):
            await flow.emit(Message(payload=index, headers=headers))

    feeder = asyncio.create_task(feed())
    for _ in range(messages):
        await flow.fetch()
    await feeder
    await flow.stop()


async def flow_chain_logged(messages: int) -> None:
    """Ten nodes in a row with `log_flow_events` on a logger that is off."""
    await _drive(_chain(middlewares=[log_flow_events()]), messages, messages)


async def flow_chain_stored(messages: int) -> None:
    """Ten nodes in a row, envelopes, with the in-memory store."""
    await flow_chain_envelopes(messages, state_store=InMemoryStateStore())


async def flow_fan(messages: int) -> None:
    """One node into eight, and these into one."""
    first, last = Node(passthrough, name="first"), Node(passthrough, name="last")
    middles = [Node(passthrough, name=f"m{index}") for index in range(FAN_OUT)]
    await _drive(create(first.to(*middles), *(node.to(last) for node in middles)), messages, messages * FAN_OUT)


async def flow_roundtrips(messages: int) -> None:
    """One scoped roundtrip after the other through one node."""
    flow = create(Node(passthrough, name="only").to())
    flow.run()
    message = Message(payload=1, headers=Headers(tenant="acme"))
    for index in range(messages):
        trace_id = f"t{index}"
        await flow.emit(message, trace_id=trace_id)
        await flow.fetch(trace_id=trace_id)
    await flow.stop()


SHAPES: dict[str, tuple[Bench, Bench, float | None]] = {
    "10-node chain, bare payloads": (flow_chain, bare_chain, 0.3),
    "10-node chain, envelopes": (flow_chain_envelopes, bare_chain, None),
    "10-node chain, log_flow_events (logger off)": (flow_chain_logged, bare_chain, None),
    "10-node chain, in-memory store": (flow_chain_stored, bare_chain, None),
    "fan-out 8, fan-in": (flow_fan, bare_fan, 0.3),
    "scoped roundtrips, one node": (flow_roundtrips, bare_roundtrips, 0.4),
}


def _seconds(bench: Bench, messages: int) -> float:
    started = time.perf_counter()
    asyncio.run(bench(messages))  # type: ignore[arg-type]
    return time.perf_counter() - started


def measure(messages: int, rounds: int) -> list[dict[str, Any]]:
    """Time every shape, flow and bare pipeline in turn."""
    rows = []
    for name, (flow, bare, goal) in SHAPES.items():
        pairs = [(_seconds(flow, messages), _seconds(bare, messages)) for _ in range(rounds)]
        ratios = sorted(bare_s / flow_s for flow_s, bare_s in pairs)
        rows.append(
            {
                "shape": name,
                "flow_per_s": round(messages / statistics.median(flow_s for flow_s, _ in pairs)),
                "bare_per_s": round(messages / statistics.median(bare_s for _, bare_s in pairs)),
                "ratio": round(statistics.median(ratios), 3),
                "ratio_min": round(ratios[0], 3),
                "ratio_max": round(ratios[-1], 3),
                "goal": goal,
            }
        )
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = measure(options.messages, options.rounds)
    print(f"{'shape':46} {'flow/s':>9} {'bare/s':>9} {'ratio':>6} {'min..max':>13} goal")
    for row in rows:
        spread = f"{row['ratio_min']}..{row['ratio_max']}"
        print(
            f"{row['shape']:46} {row['flow_per_s']:>9} {row['bare_per_s']:>9} {row['ratio']:>6} {spread:>13} "
            f"{row['goal'] or ''}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
