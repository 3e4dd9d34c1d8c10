"""Chance and identity in the standard library, drawn from the seed of the running world."""

from __future__ import annotations

import os
import random
import uuid
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from sim.kernel.patching import replaced
from sim.kernel.standins import stands_in_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.kernel.draws import Draws
    from sim.kernel.standins import Surroundings

_plain_seed = random.Random.seed
_MULTICAST = 1 << 40  # marks a node number that no network card has


@stands_in_for(os.urandom)
def _urandom(world: Surroundings, size: int) -> bytes:
    # uuid4, secrets and SystemRandom all read this function.
    return world.octets("urandom", size)


@contextmanager
def seeded_entropy(draws: Draws) -> Iterator[None]:
    """Seed `random` and `uuid` for the length of a run, generators made without a seed included."""
    order = count()

    def seed(generator: random.Random, a: Any = None, version: int = 2) -> None:
        _plain_seed(generator, draws.u64("random", next(order)) if a is None else a, version)

    shared: Any = random.seed.__self__  # type: ignore[attr-defined] # the generator behind random.random
    state = random.getstate()
    node = (draws.u64("uuid", "node") >> 16) | _MULTICAST
    try:
        with replaced(
            (random.Random, "seed", seed),
            (random, "seed", lambda a=None, version=2: seed(shared, a, version)),
            (uuid, "_generate_time_safe", None),  # uuid1 without the machine's own counter,
            (uuid, "_last_timestamp", None),
            (uuid, "_node", node),  # and without its network card
        ):
            random.seed()
            yield
    finally:
        random.setstate(state)
