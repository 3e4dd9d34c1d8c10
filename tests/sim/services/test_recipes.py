"""The recipes of docs/recipes.md, as they stand there, with the real libraries."""

from __future__ import annotations

import asyncio
import re
import types
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from served import answer_of, run
from sqlalchemy import text

from sim.services.swaps import Swap, Swaps

PAGE = Path(__file__).parents[3] / "docs" / "recipes.md"
SERVICES = {"db": {"replace": {"a:b": "c:d"}}}


def recipe(name: str) -> types.ModuleType:
    """The module that the page shows."""
    code = re.search(rf"```python\n(# recipe: {name}\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None, name
    module = types.ModuleType(f"recipe_{name}")
    exec(compile(code[1], f"{name}.py", "exec"), vars(module))  # noqa: S102 - the page is ours
    return module


def asyncpg_swaps() -> Swaps:
    return Swaps("db", [Swap(asyncpg, "create_pool", asyncpg.create_pool, recipe("asyncpg").create_pool)])


def test_asyncpg_is_swapped_for_the_run() -> None:
    """The application's own code and asyncpg's own exceptions."""

    async def program() -> Any:
        pool = await asyncpg.create_pool("postgres://nowhere")
        async with pool.acquire() as connection:
            await connection.execute("insert into orders values ($1, $2)", 7, 5)
            with pytest.raises(asyncpg.UniqueViolationError):
                await connection.execute("insert into orders values ($1, $2)", 7, 5)
            return await connection.fetchval("select amount from orders where id = $1", 7)

    assert answer_of(program, {"db": asyncpg_swaps()}, services=SERVICES) == 5


def test_a_lost_answer_of_asyncpg_is_an_effect() -> None:
    """The insert has happened, and the caller sees a broken connection."""

    async def program(request: Any) -> None:
        pool = await asyncpg.create_pool("postgres://nowhere")
        await asyncio.sleep(1)
        async with pool.acquire() as connection:
            with pytest.raises(ConnectionError):
                await connection.execute("insert", 7, 5)

    lost = {
        "id": "lost", "kind": "tool_error", "where": {"service": "db"}, "window": {"from": "500ms", "for": "1s"},
        "error": "unavailable", "after_effect": True,
    }  # fmt: skip
    recording = run(program, {"db": asyncpg_swaps()}, services=SERVICES, faults=[lost])

    assert [(effect.name, effect.key) for effect in recording.effects] == [("execute", "order-7")]


def test_sqlalchemy_runs_real_sql_in_memory() -> None:
    """A new database for each run; a commit is an effect of the service."""
    module = recipe("sqlalchemy")

    async def program() -> Any:
        engine = module.make_engine()
        async with module.WatchedSession(engine) as session:
            await session.execute(text("create table orders (id integer primary key)"))
            await session.execute(text("insert into orders values (7)"))
            await session.commit()
            rows = (await session.execute(text("select id from orders"))).scalars().all()
        await engine.dispose()
        return list(rows)

    for _ in range(2):
        assert answer_of(program, {"db": asyncpg_swaps()}, services=SERVICES) == [7]


def test_redis_runs_against_a_server_in_memory() -> None:
    """redis-py itself, over streams."""
    module = recipe("redis")

    async def program() -> Any:
        client = await module.connect()
        first = await client.set("lock", "a", nx=True)
        second = await client.set("lock", "b", nx=True)
        answer = first, second, await client.get("lock"), await client.incr("n"), await client.incr("n")
        await client.aclose()
        return answer

    assert answer_of(program, {}) == (True, None, b"a", 1, 2)
