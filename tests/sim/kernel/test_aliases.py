"""Clocks and generators that modules keep: controlled wherever possible, told as uncontrolled elsewhere."""
# ruff: noqa: S311 - plain generators are what is tested

import asyncio
import importlib
import random
import secrets
import subprocess
import sys
import time

import pytest

from sim.kernel import World
from sim.kernel.aliases import Pairs, Uncontrolled

EPOCH_S = 1_700_000_000.0
KEEPER = """
import functools
import random
import time
from datetime import datetime

now = datetime.now
seeded = random.Random(42)
unseeded = random.Random()

def by_default(clock=time.time):
    return clock()

def by_keyword(*, clock=time.monotonic):
    return clock()

class Keeper:
    clock = time.time
    static = staticmethod(time.monotonic)

    def read(self, clock=time.time):
        return clock()

class Holder:
    def __init__(self):
        self.clock = time.time

CLOCKS = {"wall": time.time}
LATER = functools.partial(time.monotonic)
HOLDER = Holder()
"""


@pytest.fixture
def keeper(tmp_path, monkeypatch):
    """A module of a user, which keeps clocks in every way."""
    (tmp_path / "clock_keeper.py").write_text(KEEPER)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("clock_keeper")
    del sys.modules["clock_keeper"]


def run(function, seed=1):
    async def program():
        await asyncio.sleep(5)
        return function()

    return World(seed).run(program())


def readings(keeper):
    return [
        keeper.by_default(),
        keeper.by_keyword(),
        keeper.Keeper().clock(),
        keeper.Keeper.static(),
        keeper.Keeper().read(),
        keeper.now().timestamp(),
    ]


def test_kept_clocks_follow_the_run(keeper):
    """Default values, class attributes and methods taken from `datetime` give the run's time."""
    wall = EPOCH_S + 5
    assert run(lambda: readings(keeper)) == [wall, 5.0, wall, 5.0, wall, wall]


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit])
def test_kept_clocks_are_put_back(keeper, error):
    """After a run that dies, defaults and class attributes are exactly the objects that they were."""
    before = keeper.by_default.__defaults__, keeper.by_keyword.__kwdefaults__, dict(vars(keeper.Keeper)), keeper.now

    def die():
        raise error

    with pytest.raises(error):
        run(die)
    after = keeper.by_default.__defaults__, keeper.by_keyword.__kwdefaults__, dict(vars(keeper.Keeper)), keeper.now
    assert after == before
    assert after[0][0] is time.time


def test_unreachable_clocks_are_told(keeper):
    """A clock in a container, in a partial call or in an object is told, with the line that keeps it."""
    world = World(1)
    world.run(asyncio.sleep(1))
    lines = KEEPER.splitlines()

    def place(start):
        return f"clock_keeper.py:{next(number for number, line in enumerate(lines, 1) if line.startswith(start))}"

    told = [one for one in world.uncontrolled if one.place.startswith("clock_keeper.py")]
    assert told == [
        Uncontrolled("time.monotonic", place("LATER"), "in LATER"),
        Uncontrolled("time.time", place("CLOCKS"), "in CLOCKS"),
        Uncontrolled("time.time", place("HOLDER"), "in HOLDER"),
    ]
    assert str(told[1]).startswith(f"uncontrolled source time.time, {place('CLOCKS')}: kept in CLOCKS; ")


def test_generator_of_a_module_with_a_seed_begins_each_run_alike(keeper):
    """A generator that a module has seeded starts each run where it was made, and stands afterwards where it stood."""
    first = run(keeper.seeded.random, seed=1)
    assert first == random.Random(42).random()
    keeper.seeded.random()
    state = keeper.seeded.getstate()
    assert run(keeper.seeded.random, seed=2) == first
    assert keeper.seeded.getstate() == state


def test_generator_of_a_module_without_a_seed_gets_the_runs(keeper):
    """A generator that a module has made without a seed draws from the run's."""
    state = keeper.unseeded.getstate()
    first, again, other = (run(keeper.unseeded.random, seed) for seed in (1, 1, 2))
    assert first == again != other
    assert keeper.unseeded.getstate() == state


def test_numpy_draws_from_the_seed():
    """The default generators of numpy, old and new, repeat with the seed, and the old one is put back."""
    numpy = pytest.importorskip("numpy", reason="numpy is not installed: nothing to seed")

    def draw():
        return float(numpy.random.random()), float(numpy.random.default_rng().random())

    before = numpy.random.get_state(legacy=False)
    first, again, other = (run(draw, seed) for seed in (1, 1, 2))
    assert first == again
    assert all(mine != theirs for mine, theirs in zip(first, other, strict=True))
    after = numpy.random.get_state(legacy=False)
    assert after["state"]["pos"] == before["state"]["pos"]
    assert (after["state"]["key"] == before["state"]["key"]).all()


def test_secrets_choose_alike():
    """Everything in `secrets` repeats with the seed."""

    def draw():
        return secrets.token_urlsafe(), secrets.choice(range(10**9)), secrets.randbelow(10**9)

    assert run(draw) == run(draw)


def test_pairs_leave_strangers_alone():
    """What is none of the pairs has nothing that stands for it, methods of strangers included."""
    pairs = Pairs([(time.time, time.monotonic)])
    assert pairs.new(time.time) is time.monotonic
    assert [pairs.new(stranger) for stranger in (time.sleep, [].append, staticmethod(len), None)] == [None] * 4


def test_what_a_prompt_binds_between_two_runs_is_controlled(monkeypatch):
    """A name of `__main__` that is newer than the first run answers with virtual time, and is itself afterwards."""
    main = sys.modules["__main__"]
    run(lambda: None)
    monkeypatch.setattr(main, "kept_later", time.time, raising=False)
    monkeypatch.setattr(main, "CLOCKS_LATER", [time.monotonic], raising=False)
    world = World(1)

    async def program():
        return main.kept_later()

    assert world.run(program()) == EPOCH_S
    assert main.kept_later is time.time
    assert any("in CLOCKS_LATER" in str(one) for one in world.uncontrolled)


COLD_AND_WARM = """
import os
from sim.kernel import World

async def program():
    first = os.urandom(4).hex()
    import numpy
    return first, numpy.random.random(), numpy.random.default_rng().random(), os.urandom(4).hex()

cold, warm = (World(1).run(program()) for _ in range(2))
assert cold == warm, (cold, warm)
import numpy
assert World(1).run(program()) == cold
print("equal")
"""


def test_a_run_that_imports_numpy_itself_draws_the_same():
    """The first run of a process, which imports numpy, and the next, which finds it, give equal numbers."""
    pytest.importorskip("numpy", reason="numpy is not installed: nothing to seed")
    command = [sys.executable, "-c", COLD_AND_WARM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the text above
    assert (done.stdout, done.stderr) == ("equal\n", "")
