"""The clocks of the standard library, driven by the loop of the running world."""

from __future__ import annotations

import datetime as dt
import functools
import sys
import time
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING

from freezegun import api as freezegun

from sim.kernel.standins import register, stands_in_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.kernel.standins import Surroundings

_FREEZEGUN_LISTS = ("freeze_factories", "tz_offsets", "ignore_lists", "tick_flags")
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - freezegun wants UTC without a zone
_real_localtime, _real_gmtime, _real_ctime, _real_strftime = time.localtime, time.gmtime, time.ctime, time.strftime


@stands_in_for(time.time)
def _time(world: Surroundings) -> float:
    return world.epoch_s + world.loop.time()


@stands_in_for(time.time_ns)
def _time_ns(world: Surroundings) -> int:
    return round(world.epoch_s * 1e9) + _ns(world.loop.time())


@stands_in_for(time.monotonic)
def _monotonic(world: Surroundings) -> float:
    return world.loop.time()


@stands_in_for(time.perf_counter)
def _perf_counter(world: Surroundings) -> float:
    return world.loop.time()


@stands_in_for(time.monotonic_ns)
def _monotonic_ns(world: Surroundings) -> int:
    return _ns(world.loop.time())


@stands_in_for(time.perf_counter_ns)
def _perf_counter_ns(world: Surroundings) -> int:
    return _ns(world.loop.time())


@stands_in_for(time.process_time)
def _process_time(_world: Surroundings) -> float:
    return 0.0  # work takes no processor time here, on any machine


@stands_in_for(time.thread_time)
def _thread_time(_world: Surroundings) -> float:
    return 0.0


if sys.platform == "linux":

    @stands_in_for(time.clock_gettime)
    def _clock_gettime(world: Surroundings, clock: int) -> float:
        if clock in (time.CLOCK_PROCESS_CPUTIME_ID, time.CLOCK_THREAD_CPUTIME_ID):
            return 0.0
        return world.loop.time() + (world.epoch_s if clock == time.CLOCK_REALTIME else 0.0)


@stands_in_for(time.localtime)
def _localtime(world: Surroundings, seconds: float | None = None) -> time.struct_time:
    return _real_localtime(_or_now(world, seconds))


@stands_in_for(time.gmtime)
def _gmtime(world: Surroundings, seconds: float | None = None) -> time.struct_time:
    return _real_gmtime(_or_now(world, seconds))


@stands_in_for(time.ctime)
def _ctime(world: Surroundings, seconds: float | None = None) -> str:
    return _real_ctime(_or_now(world, seconds))


@stands_in_for(time.strftime)
def _strftime(world: Surroundings, template: str, moment: time.struct_time | None = None) -> str:
    return _real_strftime(template, _real_localtime(_or_now(world, None)) if moment is None else moment)


@stands_in_for(time.sleep)
def _sleep(world: Surroundings, duration_s: float) -> None:
    if duration_s < 0:
        msg = "sleep length must be non-negative"
        raise ValueError(msg)
    world.loop.threads.sleep(duration_s, "time.sleep")


register(dt.datetime, freezegun.FakeDatetime)
register(dt.date, freezegun.FakeDate)


@contextmanager
def virtual_dates(world: Surroundings) -> Iterator[None]:
    """Let freezegun's dates follow the loop, in UTC whatever the machine's time zone is.

    Only the search through the modules makes freezegun slow, and that is done
    once a process (`sim.kernel.standins`); a run pushes its clock and pops it.
    """

    def now() -> dt.datetime:
        # Two steps: the sum of both as one float would be rounded to less than a microsecond.
        return _EPOCH + dt.timedelta(seconds=world.epoch_s) + dt.timedelta(seconds=world.loop.time())

    lists = _freezegun_lists()
    before = [list(kept) for kept in lists]
    try:
        for kept, value in zip(lists, (now, dt.timedelta(0), (), False), strict=True):
            kept.append(value)
        yield
    finally:
        for kept, values in zip(lists, before, strict=True):
            kept[:] = values


@functools.cache
def _freezegun_lists() -> list[list[object]]:
    """Where freezegun keeps the clocks that are on, and with each its offset, its exceptions and its kind."""
    found = {name: getattr(freezegun, name, None) for name in _FREEZEGUN_LISTS}
    for name, kept in found.items():
        if not isinstance(kept, list):
            version = metadata.version("freezegun")
            msg = f"freezegun {version} has no list {name}; virtual dates need it; install freezegun 1.5"
            raise RuntimeError(msg)  # noqa: TRY004 - the wrong version is installed; nobody passed a wrong type
    lists = [kept for kept in found.values() if isinstance(kept, list)]
    # Dates made in a run outlive it, and ask for an offset then too.
    lists[_FREEZEGUN_LISTS.index("tz_offsets")].insert(0, dt.timedelta(0))
    return lists


def _or_now(world: Surroundings, seconds: float | None) -> float:
    return world.epoch_s + world.loop.time() if seconds is None else seconds


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
