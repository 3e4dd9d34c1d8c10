"""The digest of a run: what it sees, and what it refuses to compare."""

import asyncio
import os
import subprocess
import sys

import pytest

from sim.kernel import SimLoop, World
from sim.kernel.digest import PYTHON, Digest, Event, OtherPythonError, first_difference, same

PROGRAM = """
import asyncio
from sim.kernel import World
async def program():
    async with asyncio.TaskGroup() as group:
        for index in range(9):
            group.create_task(asyncio.sleep(index % 3))
world = World(3)
world.run(program())
print(world.digest, end="")
"""


def digest_of(program, *, seed=0):
    world = World(seed)
    world.run(program)
    return str(world.digest)


async def two_sleepers(first_s, second_s):
    await asyncio.gather(asyncio.sleep(first_s), asyncio.sleep(second_s))


def test_digest_sees_which_task_ran():
    """Two tasks that change places give another digest, though the same steps happen at the same times."""
    assert digest_of(two_sleepers(1, 2)) == digest_of(two_sleepers(1, 2))
    assert digest_of(two_sleepers(1, 2)) != digest_of(two_sleepers(2, 1))


def test_digest_sees_time():
    """The same steps at another time give another digest."""
    assert digest_of(asyncio.sleep(1)) != digest_of(asyncio.sleep(1.000001))


def test_digest_sees_values():
    """An event with other values is another event, and equal values count as equal wherever they lie in memory."""

    def told(value):
        digest = Digest()
        digest.add(1.0, "charge#1", "answer", value)
        return str(digest)

    assert told({"a": 1, "b": [2]}) == told({"b": [2], "a": 1})
    assert told({"a": 1}) != told({"a": 2})


def test_words_are_hashed_in_bounded_pieces():
    """However long a run is, only some thousand words wait to be hashed."""
    world = World(0)
    longest = []

    async def program():
        for _ in range(20_000):
            await asyncio.sleep(0.001)
            longest[:] = [max([*longest, len(world.digest.words)])]

    world.run(program())
    assert longest[0] < 5_000


def test_loop_without_digest_runs_the_same():
    """A loop of its own keeps no digest, and comes to the same end."""
    loop = SimLoop()
    loop.run_until_complete(two_sleepers(1, 2))
    assert (loop.time(), loop.digest) == (2.0, None)
    loop.close()


@pytest.mark.parametrize("options", [("0", ""), ("1", ""), ("random", ""), ("0", "-O")])
def test_fresh_process_gives_the_same_digest(options):
    """Another process, another hash seed and `-O` change nothing."""
    hash_seed, flag = options
    scope = {}
    exec(PROGRAM.replace("print(", "digest = str(").replace(', end=""', ""), scope)  # noqa: S102 - our own text
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, *filter(None, [flag]), "-c", PROGRAM]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert answer.stdout == scope["digest"]


def test_other_python_is_refused():
    """Digests of two minor versions are not compared: the answer would say nothing."""
    with pytest.raises(OtherPythonError, match=r"py3\.11 and py3\.99 cannot be compared: .*; run both under py3\.11"):
        same("py3.11-00", "py3.99-00")
    assert same(f"{PYTHON}-00", f"{PYTHON}-00")
    assert not same(f"{PYTHON}-00", f"{PYTHON}-01")


def test_first_difference_shows_both_sides():
    """The first events that differ come as a pair; a run that is over has none."""
    step, other = Event(1.0, "task-1", "step"), Event(1.0, "task-2", "step")
    assert first_difference([step, step], [step, other]) == (step, other)
    assert first_difference([step, step], [step]) == (step, None)
    assert first_difference([step], [step]) is None


def test_events_name_the_tasks():
    """Events that are kept tell the time, the task and what it did."""
    world = World(0)
    world.digest.keep_events = True
    world.run(two_sleepers(1, 2))
    world.digest.flush()
    told = [str(event) for event in world.digest.events]
    assert told[:3] == ["0.000000 s  task-1  step", "0.000000 s  task-2  step", "0.000000 s  task-3  step"]
    assert "1.000000 s  task-2  step" in told
