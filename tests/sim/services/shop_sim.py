"""What takes the place of the application's database in a run."""

from __future__ import annotations

import asyncio
from typing import Any

from shop_db import get_pool as real_get_pool

from sim.services import operation


class FakePool:
    """Says yes to everything."""

    @operation("db", effect=True, key=lambda _pool, _statement, value: f"order-{value}")
    async def execute(self, statement: str, value: Any) -> str:
        await asyncio.sleep(0.01)
        return f"fake: {statement.split(maxsplit=1)[0]} {value}"


async def audit(text: str) -> str:
    return f"audited {text}"


def name(self: Any) -> str:
    return f"fake {type(self).__name__}"


REAL = real_get_pool
