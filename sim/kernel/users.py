"""Who uses what: locks and queues of asyncio remember the tasks that had to do with them, for the length of a run."""

from __future__ import annotations

import asyncio
from typing import Any

from sim.kernel.patching import replaced
from sim.kernel.tasks import SimTask, creation_order

_USERS_KEPT = 64


def remember_users() -> replaced:
    """Let every `asyncio.Lock` know who took it last, and every `asyncio.Queue` who takes from it and gives to it."""
    return replaced(
        (asyncio.Lock, "acquire", _acquire),
        (asyncio.Queue, "get_nowait", _get_nowait),
        (asyncio.Queue, "put_nowait", _put_nowait),
    )


_plain_acquire = asyncio.Lock.acquire
_plain_get = asyncio.Queue.get_nowait
_plain_put = asyncio.Queue.put_nowait


async def _acquire(lock: Any) -> bool:
    await _plain_acquire(lock)
    # An index, not the task: a lock that outlives its holder must not keep it alive.
    lock.holder_index = creation_order(asyncio.current_task())  # type: ignore[arg-type] # only tasks get here
    return True


def _get_nowait(queue: Any) -> Any:
    item = _plain_get(queue)
    _note(queue, "takers")
    return item


def _put_nowait(queue: Any, item: Any) -> None:
    _plain_put(queue, item)
    _note(queue, "givers")


def _note(queue: Any, role: str) -> None:
    """Put the current task among the newest users of the queue."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a queue may be filled where no loop runs
        return
    if task is None:
        return
    users = queue.__dict__.setdefault(role, {})
    index = task.index if type(task) is SimTask else 0
    if index not in users:
        users[index] = None
        if len(users) > _USERS_KEPT:
            del users[next(iter(users))]
