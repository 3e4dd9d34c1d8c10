"""Futures and tasks that are made by their class, not by the loop, in a world."""

from __future__ import annotations

import asyncio
from asyncio import Future as KeptFuture
from asyncio import Task as KeptTask
from typing import Any

import pytest

from sim.kernel import World

_PLAIN_FUTURE, _PLAIN_TASK = asyncio.Future, asyncio.Task


async def _nothing() -> None:
    await asyncio.sleep(1)


@pytest.mark.parametrize("kind", ["asyncio.Future()", "an alias", "asyncio.Task()", "an alias of Task"])
def test_a_set_of_them_is_walked_in_the_order_of_making(kind: str) -> None:
    """They hash by a number, not by their address, whichever name they are made by."""

    async def main() -> tuple[list[int], list[str]]:
        make: Any = {
            "asyncio.Future()": asyncio.Future,
            "an alias": KeptFuture,
            "asyncio.Task()": lambda: asyncio.Task(_nothing()),
            "an alias of Task": lambda: KeptTask(_nothing(), loop=asyncio.get_running_loop()),
        }[kind]
        made = []
        for size in range(30):
            made.append(make())
            bytearray(size * 50)  # other memory between them
        walked = [made.index(one) for one in set(made)]
        return walked, [one.get_name() for one in made[:2] if isinstance(one, asyncio.Task)]

    walked, names = World(1).run(main())
    assert walked == list(range(30))
    assert names == (["task-2", "task-3"] if "Task" in kind else [])


def test_every_future_and_task_is_still_an_instance() -> None:
    """`isinstance` and `issubclass` say what they say outside of a run, also of what asyncio itself makes."""

    class Own(KeptFuture):  # type: ignore[type-arg] # of nothing
        pass

    async def main() -> None:
        task, future, gathered = asyncio.create_task(_nothing()), asyncio.Future[int](), asyncio.gather(_nothing())
        for one in (task, future, gathered, Own(), asyncio.get_running_loop().create_future()):
            assert isinstance(one, asyncio.Future)
            assert isinstance(one, _PLAIN_FUTURE)
            assert isinstance(one, asyncio.Task) == (one is task)
        assert issubclass(_PLAIN_TASK, asyncio.Future)
        assert issubclass(asyncio.Task, asyncio.Future)
        assert not issubclass(asyncio.Future, asyncio.Task)
        assert not isinstance(_nothing, asyncio.Future)
        await gathered

    World(1).run(main())


def test_a_class_that_a_run_derives_is_a_class_of_its_own() -> None:
    """A subclass written during a run has its own instances only, and works on another loop afterwards."""

    async def main() -> type[Any]:
        class Derived(asyncio.Future):  # type: ignore[type-arg] # of nothing
            pass

        assert isinstance(Derived(), Derived)
        assert isinstance(Derived(), asyncio.Future)
        assert not isinstance(asyncio.Future(), Derived)
        assert not issubclass(asyncio.Task, Derived)
        return Derived

    derived = World(1).run(main())

    async def after() -> int:
        return len({derived(), derived()})

    assert asyncio.run(after()) == 2


def test_the_classes_are_asyncios_own_after_the_run() -> None:
    """What a run puts in their place goes with it."""
    World(1).run(_nothing())
    assert asyncio.Future is _PLAIN_FUTURE is KeptFuture
    assert asyncio.Task is _PLAIN_TASK is asyncio.tasks.Task
