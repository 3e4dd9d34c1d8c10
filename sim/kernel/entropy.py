"""Chance and identity in the standard library and in numpy, drawn from the seed of the running world."""

from __future__ import annotations

import os
import random
import sys
import uuid
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from sim.kernel.numeric import seeded_numpy
from sim.kernel.patching import replaced
from sim.kernel.standins import module_generators, stands_in_for

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from sim.kernel.aliases import Generator
    from sim.kernel.draws import Draws
    from sim.kernel.standins import Surroundings

_plain_seed = random.Random.seed
_MULTICAST = 1 << 40  # marks a node number that no network card has


@stands_in_for(os.urandom)
def _urandom(world: Surroundings, size: int) -> bytes:
    # uuid4, secrets, SystemRandom and numpy's default generator all read this function.
    return world.octets("urandom", size)


if sys.platform == "linux":

    @stands_in_for(os.getrandom)
    def _getrandom(world: Surroundings, size: int, flags: int = 0) -> bytes:
        del flags  # which of the machine's pools to ask
        return world.octets("urandom", size)


@contextmanager
def seeded_entropy(draws: Draws, taken: Counter[str]) -> Iterator[None]:
    """Seed `random`, `uuid` and numpy for the length of a run, generators made without a seed included.

    Args:
        draws: where the seeds come from.
        taken: how often each source of octets was asked.

    """
    order = count()

    def seed(generator: random.Random, a: Any = None, version: int = 2) -> None:
        _plain_seed(generator, draws.u64("random", next(order)) if a is None else a, version)

    shared: Any = random.seed.__self__  # type: ignore[attr-defined] # the generator behind random.random
    state = random.getstate()
    node = (draws.u64("uuid", "node") >> 16) | _MULTICAST
    try:
        with (
            replaced(
                (random.Random, "seed", seed),
                (random, "seed", lambda a=None, version=2: seed(shared, a, version)),
                (uuid, "_generate_time_safe", None),  # uuid1 without the machine's own counter,
                (uuid, "_last_timestamp", None),
                (uuid, "_node", node),  # and without its network card
            ),
            _seeded_modules(draws),
            seeded_numpy(draws, taken),
        ):
            random.seed()
            yield
    finally:
        random.setstate(state)


def _seeded_modules(draws: Draws) -> AbstractContextManager[None]:
    """Begin each run with the generators of modules as they were made; those made without a seed get one."""
    generators = module_generators()
    return _seeded_generators(generators, draws) if generators else replaced()


@contextmanager
def _seeded_generators(generators: Sequence[Generator], draws: Draws) -> Iterator[None]:
    before = [generator.random.getstate() for generator in generators]
    try:
        for name, its_random, state, has_seed in generators:
            if has_seed:
                its_random.setstate(state)
            else:
                _plain_seed(its_random, draws.u64("random", name))
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.random.setstate(state)
