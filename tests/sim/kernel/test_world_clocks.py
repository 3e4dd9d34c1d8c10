"""All clocks of a run agree, and after it they are the machine's again."""
# ruff: noqa: DTZ001, DTZ005, DTZ006, DTZ011 - programs that read dates without a zone are what is tested
# ruff: noqa: ASYNC251 - and so are programs that block
# ruff: noqa: ICN001 - the module is compared under its own name

import asyncio
import datetime
import importlib
import logging
import os
import pickle
import sys
import time
import types
from datetime import date
from datetime import datetime as bound_datetime
from time import monotonic as bound_monotonic
from time import perf_counter as bound_perf_counter
from time import sleep as bound_sleep
from time import time as bound_time

import freezegun
import pytest

from sim.kernel import HorizonReached, World
from sim.kernel import clocks as kernel_clocks
from sim.kernel.blocking import Blocked

EPOCH_S = 1_700_000_000.0
START = datetime.datetime(2023, 11, 14, 22, 13, 20)
REAL_DATETIME, REAL_DATE = datetime.datetime, datetime.date


def test_every_clock_follows_the_loop():
    """All functions of `time` give the loop's time, the wall clocks from the epoch on."""

    async def program():
        await asyncio.sleep(2.5)
        return {
            "time": time.time(),
            "time_ns": time.time_ns(),
            "monotonic": time.monotonic(),
            "monotonic_ns": time.monotonic_ns(),
            "perf_counter": time.perf_counter(),
            "perf_counter_ns": time.perf_counter_ns(),
            "ctime": time.ctime(),
            "strftime": time.strftime("%H:%M:%S %Z"),
            "localtime": time.localtime()[:6],
            "gmtime": time.gmtime()[:6],
            "given": time.gmtime(0)[:6],
        }

    assert World(1).run(program()) == {
        "time": EPOCH_S + 2.5,
        "time_ns": 1_700_000_002_500_000_000,
        "monotonic": 2.5,
        "monotonic_ns": 2_500_000_000,
        "perf_counter": 2.5,
        "perf_counter_ns": 2_500_000_000,
        "ctime": "Tue Nov 14 22:13:22 2023",
        "strftime": "22:13:22 UTC",
        "localtime": (2023, 11, 14, 22, 13, 22),
        "gmtime": (2023, 11, 14, 22, 13, 22),
        "given": (1970, 1, 1, 0, 0, 0),
    }


def test_processor_time_stands_still():
    """Work takes no processor time in a run, and the clocks of the system agree with the others."""

    async def program():
        await asyncio.sleep(2.5)
        clocks = (time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, time.CLOCK_PROCESS_CPUTIME_ID)
        return [time.process_time(), time.thread_time(), *map(time.clock_gettime, clocks)]

    assert World(1).run(program()) == [0.0, 0.0, EPOCH_S + 2.5, 2.5, 0.0]


def test_dates_follow_the_loop():
    """`datetime` and `date` agree with the wall clock, in UTC, with a zone and without."""

    async def program():
        await asyncio.sleep(7200)
        now = datetime.datetime.now(datetime.UTC)
        return now, datetime.datetime.now(), datetime.date.today(), now.timestamp(), datetime.datetime.fromtimestamp(0)

    aware, naive, today, stamp, first = World(1, horizon_s=10_000).run(program())
    assert aware == (START + datetime.timedelta(hours=2)).replace(tzinfo=datetime.UTC)
    assert naive == START + datetime.timedelta(hours=2)
    assert today == date(2023, 11, 15)
    assert stamp == EPOCH_S + 7200
    assert first == REAL_DATETIME(1970, 1, 1)


def test_names_bound_before_the_run_agree():
    """`from time import monotonic` and its like give the same answers as `time.monotonic`."""

    async def program():
        await asyncio.sleep(0.123456)
        assert bound_monotonic() == time.monotonic() == 0.123456
        assert bound_perf_counter() == 0.123456
        assert bound_time() == time.time()
        assert bound_datetime.now().timestamp() == pytest.approx(time.time(), abs=1e-6)
        assert date.today() == date(2023, 11, 14)
        bound_sleep(1)
        assert bound_monotonic() == 1.123456

    World(1).run(program())


def test_module_imported_during_a_run_is_clean_after_it(tmp_path, monkeypatch):
    """A module that binds clocks while a run is on has the real ones afterwards, and virtual ones in the next run."""
    (tmp_path / "newcomer_clock.py").write_text("from time import time as now\nfrom datetime import datetime\n")
    monkeypatch.syspath_prepend(tmp_path)

    async def program():
        module = importlib.import_module("newcomer_clock")
        return module.now(), module.datetime.now()

    expected = (EPOCH_S, START)
    assert World(1).run(program()) == expected
    module = sys.modules["newcomer_clock"]
    assert module.now is time.time
    assert module.datetime is REAL_DATETIME
    assert World(1).run(program()) == expected
    del sys.modules["newcomer_clock"]


def test_odd_modules_do_not_disturb(monkeypatch):
    """Something strange in `sys.modules` is passed over."""
    monkeypatch.setitem(sys.modules, "odd_none", None)
    monkeypatch.setitem(sys.modules, "odd_object", object())
    nameless = types.ModuleType("odd_nameless")
    del nameless.__name__
    monkeypatch.setitem(sys.modules, "odd_nameless", nameless)
    World(1).run(asyncio.sleep(1))


def test_kept_stand_in_tells_real_time_after_the_run():
    """A function that somebody kept from a run answers with the machine's time after it."""

    async def program():
        return time.time, time.monotonic

    wall, monotonic = World(1).run(program())
    assert wall() > EPOCH_S + 86_400
    assert abs(monotonic() - time.monotonic()) < 60


def test_outside_a_run_dates_are_real():
    """Between runs `datetime` is Python's own class again, and its clock the machine's."""
    World(1).run(asyncio.sleep(1))
    assert (datetime.datetime, datetime.date, bound_datetime, date) == (
        REAL_DATETIME,
        REAL_DATE,
        REAL_DATETIME,
        REAL_DATE,
    )
    assert datetime.datetime.now().timestamp() == pytest.approx(time.time(), abs=60)
    assert datetime.datetime.now(datetime.UTC).timestamp() == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC", None])
def test_machine_time_zone_does_not_matter(zone, monkeypatch):
    """A run lives in UTC wherever the machine stands, and the machine's zone is back after it."""
    if zone is None:
        monkeypatch.delenv("TZ", raising=False)
    else:
        monkeypatch.setenv("TZ", zone)
    time.tzset()
    before = time.tzname, time.timezone, os.environ.get("TZ")

    async def program():
        naive = datetime.datetime.now()
        return (
            str(naive.astimezone()),
            naive.timestamp(),
            time.localtime(0)[:5],
            time.mktime(time.gmtime(0)),
            time.tzname,
        )

    expected = ("2023-11-14 22:13:20+00:00", EPOCH_S, (1970, 1, 1, 0, 0), 0.0, ("UTC", "UTC"))
    assert World(1).run(program()) == expected
    assert (time.tzname, time.timezone, os.environ.get("TZ")) == before
    monkeypatch.undo()
    time.tzset()


def test_log_records_carry_virtual_time(caplog):
    """The standard library's own use of the clock is virtual too."""

    async def program():
        await asyncio.sleep(10)
        logging.getLogger("program").warning("now")

    World(1).run(program())
    assert caplog.records[0].created == EPOCH_S + 10


def test_other_epoch():
    """A world may start at any moment."""

    async def program():
        return time.time(), datetime.datetime.now()

    assert World(1, epoch_s=0.5).run(program()) == (0.5, REAL_DATETIME(1970, 1, 1, 0, 0, 0, 500_000))


def test_blocking_sleep_is_a_finding():
    """`time.sleep` on the loop moves the clock, and is reported with its length and the caller's line."""

    async def program():
        await asyncio.sleep(1)
        time.sleep(3)
        return time.monotonic()

    world = World(1)
    line = program.__code__.co_firstlineno + 2
    assert world.run(program()) == 4.0
    expected = (
        f"time.sleep blocks the event loop for 3 s at test_world_clocks.py:{line}, called by task task-1; "
        "nothing else runs meanwhile; await what waits, or call it through asyncio.to_thread"
    )
    assert [str(finding) for finding in world.blocked] == [expected]
    assert world.blocked == (Blocked("time.sleep", "test_world_clocks.py", line, 3, "task task-1", 1.0),)


def test_blocking_forever_ends_at_the_horizon():
    """A poll that blocks without end is stopped by the horizon."""

    async def program():
        while True:
            time.sleep(1)

    with pytest.raises(HorizonReached):
        World(1, horizon_s=5).run(program())


def test_negative_sleep_is_refused_as_ever():
    """`time.sleep` keeps its own error."""

    async def program():
        time.sleep(-1)

    with pytest.raises(ValueError, match="sleep length must be non-negative"):
        World(1).run(program())


def test_dates_of_a_run_outlive_it():
    """A date made in a run still calculates, prints and compares after it."""

    async def program():
        return datetime.datetime.now(), datetime.datetime.now(datetime.UTC), datetime.date.today()

    naive, aware, today = World(1).run(program())
    assert naive.timestamp() == aware.timestamp() == EPOCH_S
    assert naive + datetime.timedelta(days=1) > START
    assert (str(naive), today.isoformat()) == ("2023-11-14 22:13:20", "2023-11-14")
    assert isinstance(naive, REAL_DATETIME)
    assert pickle.loads(pickle.dumps((naive, aware, today))) == (naive, aware, today)  # noqa: S301 - our own bytes


def test_freezegun_inside_a_run_still_works():
    """A program that freezes time itself gets what it asked for, and the world's time after it."""

    async def program():
        with freezegun.freeze_time("2001-02-03"):
            inner = datetime.datetime.now()
        return inner, datetime.datetime.now()

    assert World(1).run(program()) == (REAL_DATETIME(2001, 2, 3), START)


def test_freezegun_keeps_the_lists_that_we_use():
    """The canary for freezegun: its private lists are there and empty outside a run."""
    clocks, offsets, *others = kernel_clocks._freezegun_lists()
    assert [clocks, *others] == [[], [], []]
    assert offsets == [datetime.timedelta(0)]


def test_other_freezegun_is_refused(monkeypatch):
    """A freezegun without those lists is named, with the version that works."""
    monkeypatch.delattr(kernel_clocks.freezegun, "tz_offsets")
    monkeypatch.setattr(kernel_clocks, "_freezegun_lists", kernel_clocks._freezegun_lists.__wrapped__)
    with pytest.raises(RuntimeError, match=r"freezegun .* has no list tz_offsets; .* install freezegun 1\.5"):
        World(1).run(asyncio.sleep(0))
