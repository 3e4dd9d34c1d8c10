"""A module of an application, with a pool that a run has to do without."""

from __future__ import annotations

from typing import Any


class Pool:
    """Would connect to a database."""

    async def execute(self, _statement: str, *_values: Any) -> str:
        raise ConnectionError("there is no database")


def get_pool() -> Pool:
    return Pool()


async def audit(text: str) -> str:
    raise ConnectionError(f"nobody audits {text}")


class Repository:
    """Keeps the function as a class attribute, and has a method that is replaced."""

    pool = staticmethod(get_pool)

    def name(self) -> str:
        return "real"
