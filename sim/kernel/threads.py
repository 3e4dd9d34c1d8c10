"""`anyio.to_thread` without threads: the loop simulates them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from anyio._backends._asyncio import AsyncIOBackend

from sim.kernel.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anyio import CapacityLimiter


@contextmanager
def inline_threads() -> Iterator[None]:
    """Run what anyio would give to a worker thread on the loop's simulated pool, for the length of a run."""
    with replaced((AsyncIOBackend, "run_sync_in_worker_thread", classmethod(_run_sync))):
        yield


async def _run_sync(
    backend: type[AsyncIOBackend],
    func: Callable[..., Any],
    args: tuple[Any, ...],
    abandon_on_cancel: bool = False,  # noqa: FBT001, FBT002 - anyio's own signature
    limiter: CapacityLimiter | None = None,
) -> Any:
    await backend.checkpoint()
    async with limiter or backend.current_default_thread_limiter():
        with anyio.CancelScope(shield=not abandon_on_cancel):
            call = partial(copy_context().run, func, *args)
            return await asyncio.get_running_loop().run_in_executor(None, call)
