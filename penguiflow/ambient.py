"""The only place in the runtime that reads a clock, draws a random number or makes an id.

Everything else asks this module, so that a harness can put a whole run under
virtual time by installing one provider. Production uses `SystemAmbient`.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Ambient(Protocol):
    """A source of time, identity and chance."""

    def monotonic(self) -> float:
        """Seconds on a clock that never runs backwards."""
        ...

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    def new_id(self) -> str:
        """A fresh identifier: 32 lower-case hexadecimal digits."""
        ...

    def uniform(self, address: Sequence[str | int]) -> float:
        """A number in [0, 1) for the decision named by `address`."""
        ...


class SystemAmbient:
    """The running loop's clock, the machine's wall clock, `uuid4` and `random`."""

    def monotonic(self) -> float:
        """Seconds on the running loop's clock, or the process clock outside a loop."""
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return time.monotonic()

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()

    def new_id(self) -> str:
        """A fresh random UUID as 32 hexadecimal digits."""
        return uuid.uuid4().hex

    def uniform(self, address: Sequence[str | int]) -> float:  # noqa: ARG002 - only a seeded source needs the address
        """A number in [0, 1); the address is ignored outside a simulation."""
        return random.random()  # noqa: S311 - jitter, no secret


_current: Ambient = SystemAmbient()


def install(provider: Ambient) -> Ambient:
    """Make `provider` the source of time, identity and chance; return the one it replaces."""
    global _current
    previous, _current = _current, provider
    return previous


def monotonic() -> float:
    """Seconds on a clock that never runs backwards."""
    return _current.monotonic()


def wall() -> float:
    """Seconds since the Unix epoch."""
    return _current.wall()


def new_id() -> str:
    """A fresh identifier: 32 lower-case hexadecimal digits."""
    return _current.new_id()


def uniform(*address: str | int) -> float:
    """A number in [0, 1) for the decision named by `address`."""
    return _current.uniform(address)
