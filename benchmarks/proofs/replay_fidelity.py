"""Seeds swept in one process, and each seed again alone in fresh processes under five hash seeds: the same bytes?

The digests are over what the programs log, not over what the loop did. A
process under one hash seed loads the programs, runs an empty world (which
does what is done once in a process), and forks once for each seed; the child
runs its one seed and ends. With --cold it runs nothing before it forks: ten
times slower, and the same question.

    python benchmarks/proofs/replay_fidelity.py --seeds 10000 --json fidelity.json
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import platform
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from sim.kernel import World

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from random import Random

Log = list[tuple[float, str]]
HASH_SEEDS = ("0", "1", "2", "3", "4")
CHILDREN = 12


async def _child(log: Log, name: str, delay_s: float) -> None:
    try:
        await asyncio.sleep(delay_s)
    finally:
        log.append((asyncio.get_running_loop().time(), name))


async def gathered(log: Log, rng: Random) -> None:
    """Children of random lengths, gathered."""
    await asyncio.gather(*(_child(log, f"child {index}", rng.uniform(0, 3)) for index in range(CHILDREN)))


async def waited(log: Log, rng: Random) -> None:
    """What is done first is told in the order of asyncio's set, and the rest is cancelled in it."""
    tasks = [asyncio.create_task(_child(log, f"child {index}", rng.randint(1, 3))) for index in range(CHILDREN)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    log.extend((0.0, task.get_name()) for task in done)
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)


async def grouped(log: Log, rng: Random) -> None:
    """One child of a task group fails, and the others are cancelled."""

    async def fail() -> None:
        await asyncio.sleep(rng.uniform(0, 2))
        raise ValueError

    with suppress(BaseExceptionGroup):
        async with asyncio.TaskGroup() as group:
            for index in range(CHILDREN):
                group.create_task(_child(log, f"child {index}", rng.uniform(1, 3)))
            group.create_task(fail())


async def scoped(log: Log, rng: Random) -> None:
    """An anyio scope is cancelled while its children sleep."""
    async with anyio.create_task_group() as group:
        for index in range(CHILDREN):
            group.start_soon(_child, log, f"child {index}", rng.uniform(1, 3))
        await anyio.sleep(rng.uniform(0, 2))
        group.cancel_scope.cancel()


PROGRAMS: tuple[Callable[[Log, Random], Coroutine[Any, Any, None]], ...] = (gathered, waited, grouped, scoped)


def digest(seed: int) -> str:
    """What the program of this seed logs, as eight bytes; seeds take turns with the programs."""
    log: Log = []
    world = World(seed)
    world.run(PROGRAMS[seed % len(PROGRAMS)](log, world.draws.rng("fidelity")))
    return hashlib.blake2b(repr(log).encode(), digest_size=8).hexdigest()


def digest_in_child(seed: int) -> str:
    """The same, in a process of its own."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(sending, digest(seed).encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as answer:
        found = answer.read().decode()
    os.waitpid(child, 0)
    return found


def alone(seeds: int, hash_seed: str, *, cold: bool) -> list[str]:
    """The digest of each seed, alone in a process under `hash_seed`."""
    command = [sys.executable, __file__, "--seeds", str(seeds), "--children", *(["--cold"] if cold else [])]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - this file itself
    return answer.stdout.split()


def main() -> None:
    """Sweep, run each seed again alone, and count who agrees."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10_000, help="how many seeds; the four programs take turns")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--children", action="store_true", help="print the digest of each seed, alone in a child")
    parser.add_argument("--cold", action="store_true", help="fork before any world has run")
    options = parser.parse_args()
    if options.children:
        if not options.cold:
            World(0).run(asyncio.sleep(0))
        print(*(digest_in_child(seed) for seed in range(options.seeds)), sep="\n")
        return
    swept = [digest(seed) for seed in range(options.seeds)]
    equal = {}
    for hash_seed in HASH_SEEDS:
        found = alone(options.seeds, hash_seed, cold=options.cold)
        equal[hash_seed] = sum(one == other for one, other in zip(swept, found, strict=True))
        print(f"hash seed {hash_seed}: {equal[hash_seed]:,} of {options.seeds:,} seeds replay alone", flush=True)
    if options.json:
        report = {"python": platform.python_version(), "seeds": options.seeds, "equal": equal}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.exit(any(count != options.seeds for count in equal.values()))


if __name__ == "__main__":
    main()
