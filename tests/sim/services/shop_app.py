"""Another module of the application: it knows the functions by its own names."""

from __future__ import annotations

import shop_db
from shop_db import audit, get_pool


async def save(pool_of: object = get_pool) -> list[str]:
    """Use the pool by every way to reach it."""
    pools = [get_pool(), shop_db.get_pool(), pool_of(), shop_db.Repository.pool()]
    return [await pool.execute("insert into orders values ($1)", 7) for pool in pools]


async def note() -> str:
    return await audit("order 7")


def name() -> str:
    return shop_db.Repository().name()
