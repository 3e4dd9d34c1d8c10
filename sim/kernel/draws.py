"""Random decisions by address: each depends on the seed and on what is decided, never on what was decided before."""

from __future__ import annotations

import hashlib
import random

DRAW_ALGORITHM = 1
"""Version of the mapping from seed and address to a number; minor releases never change it."""

_WHOLE = 1 << 64


def _encoded(address: tuple[str | int, ...]) -> bytes:
    # Kind and length before each part: ("a", "b") and ("ab",), or 1 and "1", can never meet.
    parts = [f"i{part:d};" if isinstance(part, int) else f"s{len(part)}:{part};" for part in address]
    return "".join(parts).encode("utf-8", "surrogatepass")


class Draws:
    """All random numbers of one run.

    Two draws at one address are equal; draws at two addresses are
    independent. Adding a draw somewhere leaves all others as they were.

    Args:
        seed: the run's seed.

    """

    __slots__ = ("_root", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._root = hashlib.blake2b(_encoded((DRAW_ALGORITHM, seed)), digest_size=8)

    def u64(self, *address: str | int) -> int:
        """An integer in [0, 2**64) for the decision named by `address`."""
        digest = self._root.copy()
        digest.update(_encoded(address))
        return int.from_bytes(digest.digest(), "big")

    def uniform(self, *address: str | int) -> float:
        """A number in [0, 1) for the decision named by `address`."""
        return (self.u64(*address) >> 11) * 2.0**-53

    def chance(self, probability: float, *address: str | int) -> bool:
        """Whether something of this probability happens at `address`: 0 never, 1 always.

        Raises:
            ValueError: when `probability` lies outside 0 to 1.

        """
        if not 0.0 <= probability <= 1.0:
            msg = f"probability {probability!r} lies outside 0 to 1; write a share such as 0.1"
            raise ValueError(msg)
        if probability in (0.0, 1.0):
            return probability == 1.0
        return self.u64(*address) < int(probability * _WHOLE)

    def octets(self, count: int, *address: str | int) -> bytes:
        """`count` random bytes for `address`."""
        return hashlib.shake_256(_encoded((DRAW_ALGORITHM, self.seed, *address))).digest(count)

    def rng(self, *address: str | int) -> random.Random:
        """A generator of its own for `address`, for code that needs many numbers."""
        return random.Random(self.u64(*address))  # noqa: S311 - a simulation wants numbers that can be repeated
