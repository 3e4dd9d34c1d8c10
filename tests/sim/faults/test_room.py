"""Too little room: limited rates, shrunken pools and queues."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from one_call import Subject, call, fault_of, made

from sim.faults import ToolRateLimited
from sim.kernel import Stuck

TOOL, ATTEMPT, SEND = call(act="tool"), call(), call(act="send", name="ship")


async def soon(world: Any, at_s: float) -> None:
    await asyncio.sleep(at_s - world.now_s)


# -- rate limit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "at_s", "passed_s"),
    [
        ({"rate": "1/s"}, [0, 0, 0.5, 1, 1.5, 2], [0, 1, 2]),
        ({"rate": "2/s"}, [0, 0.25, 0.5, 0.75, 1], [0, 0.5, 1]),
        ({"rate": "10/s"}, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
        ({"rate": "1/s", "burst": 2}, [0, 0, 0, 5, 5, 5], [0, 0, 5, 5]),
        ({"rate": "1/s", "burst": 3}, [0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 2]),
        ({"rate": "1/s", "burst": 2, "window": {"from": "3s"}}, [3, 3, 3, 3.5, 4], [3, 3, 4]),
    ],
)
def test_a_token_passes_one_call_and_comes_at_the_rate(fields, at_s, passed_s):
    """The bucket starts full, holds `burst` tokens at the most, and fills from the start of the window on."""
    acting, world = made(fault_of("rate_limit", where={"tool": "charge"}, **fields))
    passed: list[float] = []

    async def proceed() -> None:
        passed.append(world.now_s)

    async def one(at_s: float) -> None:
        await soon(world, at_s)
        await acting.apply(TOOL, proceed)

    async def main() -> list[Any]:
        return await asyncio.gather(*map(one, at_s), return_exceptions=True)

    errors = [error for error in world.run(main()) if error is not None]
    assert [round(each, 9) for each in passed] == passed_s
    assert len(errors) == len(at_s) - len(passed_s)


@pytest.mark.parametrize(("hit", "place"), [(TOOL, "charge"), (ATTEMPT, "pay")])
def test_a_refusal_names_the_fault_and_the_place(hit, place):
    """It tells which fault refused what, and how long to wait where the file says so."""
    acting, world = made(fault_of("rate_limit", rate="1/h", retry_after="2s"))

    async def proceed() -> str:
        return "answer"

    async def main() -> tuple[str, ToolRateLimited]:
        first = await acting.apply(hit, proceed)
        with pytest.raises(ToolRateLimited) as refusal:
            await acting.apply(hit, proceed)
        return first, refusal.value

    first, error = world.run(main())
    assert (first, str(error), error.retry_after_s) == ("answer", f"refused by fault it at {place}", 2.0)


# -- squeeze of a pool -------------------------------------------------------------------------


def line_of(concurrency: int, *callers: tuple[float, float, float | None]) -> list[str]:
    """Callers, each with when it comes, how long its call takes, and when it gives up; who went on when."""
    acting, world = made(fault_of("squeeze", concurrency=concurrency))
    told: list[str] = []

    async def one(number: int, comes_s: float, takes_s: float, patience_s: float | None) -> None:
        async def proceed() -> str:
            told.append(f"{number} at {world.now_s:g} s")
            await asyncio.sleep(takes_s)
            return f"answer {number}"

        await soon(world, comes_s)
        try:
            async with asyncio.timeout(patience_s):
                assert await acting.apply(TOOL, proceed) == f"answer {number}"
        except TimeoutError:
            told.append(f"{number} gives up at {world.now_s:g} s")

    async def main() -> None:
        await asyncio.gather(*(one(number, *caller) for number, caller in enumerate(callers)))

    world.run(main())
    assert (acting._going_on, len(acting._waiting)) == (0, 0)
    return told


def test_so_many_go_on_at_once_and_the_rest_in_the_order_of_coming():
    """Each call that ends hands its turn to whoever has waited longest."""
    assert line_of(1, (0, 1, None), (0, 1, None), (0, 1, None)) == ["0 at 0 s", "1 at 1 s", "2 at 2 s"]
    assert line_of(2, (0, 1, None), (0, 3, None), (0, 1, None), (0, 1, None)) == [
        "0 at 0 s", "1 at 0 s", "2 at 1 s", "3 at 2 s",
    ]  # fmt: skip
    assert line_of(2, (0, 1, None), (2, 1, None), (2, 1, None), (2, 1, None)) == [
        "0 at 0 s", "1 at 2 s", "2 at 2 s", "3 at 3 s",
    ]  # fmt: skip


def test_whoever_gives_up_leaves_the_line():
    """One that waits no longer holds up nobody, and one that goes on frees its place."""
    assert line_of(1, (0, 3, None), (0, 1, 1), (0, 1, None)) == ["0 at 0 s", "1 gives up at 1 s", "2 at 3 s"]
    assert line_of(1, (0, 9, 2), (0, 1, None)) == ["0 at 0 s", "0 gives up at 2 s", "1 at 2 s"]


def test_a_turn_that_comes_as_its_caller_gives_up_is_handed_on():
    """Given the turn and cut off in the same instant: the next one gets it."""
    acting, world = made(fault_of("squeeze", concurrency=1))
    tasks: list[asyncio.Task[Any]] = []

    async def cut_off_the_next() -> None:
        await asyncio.sleep(1)
        asyncio.get_running_loop().call_soon(tasks[1].cancel)

    async def quick() -> str:
        return "answer"

    async def main() -> str:
        for proceed in (cut_off_the_next, quick, quick):
            tasks.append(asyncio.create_task(acting.apply(TOOL, proceed)))  # noqa: PERF401 - it reads the list
        await asyncio.wait(tasks, timeout=10)
        return f"{tasks[1].cancelled()}, {tasks[2].done() and tasks[2].result()}"

    assert world.run(main()) == "True, answer"
    assert acting._going_on == 0


def test_a_dead_flow_frees_its_places():
    """Whoever was under way when the flow died neither goes on nor waits."""
    acting, world = made(fault_of("squeeze", concurrency=1))

    async def never() -> None:
        await asyncio.get_running_loop().create_future()

    async def quick() -> str:
        return "answer"

    async def main() -> Any:
        dead = [asyncio.create_task(acting.apply(TOOL, never)) for _ in range(2)]
        await asyncio.sleep(1)
        acting.forget()
        first = await asyncio.wait_for(acting.apply(TOOL, quick), 10)
        second = await asyncio.wait_for(acting.apply(TOOL, quick), 10)
        for task in dead:
            task.cancel()
        return first, second

    assert world.run(main()) == ("answer", "answer")


# -- squeeze of a queue ------------------------------------------------------------------------


def senders(coming_s: list[float], depths: dict[float, int], **fields: Any) -> list[str]:
    """Who comes when, and how many wait before the node from when on; who was let in when."""
    subject = Subject()
    acting, world = made(
        fault_of("squeeze", **{"where": {"node": "ship"}, "queue_maxsize": 2, **fields}), subject=subject
    )
    told: list[str] = []

    async def one(number: int, comes_s: float) -> None:
        async def proceed() -> None:
            told.append(f"{number} at {world.now_s:g} s")

        await soon(world, comes_s)
        await acting.apply(SEND, proceed)

    async def flow() -> None:
        for at_s, depth in depths.items():
            await soon(world, at_s)
            subject.waiting = {"ship": depth, "pay": 9}
            for observer in subject.observers:
                observer(None)

    async def main() -> None:
        subject.waiting = {"pay": 9}
        await asyncio.wait_for(asyncio.gather(flow(), *(one(*each) for each in enumerate(coming_s))), 50)

    world.run(main())
    assert not acting._line
    return told


@pytest.mark.parametrize(
    ("coming_s", "depths", "fields", "let_in"),
    [
        ([0, 1], {0.5: 1}, {}, ["0 at 0 s", "1 at 1 s"]),
        ([0], {}, {"queue_maxsize": 1}, ["0 at 0 s"]),
        ([1], {0.5: 2, 3: 1}, {}, ["0 at 3 s"]),
        ([1], {0.5: 2, 2: 2, 3: 3, 4: 1}, {}, ["0 at 4 s"]),
        ([1, 2, 3], {0.5: 2, 5: 1}, {}, ["0 at 5 s", "1 at 5 s", "2 at 5 s"]),
        ([1], {0.5: 9}, {"window": {"for": "7s"}}, ["0 at 7 s"]),
        ([3], {0.5: 9}, {"window": {"from": "2s", "for": "7s"}}, ["0 at 9 s"]),
        ([1, 2], {0.5: 9, 9: 9}, {"window": {"for": "7s"}}, ["0 at 7 s", "1 at 7 s"]),
    ],
)
def test_senders_wait_for_room_in_the_order_of_coming(coming_s, depths, fields, let_in):
    """With room at once; else when the flow has made some, and at the longest to the end of the window."""
    assert senders(coming_s, depths, **fields) == let_in


def test_a_sender_that_nobody_makes_room_for_is_stuck():
    """Without an end of the window there is no time at which it would be let in."""
    subject = Subject()
    subject.waiting["ship"] = 1
    acting, world = made(fault_of("squeeze", where={"node": "ship"}, queue_maxsize=1), subject=subject)

    async def proceed() -> None:
        return None

    with pytest.raises(Stuck):
        world.run(acting.apply(SEND, proceed))


def test_a_sender_that_is_cut_off_lets_the_next_one_look():
    """The line moves on without whoever stood first."""
    subject = Subject()
    acting, world = made(fault_of("squeeze", where={"node": "ship"}, queue_maxsize=1), subject=subject)

    async def proceed() -> None:
        subject.waiting["ship"] = 1

    async def main() -> list[bool]:
        subject.waiting["ship"] = 1
        first, second = (asyncio.create_task(acting.apply(SEND, proceed)) for _ in range(2))
        await asyncio.sleep(1)
        subject.waiting["ship"] = 0
        first.cancel()
        await asyncio.wait([first, second], timeout=10)
        return [first.cancelled(), second.done()]

    assert world.run(main()) == [True, True]


def test_nobody_stands_in_the_line_of_a_dead_flow():
    """Those who waited when it died do not hold up the senders of the next."""
    subject = Subject()
    acting, world = made(fault_of("squeeze", where={"node": "ship"}, queue_maxsize=1), subject=subject)

    async def proceed() -> None:
        return None

    async def main() -> bool:
        subject.waiting["ship"] = 1
        dead = asyncio.create_task(acting.apply(SEND, proceed))
        await asyncio.sleep(1)
        acting.forget()
        subject.waiting["ship"] = 0
        await asyncio.wait_for(acting.apply(SEND, proceed), 10)
        return dead.done()

    assert world.run(main()) is False
