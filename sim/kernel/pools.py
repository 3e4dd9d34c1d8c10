"""Thread pools that are older than the run: inside of it another one, with threads of the run, does their work.

A module often makes its pool when it is imported. Such a pool has real
threads, or a queue that would wait for real ones, and no run may wait for
either. It stays as it is; what it is given during a run goes to a pool of
the run's own, of the same size and with the same initializer.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from weakref import ref

from sim.kernel.locks import schedule_here

if TYPE_CHECKING:
    from concurrent.futures import Future

    from sim.kernel.locks import Schedule

_plain_init = ThreadPoolExecutor.__init__
_plain_submit = ThreadPoolExecutor.submit
_plain_shutdown = ThreadPoolExecutor.shutdown

_HOW_THREADS_BEGIN = ("_initializer", "_initargs", "_create_worker_context", "_resolve_work_item_task")
"""What decides what a pool's thread does first; the last two since Python 3.14, in place of the others."""


def _init(pool: Any, *args: Any, **options: Any) -> None:
    schedule = schedule_here()
    if schedule is not None:
        pool.made_in_run = ref(schedule)  # a pool may outlive its run, and must not keep it alive
    _plain_init(pool, *args, **options)


def _submit(pool: Any, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
    schedule = schedule_here()
    if schedule is None or _is_at_home(pool, schedule) or pool._shutdown:  # noqa: SLF001 - which it refuses itself
        return _plain_submit(pool, fn, *args, **options)
    if pool not in schedule.pools:
        schedule.pools[pool] = _twin(pool)
    return _plain_submit(schedule.pools[pool], fn, *args, **options)


def _shutdown(pool: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as there
    schedule = schedule_here()
    twin = None if schedule is None else schedule.pools.get(pool)
    if twin is not None:
        _plain_shutdown(twin, wait, cancel_futures=cancel_futures)
    _plain_shutdown(pool, wait, cancel_futures=cancel_futures)


def _is_at_home(pool: Any, schedule: Schedule) -> bool:
    made_in: Any = getattr(pool, "made_in_run", None)
    return made_in is not None and made_in() is schedule


def _twin(pool: Any) -> ThreadPoolExecutor:
    twin = ThreadPoolExecutor(pool._max_workers, pool._thread_name_prefix)  # noqa: SLF001 - a pool does not tell
    for name in _HOW_THREADS_BEGIN:
        if hasattr(pool, name):
            setattr(twin, name, getattr(pool, name))
    return twin


POOLS: tuple[tuple[Any, str, object], ...] = (
    (ThreadPoolExecutor, "__init__", _init),
    (ThreadPoolExecutor, "submit", _submit),
    (ThreadPoolExecutor, "shutdown", _shutdown),
)
"""What to replace so that every pool has threads of the run."""
