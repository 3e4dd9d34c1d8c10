"""Callables are swapped for a run, wherever they are known, and put back exactly."""

from __future__ import annotations

import asyncio
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import shop_app
import shop_db
import shop_sim
from served import answer_of, run

from sim.services import ServiceError
from sim.services.swaps import Swap, Swaps

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = {"db": {"replace": {"shop_db:get_pool": "shop_sim:FakePool"}}}


def swaps() -> Swaps:
    return Swaps(
        "db",
        [
            Swap(shop_db, "get_pool", shop_db.get_pool, shop_sim.FakePool),
            Swap(shop_db, "audit", shop_db.audit, shop_sim.audit),
            Swap(shop_db.Repository, "name", shop_db.Repository.name, shop_sim.name),
        ],
    )


def known() -> list[Any]:
    return [
        shop_db.get_pool, shop_app.get_pool, shop_app.save.__defaults__, shop_db.Repository.__dict__["pool"],
        shop_db.audit, shop_app.audit, shop_db.Repository.__dict__["name"],
    ]  # fmt: skip


def test_every_name_of_a_callable_is_swapped() -> None:
    """By module, by import, as a default value, as a class attribute."""
    assert answer_of(shop_app.save, {"db": swaps()}, services=SERVICES) == ["fake: insert 7"] * 4


def test_methods_and_async_functions_are_swapped() -> None:
    """A method gets its object, an async function is awaited."""

    async def program() -> Any:
        return shop_app.name(), await shop_app.note()

    assert answer_of(program, {"db": swaps()}, services=SERVICES) == ("fake Repository", "audited order 7")


@pytest.mark.parametrize("end", ["well", "badly"])
def test_everything_is_put_back_exactly(end: str) -> None:
    """After a run that ends well, and after one that dies, each name holds the very object that it held."""
    before = known()

    async def program(_request: Any) -> None:
        await shop_app.save()

    if end == "badly":
        services = {**SERVICES, "bank": {"app": "served:bank"}}
        with pytest.raises(ServiceError):
            run(program, {"db": swaps(), "bank": lambda: 1 / 0}, services=services)
    else:
        run(program, {"db": swaps()}, services=SERVICES)

    assert all(now is then for now, then in zip(known(), before, strict=True))


def test_a_module_imported_in_the_run_is_cleaned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has imported the stand-in by name, and holds the real callable afterwards."""
    (tmp_path / "late_module.py").write_text(dedent("from shop_db import get_pool\n"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    async def program() -> Any:
        import late_module  # noqa: PLC0415 - late is the point

        return type(late_module.get_pool()).__name__

    assert answer_of(program, {"db": swaps()}, services=SERVICES) == "FakePool"
    assert sys.modules.pop("late_module").get_pool is shop_db.get_pool


def test_the_stand_in_may_call_what_it_stands_for() -> None:
    """Its own module keeps the real callable."""

    async def program() -> Any:
        return shop_sim.real_get_pool is shop_sim.REAL

    assert answer_of(program, {"db": swaps()}, services=SERVICES)


def test_an_operation_is_a_call_of_its_service() -> None:
    """Faults hit it, and it is an effect with its key, at its own place."""

    async def save(request: Any) -> None:
        try:
            await shop_app.get_pool().execute("insert", 7)
        except ConnectionError:
            await shop_app.get_pool().execute("insert", 7)

    fault = {
        "id": "lost", "kind": "tool_error", "where": {"service": "db", "call": 1}, "error": "unavailable",
        "after_effect": True,
    }  # fmt: skip
    recording = run(save, {"db": swaps()}, services=SERVICES, faults=[fault])

    assert [(effect.name, effect.key, effect.node) for effect in recording.effects] == [
        ("execute", "order-7", "save"), ("execute", "order-7", "save"),
    ]  # fmt: skip


def test_a_swapped_async_function_is_an_operation_by_itself() -> None:
    """`where: {service: db}` matches its calls without a decorator; they are no effects."""

    async def program(request: Any) -> None:
        await shop_app.note()

    slow = {"id": "slow", "kind": "latency", "where": {"service": "db"}, "delay": "2s"}
    recording = run(program, {"db": swaps()}, services=SERVICES, faults=[slow])

    assert [request.latency_s for request in recording.requests] == [2.0]
    assert recording.effects == []


def test_an_operation_outside_of_a_run_is_the_plain_function() -> None:
    """Nothing stands around it."""
    assert asyncio.run(shop_sim.FakePool().execute("insert", 1)) == "fake: insert 1"
