"""Virtual timers per second: our loop against every other virtual clock for async Python, simpy, and a bare heap.

The load is the same for all: many tasks, each sleeping many times, for
lengths drawn evenly from 1 ms to 10 s. Every measurement runs in a fresh
process, the contenders take turns within each round, and what counts is the
ratio to simpy in the same round: machines differ, and so do their minutes.
Who is not installed is left out with a line; seedloop, simloop and simloom
need Python 3.12.

    python benchmarks/timers.py --rounds 5 --json timers.json
"""
# ruff: noqa: PLC0415 - each process imports its own contender only

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import platform
import random
import statistics
import subprocess
import sys
import time
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

Delays = list[list[float]]
_clock = time.perf_counter  # a world would replace time.perf_counter while it runs


def bare_heap(delays: Delays) -> float:
    """Generators and a heap, and nothing else: what no loop can beat."""

    def process(lengths: Iterable[float]) -> Generator[float, None, None]:
        yield from lengths

    processes = [process(lengths) for lengths in delays]
    heap = [(next(one), number, one) for number, one in enumerate(processes)]
    heapq.heapify(heap)
    started = _clock()
    while heap:
        now, number, one = heap[0]
        try:
            heapq.heapreplace(heap, (now + next(one), number, one))
        except StopIteration:
            heapq.heappop(heap)
    return _clock() - started


def simpy(delays: Delays) -> float:
    """The process-based simulation library; no asyncio."""
    import simpy as library

    environment = library.Environment()

    def process(lengths: Iterable[float]) -> Generator[Any, None, None]:
        for length in lengths:
            yield environment.timeout(length)

    for lengths in delays:
        environment.process(process(lengths))
    started = _clock()
    environment.run()
    return _clock() - started


def sim_loop(delays: Delays) -> float:
    """Our event loop on its own."""
    from sim.kernel import SimLoop

    return _timed(SimLoop(), delays)


def sim_world(delays: Delays) -> float:
    """Our event loop in a world, as every simulated run has it: clocks, chance and collector included.

    An empty world goes first: the first one of a process searches all modules for kept clocks, 50 to 100 ms.
    """
    from sim.kernel import World

    World(0).run(asyncio.sleep(0))
    world = World(1, horizon_s=float("inf"))
    started = _clock()
    world.run(_sleepers(delays))
    return _clock() - started


def looptime(delays: Delays) -> float:
    """The loop of looptime, without the idle rounds that it adds by default: they make it ten times slower."""
    import looptime as library

    return _timed(library.new_event_loop(noop_cycles=0), delays)


def async_solipsism(delays: Delays) -> float:
    """The loop of async-solipsism, as it comes."""
    import async_solipsism as library

    return _timed(library.EventLoop(), delays)


def aiotools(delays: Delays) -> float:
    """The virtual clock of aiotools around asyncio's own loop."""
    import aiotools as library

    async def program() -> float:
        with library.VirtualClock().patch_loop():
            started = _clock()
            await _sleepers(delays)
            return _clock() - started

    return asyncio.run(program())


def trio(delays: Delays) -> float:
    """Trio with its mock clock, which jumps as soon as every task sleeps; no asyncio."""
    import trio as library
    from trio.testing import MockClock

    async def sleeper(lengths: Iterable[float]) -> None:
        for length in lengths:
            await library.sleep(length)

    async def program() -> None:
        async with library.open_nursery() as nursery:
            for lengths in delays:
                nursery.start_soon(sleeper, lengths)

    started = _clock()
    library.run(program, clock=MockClock(autojump_threshold=0))
    return _clock() - started


def seedloop(delays: Delays) -> float:
    """A run of one seed in the world of seedloop."""
    import seedloop as library

    started = _clock()
    library.replay(lambda _world: _sleepers(delays), seed=7)
    return _clock() - started


def simloop(delays: Delays) -> float:
    """The loop of simloop, which keeps a trace and draws what runs next."""
    import simloop as library

    return _timed(library.SimLoop(seed=7), delays)


def simloom(delays: Delays) -> float:
    """A run of one seed in the world of simloom, which keeps a log and draws what runs next."""
    import simloom as library

    started = _clock()
    library.run(lambda: _sleepers(delays), seed=7)
    return _clock() - started


CONTENDERS: dict[str, Callable[[Delays], float]] = {
    "heapq": bare_heap,
    "simpy": simpy,
    "SimLoop, no digest": sim_loop,
    "World, digest on": sim_world,
    "looptime": looptime,
    "async-solipsism": async_solipsism,
    "aiotools": aiotools,
    "trio": trio,
    "seedloop": seedloop,
    "simloop": simloop,
    "simloom": simloom,
}
OURS = ("heapq", "SimLoop, no digest", "World, digest on")


def installed(name: str) -> bool:
    """Whether a contender is there: ours always, libraries where the environment has them."""
    return name in OURS or util.find_spec(name.replace("-", "_")) is not None


async def _sleepers(delays: Delays) -> None:
    async def sleeper(lengths: Iterable[float]) -> None:
        for length in lengths:
            await asyncio.sleep(length)

    await asyncio.gather(*(sleeper(lengths) for lengths in delays))


def _timed(loop: asyncio.AbstractEventLoop, delays: Delays) -> float:
    started = _clock()
    loop.run_until_complete(_sleepers(delays))
    duration_s = _clock() - started
    loop.close()
    return duration_s


def measure_here(name: str, tasks: int, sleeps: int) -> float:
    """Sleeps per second of one contender, in this process."""
    rng = random.Random(7)
    delays = [[rng.uniform(0.001, 10.0) for _ in range(sleeps)] for _ in range(tasks)]
    return tasks * sleeps / CONTENDERS[name](delays)


def measure(name: str, options: argparse.Namespace) -> float:
    """Sleeps per second of one contender, in a fresh process."""
    size = ["--tasks", str(options.tasks), "--sleeps", str(options.sleeps)]
    command = [sys.executable, __file__, "--only", name, *size]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - this file itself
    return float(answer.stdout)


def summary(rates: dict[str, list[float]]) -> dict[str, dict[str, Any]]:
    """Per contender: sleeps per second, and the ratio to simpy in the same round; median, lowest and highest."""
    table = {}
    for name, values in rates.items():
        ratios = [value / reference for value, reference in zip(values, rates["simpy"], strict=True)]
        table[name] = {"per_second": _spread(values), "of_simpy": _spread(ratios)}
    return table


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def show(table: dict[str, dict[str, Any]], missing: list[str]) -> None:
    """Print the summary as a table."""
    print(f"{'':<20} {'sleeps/s':>12} {'(min - max)':>25} {'of simpy':>9} {'(min - max)':>15}")
    for name, row in table.items():
        rate, ratio = row["per_second"], row["of_simpy"]
        print(
            f"{name:<20} {rate['median']:>12,.0f} {rate['min']:>12,.0f} -{rate['max']:>11,.0f} "
            f"{ratio['median']:>9.3f} {ratio['min']:>7.3f} -{ratio['max']:>6.3f}"
        )
    for name in missing:
        print(f"{name:<20} {'not installed':>13}")


def write(path: Path, table: dict[str, dict[str, Any]], options: argparse.Namespace) -> None:
    """Write the figures, with the versions and the load that they hold for."""
    versions = {name: metadata.version(name) for name in table if name not in OURS}
    load = {"tasks": options.tasks, "sleeps": options.sleeps, "rounds": options.rounds}
    report = {"python": platform.python_version(), "versions": versions, "load": load, "results": table}
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def parsed() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender runs")
    parser.add_argument("--tasks", type=int, default=1000, help="tasks that sleep at once")
    parser.add_argument("--sleeps", type=int, default=100, help="sleeps of each task")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--only", choices=CONTENDERS, help="run one contender here and print its rate")
    return parser.parse_args()


def main() -> None:
    """Take turns, print the table, write the figures."""
    options = parsed()
    if options.only:
        print(measure_here(options.only, options.tasks, options.sleeps))
        return
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS if installed(name)}
    if "simpy" not in rates:
        raise SystemExit("simpy is not installed, and every figure is a ratio to it; run pip install simpy")
    for _ in range(options.rounds):
        for name, values in rates.items():
            values.append(measure(name, options))
    table = summary(rates)
    show(table, [name for name in CONTENDERS if name not in rates])
    if options.json:
        write(options.json, table, options)


if __name__ == "__main__":
    main()
