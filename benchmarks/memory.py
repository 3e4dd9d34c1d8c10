"""Memory of an open trace, and what is left of traces that have ended.

Every figure comes from a fresh process. An open trace is one envelope sent by
`emit(trace_id=...)`, the envelope with its id and headers included; the heap
is what `tracemalloc` counts after a collection. For the residue a running
flow is warmed up first (so that pools, tables and the 1,024 unread outcomes
that are kept have their size), and its resident memory read before and after
it has worked; nothing else happens in between.

    python benchmarks/memory.py [--traces 10000] [--rounds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

from _flows import answer, answered, backing_off, envelope, handled, hang, queued
from _measure import Row, in_fresh_process, report, resident_bytes

from penguiflow import Node, create

if TYPE_CHECKING:
    from collections.abc import Callable

    from penguiflow import Message, PenguiFlow

PAYLOAD_BYTES = 1024
WAVE = 1000
FINISHED, CANCELLED = 100_000, 10_000
GOAL_BYTES = 3000
GOAL_RESIDUE = 1.05


# -- open traces -----------------------------------------------------------------------------


async def grown_bytes(flow: PenguiFlow, traces: int, measure: Callable[[], int], allowed_s: float | None) -> float:
    """By how many bytes a trace the process grows while so many of them open."""
    logging.disable()  # failures are the point here
    flow.run()
    await asyncio.sleep(0)  # workers start
    before = measure()
    for index in range(traces):
        await _open(flow, envelope(index) if allowed_s is None else envelope(index, deadline_s=time.time() + allowed_s))
    await asyncio.sleep(0.1)  # and get to where they wait
    grown = measure() - before
    await flow.stop()
    return grown / traces


async def _open(flow: PenguiFlow, message: Message) -> None:
    await flow.emit(message, trace_id=message.trace_id)


def heap_bytes() -> int:
    """What Python's objects take, without garbage."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def heap(flow: PenguiFlow, traces: int, allowed_s: float | None = None) -> float:
    """Bytes of heap of one open trace."""
    tracemalloc.start()
    return asyncio.run(grown_bytes(flow, traces, heap_bytes, allowed_s))


def resident(flow: PenguiFlow, traces: int) -> float:
    """Bytes of resident memory of one open trace."""
    return asyncio.run(grown_bytes(flow, traces, resident_bytes, None))


def envelope_alone(traces: int) -> float:
    """Bytes of heap of one envelope that is in no flow."""
    tracemalloc.start()
    before = heap_bytes()
    kept = [envelope(index) for index in range(traces)]
    return (heap_bytes() - before) / len(kept)


# -- residue ---------------------------------------------------------------------------------


async def finish(flow: PenguiFlow, entrance: Node, traces: int) -> None:
    """Open so many traces at once, and fetch the answer of each."""
    messages = [envelope(bytes(PAYLOAD_BYTES)) for _ in range(traces)]
    for message in messages:
        await flow.emit(message, entrance, trace_id=message.trace_id)
    for message in messages:
        await flow.fetch(trace_id=message.trace_id)


async def cancel(flow: PenguiFlow, entrance: Node, traces: int) -> None:
    """Open so many traces at once, and cancel each; nobody reads how they ended."""
    messages = [envelope(bytes(PAYLOAD_BYTES)) for _ in range(traces)]
    for message in messages:
        await flow.emit(message, entrance, trace_id=message.trace_id)
    for message in messages:
        await flow.cancel(message.trace_id, drain=True)


async def residue() -> float:
    """Resident memory after 100,000 finished and 10,000 cancelled traces, over that before them."""
    answering, hanging, last = Node(answer), Node(hang), Node(answer, name="last")
    flow = create(answering.to(last), hanging.to(), queue_maxsize=0)

    async def work(finished: int, cancelled: int) -> None:
        for _ in range(finished // WAVE):
            await finish(flow, answering, WAVE)
        for _ in range(cancelled // WAVE):
            await cancel(flow, hanging, WAVE)

    flow.run()
    await work(FINISHED // 20, CANCELLED // 2)
    before = _settled_bytes()
    await work(FINISHED, CANCELLED)
    after = _settled_bytes()
    await flow.stop()
    return after / before


async def residue_of_bursts() -> float:
    """Resident memory after six bursts of 10,000 traces that were open and cancelled at once, over that after three."""
    hanging = Node(hang)
    flow = create(hanging.to(), queue_maxsize=0)
    flow.run()
    sizes = []
    for _ in range(6):
        await cancel(flow, hanging, CANCELLED)
        sizes.append(_settled_bytes())
    await flow.stop()
    return sizes[-1] / sizes[2]


def _settled_bytes() -> int:
    gc.collect()
    return resident_bytes()


# -- the table -------------------------------------------------------------------------------

FIGURES: dict[str, tuple[Callable[[int], float], str, float | None]] = {
    "envelope alone, heap": (envelope_alone, "B", None),
    "waiting in a queue, heap": (lambda traces: heap(queued(traces), traces), "B", GOAL_BYTES),
    "waiting in a queue, with a deadline, heap": (lambda traces: heap(queued(traces), traces, 3600), "B", GOAL_BYTES),
    "in its handler, which sleeps, heap": (lambda traces: heap(handled(traces), traces), "B", GOAL_BYTES),
    "in backoff, heap": (lambda traces: heap(backing_off(traces), traces), "B", GOAL_BYTES),
    "answered and not fetched, heap": (lambda _: heap(answered(WAVE), WAVE), "B", GOAL_BYTES),
    "waiting in a queue, RSS": (lambda traces: resident(queued(traces), traces), "B", GOAL_BYTES),
    "in its handler, which sleeps, RSS": (lambda traces: resident(handled(traces), traces), "B", GOAL_BYTES),
    "in backoff, RSS": (lambda traces: resident(backing_off(traces), traces), "B", GOAL_BYTES),
    "RSS after 100,000 finished, 10,000 cancelled": (lambda _: asyncio.run(residue()), "", GOAL_RESIDUE),
    "RSS after 10,000 open and cancelled at once": (lambda _: asyncio.run(residue_of_bursts()), "", GOAL_RESIDUE),
}


def measure(traces: int, rounds: int) -> list[Row]:
    """Every figure, each round in a fresh process."""
    rows = []
    for what, (_, unit, goal) in FIGURES.items():
        arguments = ("--only", what, "--traces", str(traces))
        values = tuple(in_fresh_process(__file__, *arguments) for _ in range(rounds))
        rows.append(Row(what, values, unit, goal))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--traces", type=int, default=10_000, help="traces that are open at once")
    parser.add_argument("--rounds", type=int, default=3, help="how often each figure is measured")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--only", choices=FIGURES, help="measure one figure here and print it")
    options = parser.parse_args()
    if options.only:
        print(FIGURES[options.only][0](options.traces))
        return
    report(measure(options.traces, options.rounds), options.json)


if __name__ == "__main__":
    main()
