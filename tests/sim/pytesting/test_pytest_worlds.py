"""Async tests in a world."""

from pytest_shop import project

import sim.pytesting.items
import sim.pytesting.running
import sim.pytesting.worlds  # noqa: F401 - runs of pytest in this process put back the modules that were there before

WORLDS = """
import asyncio
import datetime
import random
import time
import uuid

import anyio
import pytest
import pytest_asyncio
from freezegun import freeze_time

drawn = []


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def shop(tmp_path):
    return tmp_path


@pytest.mark.sim(seed=7)
@pytest.mark.parametrize("time_s", [60, 3000])
async def test_time_and_chance(time_s, shop):
    before = time.time()
    await asyncio.sleep(time_s)
    assert (time.time() - before, shop.is_dir()) == (time_s, True)
    drawn.append((random.random(), uuid.uuid4()))


def test_one_seed_is_one_world():
    assert len(drawn) == 2
    assert drawn[0] == drawn[1]


@pytest.mark.sim
@pytest.mark.anyio
async def test_beside_anyio():
    await anyio.sleep(10)
    assert asyncio.get_running_loop().time() == 10


@pytest.mark.sim
@pytest.mark.asyncio
async def test_beside_pytest_asyncio():
    await asyncio.sleep(10)
    assert asyncio.get_running_loop().time() == 10


@pytest.mark.sim(horizon_s=100_000)
@freeze_time("2020-01-01")
async def test_frozen_by_its_user():
    await asyncio.sleep(86_400)
    assert datetime.datetime.now() == datetime.datetime(2020, 1, 1)


class TestClass:
    @pytest.mark.sim
    async def test_method(self):
        pytest.skip("skipping works")


@pytest_asyncio.fixture
async def real():
    yield asyncio.Queue()


@pytest.mark.asyncio
async def test_others_stay_as_they_are(real):
    real.put_nowait(asyncio.get_running_loop().time())
    assert type(asyncio.get_running_loop()).__name__ != "SimLoop"


@pytest.mark.anyio
async def test_so_do_those_of_anyio():
    assert type(asyncio.get_running_loop()).__name__ != "SimLoop"
"""

REFUSED = """
import asyncio

import pytest
import pytest_asyncio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest_asyncio.fixture
async def database():
    yield 1


@pytest.fixture
async def cache(anyio_backend):
    return 1


@pytest.fixture
def client():
    loop = asyncio.new_event_loop()
    yield loop.create_future()
    loop.close()


@pytest.mark.sim
async def test_database(database): ...


@pytest.mark.sim
@pytest.mark.anyio
async def test_cache(cache): ...


@pytest.mark.sim
async def test_client(client): ...


@pytest.mark.sim(seed=7)
def test_plain(): ...


@pytest.mark.sim(sed=7)
async def test_option(): ...


@pytest.mark.sim(seed=-1)
async def test_seed(): ...


@pytest.mark.sim(horizon_s=0)
async def test_horizon(): ...


@pytest.mark.sim
async def test_stuck():
    await asyncio.get_running_loop().create_future()


@pytest.mark.sim(horizon_s=5)
async def test_busy():
    await asyncio.sleep(10)
"""

TOLD = """
fixture 'database' is async*make it in the test*
fixture 'cache' is async*make it in the test*
fixture 'client' gives a *Future that is bound to another event loop*make it in the test*
test_plain is marked sim(seed=7), and is no async test*write async def*
*sed=7 is no option of the marker; it has seed and horizon_s*
*seed=-1 is no seed; a seed is a whole number from 0*
*horizon_s=0 is no time*
seed 0: stuck at 0 s*
seed 0: the run is still busy at its horizon of 5 s*
"""


def test_marked_tests_run_in_a_world(pytester):
    """Time is virtual and chance comes from the seed, beside anyio's plugin, pytest-asyncio and a frozen clock."""
    project(pytester, test_worlds=WORLDS)

    pytester.runpytest_subprocess().assert_outcomes(passed=8, skipped=1)


def test_the_automatic_mode_of_pytest_asyncio_leaves_worlds_alone(pytester):
    """A marked test runs in its world also where pytest-asyncio takes every async test."""
    project(pytester, test_worlds=WORLDS)

    pytester.runpytest_subprocess("-o", "asyncio_mode=auto").assert_outcomes(passed=8, skipped=1)


def test_what_no_world_can_run_is_named(pytester):
    """Fixtures of another loop, wrong options and tests without an end each fail with one clear text."""
    project(pytester, test_refused=REFUSED)

    result = pytester.runpytest_subprocess()

    result.assert_outcomes(failed=9)
    result.stdout.fnmatch_lines(TOLD.strip().splitlines())
    result.stdout.no_fnmatch_line("*Traceback*")
