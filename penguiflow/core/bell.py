"""A bell: whoever waits for it looks again when it rings."""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes all who wait, so that one who is gone by then has kept nobody else asleep.

    `asyncio.Event` would bind itself to the first event loop that it meets; a
    flow may be stopped in one loop and run again in another.

    Attributes:
        waiting: those who wait; read it, and leave it alone.

    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: dict[asyncio.Future[None], None] = {}

    async def wait(self) -> None:
        """Return at the next ring; what was waited for may be gone again by then."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting[waiter] = None
        try:
            await waiter
        except BaseException:
            self.waiting.pop(waiter, None)
            raise

    def ring(self) -> None:
        """Wake everybody, in the order in which they came."""
        if not self.waiting:
            return
        waiting, self.waiting = self.waiting, {}
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, error: Exception) -> None:
        """Let everybody who waits fail with `error`."""
        waiting, self.waiting = self.waiting, {}
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(error)
