"""The HTTP client libraries of this process."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_LIBRARIES = ("httpx", "httpx2", "http.client", "urllib3.connection", "aiohttp")


@cache
def libraries() -> dict[str, ModuleType]:
    """The client libraries of this process; imported before the first run, so that all runs are alike."""
    found: dict[str, ModuleType] = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.import_module(name)
        except ImportError:
            continue
    return found
