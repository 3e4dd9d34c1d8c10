"""What one message, one cancellation and one wait cost while many traces are open.

Everything is a ratio of neighbours in one process, in turn, over several
rounds: the same work beside few and beside many open traces, and a node with
`NodePolicy(concurrency=...)` against a bare pipeline that makes a task for
each item.

    python benchmarks/scaling.py [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from _flows import answer, backing_off, blocked, envelope, handled, hang, queued
from _measure import Row, report

from penguiflow import Node, NodePolicy, PenguiFlow, create

AT_ONCE, WAVES = 1000, 5
WAIT_S = 0.001
BURST_MESSAGES = 50_000
CANCEL_BATCHES, CANCELS_IN_A_BATCH = 20, 50
GOAL_FLAT = 1.1
GOAL_CONCURRENT = 2.0
GOAL_CANCEL = 2.0  # room for caches and the collector; a scan would cost a hundredfold


async def wait_a_little(message: Any, _ctx: Any) -> Any:
    """What a quick call to somebody else costs."""
    await asyncio.sleep(WAIT_S)
    return message


# -- one message beside many open traces -----------------------------------------------------


async def roundtrip_us(opened: int, messages: int = 5000) -> float:
    """Microseconds of one roundtrip through one node, while so many traces wait before another one."""
    quick, slow = Node(answer), Node(hang)
    flow = create(quick.to(), slow.to(), queue_maxsize=0)
    flow.run()
    for index in range(opened):
        await flow.emit(envelope(trace_id=f"open{index}"), slow, trace_id=f"open{index}")
    await asyncio.sleep(0)
    gc.collect()
    started = time.perf_counter()
    for index in range(messages):
        await flow.emit(envelope(trace_id=f"t{index}"), quick, trace_id=f"t{index}")
        await flow.fetch(trace_id=f"t{index}")
    took_s = time.perf_counter() - started
    await flow.stop()
    return took_s / messages * 1e6


async def in_line_us(opened: int, messages: int = 5000) -> float:
    """Microseconds of one message in and one out, while so many traces wait in the line that it joins."""
    gate = asyncio.Semaphore(0)

    async def pass_gate(message: Any, _ctx: Any) -> Any:
        await gate.acquire()
        return message

    flow = create(Node(pass_gate).to(), queue_maxsize=0)
    flow.run()
    for index in range(opened):
        flow.emit_nowait(envelope(trace_id=f"open{index}"))
    gc.collect()
    started = time.perf_counter()
    for index in range(messages):
        flow.emit_nowait(envelope(trace_id=f"t{index}"))
        gate.release()
        await flow.fetch()
    took_s = time.perf_counter() - started
    await flow.stop()
    return took_s / messages * 1e6


async def burst_us(opened: int) -> float:
    """Microseconds of one message from `emit` to `fetch`, when so many are sent before the first is fetched."""
    flow = create(Node(answer).to(), queue_maxsize=0)
    flow.run()
    took_us = await _burst_us(flow.emit_nowait, flow.fetch, opened)
    await flow.stop()
    return took_us


async def bare_burst_us(opened: int) -> float:
    """The same through two bare queues: what Python's collector and the caches cost anybody."""
    entrance: asyncio.Queue[Any] = asyncio.Queue()
    exit_: asyncio.Queue[Any] = asyncio.Queue()

    async def pump() -> None:
        while True:
            await exit_.put(await answer(await entrance.get(), None))

    task = asyncio.create_task(pump())
    took_us = await _burst_us(entrance.put_nowait, exit_.get, opened)
    task.cancel()
    return took_us


async def _burst_us(put: Callable[[Any], None], get: Callable[[], Awaitable[Any]], opened: int) -> float:
    gc.collect()
    started = time.perf_counter()
    for _ in range(BURST_MESSAGES // opened):
        for index in range(opened):
            put(envelope(trace_id=f"t{index}"))
        for _ in range(opened):
            await get()
    return (time.perf_counter() - started) / BURST_MESSAGES * 1e6


# -- one cancellation among many -------------------------------------------------------------


async def cancel_us(make: Callable[[int], PenguiFlow], pending: int) -> float:
    """Microseconds of one `cancel(trace_id, drain=True)` of any of so many traces; each is replaced by a new one."""
    flow = make(pending)
    flow.run()
    rng, numbers, took_s = random.Random(7), count(), 0.0
    trace_ids: list[str] = []
    senders: list[asyncio.Task[None]] = []
    for _ in range(CANCEL_BATCHES):
        while len(trace_ids) < pending:
            trace_ids.append(f"t{next(numbers)}")
            senders.append(asyncio.create_task(flow.emit(envelope(trace_id=trace_ids[-1]), trace_id=trace_ids[-1])))
        await asyncio.sleep(0.002)  # all of them get to where they wait
        took_s += await _cancel_s(flow, [_taken(trace_ids, rng) for _ in range(CANCELS_IN_A_BATCH)])
    await flow.stop()
    await asyncio.gather(*senders, return_exceptions=True)
    return took_s / (CANCEL_BATCHES * CANCELS_IN_A_BATCH) * 1e6


async def _cancel_s(flow: PenguiFlow, trace_ids: list[str]) -> float:
    started = time.perf_counter()
    for trace_id in trace_ids:
        await flow.cancel(trace_id, drain=True)
    return time.perf_counter() - started


def _taken(trace_ids: list[str], rng: random.Random) -> str:
    index = rng.randrange(len(trace_ids))
    trace_ids[index], trace_ids[-1] = trace_ids[-1], trace_ids[index]
    return trace_ids.pop()


# -- many waits at once ----------------------------------------------------------------------


async def bare_concurrent_us(items: int) -> float:
    """Microseconds of one item through a bounded queue, with a task for each item behind it."""
    entrance: asyncio.Queue[Any] = asyncio.Queue(64)
    exit_: asyncio.Queue[Any] = asyncio.Queue()
    tasks: set[asyncio.Task[None]] = set()

    async def handle(item: Any) -> None:
        await exit_.put(await wait_a_little(item, None))

    async def dispatch() -> None:
        while True:
            task = asyncio.create_task(handle(await entrance.get()))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    dispatcher = asyncio.create_task(dispatch())
    took_us = await _waves_us(entrance.put, exit_.get, items)
    dispatcher.cancel()
    return took_us


async def flow_concurrent_us(items: int) -> float:
    """Microseconds of one item through one running node that handles a thousand at once."""
    flow = create(Node(wait_a_little, policy=NodePolicy(concurrency=AT_ONCE)).to())
    flow.run()
    await asyncio.sleep(0)  # workers start
    took_us = await _waves_us(flow.emit, flow.fetch, items)
    await flow.stop()
    return took_us


async def start_and_stop_us(workers: int) -> float:
    """Microseconds that one worker costs: to start it with its flow, and to stop it."""
    gc.collect()
    started = time.perf_counter()
    flow = create(Node(wait_a_little, policy=NodePolicy(concurrency=workers)).to())
    flow.run()
    await asyncio.sleep(0)
    await flow.stop()
    return (time.perf_counter() - started) / workers * 1e6


async def _waves_us(put: Callable[[Any], Awaitable[Any]], get: Callable[[], Awaitable[Any]], items: int) -> float:
    async def feed() -> None:
        for index in range(items):
            await put(index)

    gc.collect()
    started = time.perf_counter()
    for _ in range(WAVES):
        feeder = asyncio.create_task(feed())
        for _ in range(items):
            await get()
        await feeder
    return (time.perf_counter() - started) / (WAVES * items) * 1e6


# -- the table -------------------------------------------------------------------------------

Bench = Callable[[], Coroutine[Any, Any, float]]


def sized(bench: Callable[[int], Coroutine[Any, Any, float]], many: int, few: int) -> tuple[Bench, Bench]:
    """The same work beside many and beside few open traces."""
    return partial(bench, many), partial(bench, few)


def cancelled(make: Callable[[int], PenguiFlow]) -> tuple[Bench, Bench]:
    """One cancellation among many and among few."""
    return sized(partial(cancel_us, make), 10_000, 100)


COMPARISONS: dict[str, tuple[tuple[Bench, Bench], float | None]] = {
    "roundtrip beside 50,000 open / 100": (sized(roundtrip_us, 50_000, 100), GOAL_FLAT),
    "message in a line of 50,000 / 100": (sized(in_line_us, 50_000, 100), GOAL_FLAT),
    "message, 50,000 sent before the first fetch / 100": (sized(burst_us, 50_000, 100), None),
    "  the same through bare queues": (sized(bare_burst_us, 50_000, 100), None),
    "cancel, one of 10,000 queued / 100": (cancelled(queued), GOAL_CANCEL),
    "cancel, one of 10,000 in a handler / 100": (cancelled(handled), GOAL_CANCEL),
    "cancel, one of 10,000 in backoff / 100": (cancelled(backing_off), GOAL_CANCEL),
    "cancel, one of 10,000 waiting to get in / 100": (cancelled(blocked), GOAL_CANCEL),
    "1,000 waits of 1 ms at once, flow / bare": (
        (partial(flow_concurrent_us, AT_ONCE), partial(bare_concurrent_us, AT_ONCE)),
        GOAL_CONCURRENT,
    ),
}


def measure(rounds: int) -> list[Row]:
    """Both sides of every ratio, in turn, and the costs of which it is one."""
    logging.disable()  # what fails here is meant to
    rows = []
    for what, ((bench, reference), goal) in COMPARISONS.items():
        pairs = [(asyncio.run(bench()), asyncio.run(reference())) for _ in range(rounds)]
        rows.append(Row(what, tuple(cost_us / base_us for cost_us, base_us in pairs), goal=goal))
        rows.append(Row("    cost of one", tuple(cost_us for cost_us, _ in pairs), "us"))
    workers_us = tuple(asyncio.run(start_and_stop_us(AT_ONCE)) for _ in range(rounds))
    return [*rows, Row("to start and stop one of 1,000 workers", workers_us, "us")]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each side of a ratio is measured")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    report(measure(options.rounds), options.json)


if __name__ == "__main__":
    main()
