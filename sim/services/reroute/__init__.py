"""Clients led to the services of a run, also those that were made when their module was imported.

What is replaced is a method of each library's classes, so it does not matter
who made a client, when, or under which name. A library that is not installed
is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.services.clients import libraries
from sim.services.reroute import aiohttp_clients, blocking_clients, httpx_clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.services.gate import Gate


def reroutes(gate: Gate) -> Iterator[tuple[Any, str, object]]:
    """What to replace for a run: owner, attribute, and what to hold there."""
    known = libraries()
    for name in ("httpx", "httpx2"):
        if name in known:
            yield from httpx_clients.changes(known[name], gate)
    yield from blocking_clients.changes(known["http.client"], known.get("urllib3.connection"), gate)
    if "aiohttp" in known:
        yield from aiohttp_clients.changes(known["aiohttp"], gate)
