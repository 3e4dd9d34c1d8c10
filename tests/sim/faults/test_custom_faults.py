"""Faults of the user's own: what their factory is given, and what it may not give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from one_call import call, fault_of, made, story_of

from sim.faults import FactoryError

CUSTOM = fault_of("custom", where={"node": "pay"}, factory="shop.sim:Flaky", args={"every": 3})
TAKES = "; it takes (fault, draws, **args)"


def give(what: Any) -> dict[str, Any]:
    return {"factories": {"shop.sim:Flaky": lambda _fault, _draws, **_args: what}}


def test_a_factory_gets_the_fault_the_draws_and_its_arguments():
    """`(fault, draws, **args)`, as docs/faults.md says."""
    got: list[Any] = []

    def factory(fault: Any, draws: Any, *, every: int) -> Any:
        got.extend((fault, draws, every))
        return SimpleNamespace(apply=print)

    _, world = made(CUSTOM, factories={"shop.sim:Flaky": factory})
    assert got == [CUSTOM, world.draws, 3]


@pytest.mark.parametrize(
    ("factory", "problem"),
    [
        (
            lambda _fault, _draws: None,
            "shop.sim:Flaky raises TypeError: <lambda>() got an unexpected keyword argument 'every'" + TAKES,
        ),
        (
            lambda _fault, _draws, every: 1 // (every - 3),
            "shop.sim:Flaky raises ZeroDivisionError: integer division or modulo by zero" + TAKES,
        ),
        (
            lambda _fault, _draws, every: every,
            "shop.sim:Flaky gives a int, which has no method apply(call, proceed)",
        ),
        (
            lambda _fault, _draws, every: SimpleNamespace(apply=every),
            "shop.sim:Flaky gives a SimpleNamespace, which has no method apply(call, proceed)",
        ),
    ],
)
def test_a_factory_that_gives_nothing_that_acts_is_told(factory, problem):
    """The error names the fault and the factory, what went wrong, and what is expected."""
    with pytest.raises(FactoryError) as told:
        made(CUSTOM, factories={"shop.sim:Flaky": factory})
    assert (told.value.fault, str(told.value)) == ("it", problem)


def test_what_the_factory_gives_acts_and_describes_itself():
    """The call and `proceed` are handed on, its result comes back; without `describe` the report names the factory."""

    async def apply(hit: Any, proceed: Any) -> Any:
        return hit.node, await proceed()

    silent, speaking = (
        SimpleNamespace(apply=apply),
        SimpleNamespace(apply=apply, describe=lambda hit: f"loses {hit.node}"),
    )
    assert story_of(CUSTOM, call(), **give(silent)) == ["0 s: acts", "0.25 s: gives ('pay', 'answer')"]
    assert made(CUSTOM, **give(silent))[0].describe(call()) == "shop.sim:Flaky"
    assert made(CUSTOM, **give(speaking))[0].describe(call()) == "loses pay"
    assert made(CUSTOM, **give(SimpleNamespace(apply=apply, describe="text")))[0].describe(call()) == "shop.sim:Flaky"
